"""What a training on an environment of the host will be, before it begins: agent, sizes, hyper-parameters."""

import dataclasses
from typing import Any

import optax

from lpg.agents.registry import TABULAR, agent_optimizer
from lpg.evaluation.search_space import agent_kind
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.tuning_table import ChosenConfig, general_config, recorded_config
from lpg.learner.hosted import ATARI, make_environments
from lpg.learner.learner import Learner
from lpg.learner.spaces import Spaces, make_agent, spaces_of
from lpg.update_rules.registry import NamedRule

GYMNASIUM_STEPS, ATARI_STEPS = 500_000, 50_000_000
"""The second are the paper's 200 M frames."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class GymnasiumOptions:
    """What these environments know beyond `TrainConfig`."""

    sticky_actions: float = 0.0
    """Probability that an Atari game repeats the last action."""
    overlap: bool = False
    """Let environments step while the agent learns, with parameters that are one update old."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class HostedTask:
    """One rule on one environment, before anything happens."""

    rule: NamedRule
    environment: str
    agent: str
    spaces: Spaces
    num_updates: int
    chosen: ChosenConfig
    options: GymnasiumOptions

    @property
    def config(self) -> TrainConfig:
        """How the agents are trained."""
        return self.chosen.config

    def identity(self, seed: int) -> dict[str, Any]:
        """What a checkpoint must have in common with a training that goes on from it."""
        return {
            "rule": self.rule.label,
            "card": self.rule.card,
            "environment": self.environment,
            "agent": self.agent,
            "num_updates": self.num_updates,
            "config": dataclasses.asdict(self.config),
            "options": dataclasses.asdict(self.options),
            "seed": seed,
        }


def plan(
    rule: NamedRule,
    environment: str,
    *,
    num_steps: int | float | None = None,
    agent: str | None = None,
    config: TrainConfig | None = None,
    changes: dict[str, Any] | None = None,
    options: GymnasiumOptions | None = None,
) -> HostedTask:
    """Decides everything that is not given, and finds out what does not fit.

    Args:
        num_steps: environment steps, all environments together; none: 500,000, and the paper's 50 M on Atari.
        agent: none: a table for states, a small network for vectors, convolutions for images.
        config: none: a recorded one, else the defaults; on Atari those of Table 4 of the paper.
        changes: fields of the configuration to change.

    Raises:
        ValueError: there is no such environment, its spaces are none that an agent here can have, or the agent cannot
            read its observations.
    """
    options, is_atari = options or GymnasiumOptions(), environment.startswith(ATARI)
    spaces = look(environment, options.sticky_actions)
    agent = agent or spaces.default_agent
    num_steps = default_steps(environment) if num_steps is None else num_steps
    if not num_steps > 0:
        raise ValueError(f"num_steps is {num_steps}; it must be positive")
    if config is not None:
        chosen = ChosenConfig(config.for_rule(rule.card), "given")
    else:
        found = recorded_config(rule, environment, num_steps, agent, own=agent)
        chosen = found or _default(rule, agent, is_atari=is_atari)
    if changes:
        changed = dataclasses.replace(chosen.config, **changes)
        chosen = ChosenConfig(changed, f"{chosen.source}, changed by --set")
    make_agent(agent, rule.rule, spaces, baseline=chosen.config.baseline)  # says now what does not fit
    return HostedTask(
        rule=rule,
        environment=environment,
        agent=agent,
        spaces=spaces,
        num_updates=chosen.config.num_updates(num_steps),
        chosen=chosen,
        options=options,
    )


def default_steps(environment: str) -> int:
    """Environment steps of a training, all environments together, if nobody says."""
    return ATARI_STEPS if environment.startswith(ATARI) else GYMNASIUM_STEPS


def make_learner(task: HostedTask) -> Learner:
    """The agent, rule and optimiser of a task."""
    config = task.config
    return Learner(
        make_agent(task.agent, task.rule.rule, task.spaces, baseline=config.baseline),
        task.rule.rule,
        optimizer=_optimizer(task.agent, config, task.num_updates),
        y_weight=config.y_weight,
        gamma=config.gamma,
        lambda_=config.lambda_,
        policy_entropy_weight=config.policy_entropy_weight,
        baseline=config.baseline,
    )


def _optimizer(agent: str, config: TrainConfig, num_updates: int) -> optax.GradientTransformation:
    """The agent's optimiser with clipping and schedule, as `lpg.update_rules.learning` has them."""
    limit = config.max_gradient_norm
    rate = optax.linear_schedule(
        config.learning_rate, config.learning_rate * config.final_learning_rate, max(num_updates - 1, 1)
    )
    step = optax.adam(1.0) if agent != TABULAR else agent_optimizer(agent, config.table_step)
    return optax.chain(
        optax.identity() if limit is None else optax.clip_by_global_norm(limit), step, optax.scale_by_schedule(rate)
    )


def look(environment: str, sticky_actions: float = 0.0) -> Spaces:
    """The spaces of an environment of the host.

    Raises:
        ValueError: there is no such environment, or its spaces are none that an agent here can have.
    """
    one = make_environments(environment, 1, sticky_actions=sticky_actions)
    try:
        return spaces_of(one.single_observation_space, one.single_action_space, environment)
    finally:
        one.close()


def _default(rule: NamedRule, agent: str, *, is_atari: bool) -> ChosenConfig:
    """Where nothing is recorded: on Atari Table 4 of the paper, with a baseline for rules without a value.

    30 games play at once. The paper gives no setting for A2C on Atari; its entropy bonus is the usual one.
    """
    if not is_atari:
        return general_config(rule, agent_kind(agent))
    config = TrainConfig(
        learning_rate=5e-4,
        policy_entropy_weight=0.0 if rule.is_learned else 0.01,
        baseline=rule.rule.discovers_predictions,
        num_envs=30,
    )
    return ChosenConfig(config.for_rule(rule.card), "default")
