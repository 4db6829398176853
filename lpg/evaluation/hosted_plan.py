"""What a training on an environment of the host will be, before it begins: agent, sizes, hyper-parameters."""

import dataclasses
from pathlib import Path
from typing import Any

import optax

from lpg.agents.registry import TABULAR
from lpg.evaluation.settings import Chosen, Setting, fallback, recorded
from lpg.evaluation.train_agents import TrainingSizes
from lpg.learner.hosted import ATARI, make_environments
from lpg.learner.learner import Learner
from lpg.learner.spaces import Spaces, make_agent, spaces_of
from lpg.update_rules.registry import NamedRule

GYMNASIUM_STEPS, ATARI_STEPS = 500_000, 50_000_000
"""The second are the paper's 200 M frames."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class GymnasiumOptions:
    """What these environments know beyond `TrainingSizes`."""

    sticky_actions: float = 0.0
    """Probability that an Atari game repeats the last action."""
    overlap: bool = False
    """Let environments step while the agent learns, with parameters that are one update old."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class HostedTask:
    """One rule on one environment, before anything happens."""

    label: str
    """What the rule is called in tables."""
    named: NamedRule
    environment: str
    agent: str
    spaces: Spaces
    num_updates: int
    sizes: TrainingSizes
    chosen: Chosen
    options: GymnasiumOptions

    def identity(self, seed: int) -> dict[str, Any]:
        """What a checkpoint must have in common with a training that goes on from it."""
        return {
            "rule": self.label,
            "card": self.named.card,
            "environment": self.environment,
            "agent": self.agent,
            "num_updates": self.num_updates,
            "sizes": dataclasses.asdict(self.sizes),
            "setting": dataclasses.asdict(self.chosen.setting),
            "options": dataclasses.asdict(self.options),
            "seed": seed,
        }


def plan(
    named: NamedRule,
    environment: str,
    *,
    label: str | None = None,
    num_steps: int | float | None = None,
    agent: str | None = None,
    setting: Setting | None = None,
    setting_changes: dict[str, Any] | None = None,
    sizes: TrainingSizes | None = None,
    size_changes: dict[str, Any] | None = None,
    options: GymnasiumOptions | None = None,
    tables: tuple[Path, ...] = (),
) -> HostedTask:
    """Decides everything that is not given, and finds out what does not fit.

    Args:
        num_steps: environment steps, all environments together; none: 500,000, and the paper's 50 M on Atari.
        agent: none: a table for states, a small network for vectors, convolutions for images.
        setting: none: a recorded one, else the defaults; on Atari those of Table 4 of the paper.
        setting_changes: fields of the setting to change; `size_changes` likewise.
        sizes: none: 64 × 20, and 30 × 20 on Atari, with time limits shown as when the rule was discovered.
        tables: tuning tables that go before the package's.

    Raises:
        ValueError: there is no such environment, its spaces are none that an agent here can have, or the agent cannot
            read its observations.
    """
    options, is_atari = options or GymnasiumOptions(), environment.startswith(ATARI)
    spaces = look(environment, options.sticky_actions)
    agent = agent or spaces.default_agent
    if sizes is None:
        sizes = TrainingSizes.of_card(named.card)
        sizes = dataclasses.replace(sizes, num_envs=30) if is_atari else sizes
    sizes = dataclasses.replace(sizes, **size_changes or {})
    num_steps = default_steps(environment) if num_steps is None else num_steps
    if not num_steps > 0:
        raise ValueError(f"num_steps is {num_steps}; it must be positive")
    updates = max(1, round(num_steps / sizes.steps_per_update))
    if setting is not None:
        chosen = Chosen(setting, "given")
    else:
        found = recorded(named.name, environment, updates, agent, own=agent, tables=tables)
        chosen = found or _default(named, is_table=agent == TABULAR, is_atari=is_atari, tables=tables)
    if setting_changes:
        changed = dataclasses.replace(chosen.setting, **setting_changes)
        chosen = Chosen(changed, f"{chosen.source}, changed by --set")
    make_agent(agent, named.rule, spaces, baseline=chosen.setting.baseline)  # says now what does not fit
    return HostedTask(
        label=label or named.name,
        named=named,
        environment=environment,
        agent=agent,
        spaces=spaces,
        num_updates=updates,
        sizes=sizes,
        chosen=chosen,
        options=options,
    )


def default_steps(environment: str) -> int:
    """Environment steps of a training, all environments together, if nobody says."""
    return ATARI_STEPS if environment.startswith(ATARI) else GYMNASIUM_STEPS


def make_learner(task: HostedTask) -> Learner:
    """The agent, rule and optimiser of a task: plain descent for tables, Adam for networks."""
    setting = task.chosen.setting
    step = optax.sgd if task.agent == TABULAR else optax.adam
    return Learner(
        make_agent(task.agent, task.named.rule, task.spaces, baseline=setting.baseline),
        task.named.rule,
        optimizer=step(setting.learning_rate),
        y_weight=setting.y_weight,
        gamma=setting.gamma,
        lambda_=setting.lambda_,
        policy_entropy_weight=setting.policy_entropy_weight,
        baseline=setting.baseline,
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


def _default(named: NamedRule, *, is_table: bool, is_atari: bool, tables: tuple[Path, ...]) -> Chosen:
    """Where nothing is recorded: on Atari Table 4 of the paper, with a baseline for rules without a value.

    The paper gives no setting for A2C on Atari; its entropy bonus is the usual one.
    """
    if not is_atari:
        return fallback(named.name, is_table=is_table, is_learned=named.is_learned, tables=tables)
    bonus = 0.0 if named.is_learned else 0.01
    setting = Setting(learning_rate=5e-4, policy_entropy_weight=bonus, baseline=named.rule.discovers_predictions)
    return Chosen(setting, "default")
