"""The shortest way to a trained agent: one rule, one environment, one seed."""

import dataclasses
from pathlib import Path

from lpg.agents.defaults import default_agent
from lpg.agents.outputs import Agent
from lpg.environments import registry
from lpg.evaluation.compiled_training import CompiledTask, train_compiled
from lpg.evaluation.hosted_plan import GymnasiumOptions, plan
from lpg.evaluation.hosted_training import train_hosted
from lpg.evaluation.results import Row
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.training_folder import check_free
from lpg.evaluation.tuning_table import choose_config
from lpg.learner.hosted import is_gymnasium
from lpg.update_rules.base import Rule
from lpg.update_rules.registry import NamedRule, find_rule


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """A trained agent and how it got there."""

    curve: list[Row]
    """Rows of the results table; `return_mean` over `steps` is the learning curve."""
    agent: Agent
    """θ after the last update; called with an observation, gives its outputs."""
    config: TrainConfig
    """The configuration that was used."""


def train(
    rule: Rule | str | Path,
    environment: str,
    num_steps: int | float | None = None,
    seed: int = 0,
    *,
    config: TrainConfig | None = None,
    agent: str | None = None,
    num_actions: int | None = None,
    options: GymnasiumOptions | None = None,
    out: str | Path | None = None,
    resume: bool = False,
) -> TrainingResult:
    """Trains a fresh agent on an environment with a rule.

    Args:
        rule: a rule, or anything that `lpg.load_rule` takes.
        environment: `family/name`, see `lpg list environments`, `gymnasium/ANY-ID` or `atari/GAME`.
        num_steps: environment steps, all environments together; none: the environment's own budget.
        seed: of the environment instance, the agent and its random numbers.
        config: hyper-parameters, and environments and steps per update; none: a recorded one, else the defaults.
        agent: which agent learns, see `lpg list agents`; none: the environment's own.
        num_actions: which version of a grid, 9 or 18 (the default).
        options: what only environments on the host know (`gymnasium/*`, `atari/*`).
        out: a folder for the trained agent, which `lpg show` can replay, and for a checkpoint, which is written every
            minute, at the end and when a signal stops the training.
        resume: go on with the training that the folder holds; one that is done is read and not done again.

    Raises:
        ValueError: there is no such rule or environment, `num_steps` is not positive, or the folder holds another
            training, or this one and nobody said `resume`.
        OSError: the folder cannot be written.
    """
    out = None if out is None else Path(out)
    if out is not None:
        check_free(out, resume=resume)
    elif resume:
        raise ValueError("resume given without out; the folder of the training that goes on is needed")
    named = find_rule(rule) if isinstance(rule, str | Path) else _unnamed(rule)
    if is_gymnasium(environment):
        if num_actions is not None:
            raise ValueError(f"num_actions is {num_actions}; {environment} has its own actions, only grids come in two")
        hosted = plan(
            named, environment, num_steps=num_steps, agent=agent, config=config, options=options
        )  # fmt: skip
        curve, theta = train_hosted(hosted, seed, out=out, resume=resume)
        return TrainingResult(curve, theta, hosted.config)
    if options is not None:
        raise ValueError(f"options given; they are for gymnasium/* and atari/*, and {environment} is neither")
    entry = registry.env_spec(environment)
    num_steps = entry.lifetime_steps if num_steps is None else num_steps
    if not num_steps > 0:
        raise ValueError(f"num_steps is {num_steps}; it must be positive")
    config = config or choose_config(named, environment, num_steps, agent=agent).config
    config = config.for_rule(named.card)
    task = CompiledTask(
        rule=named,
        environment=environment,
        agent=agent or default_agent(environment, entry.distribution.env).agent,
        num_updates=config.num_updates(num_steps),
        config=config,
        num_actions=num_actions,
    )
    curve, (trained,) = train_compiled(task, [seed], out=out, resume=resume)
    return TrainingResult(curve, trained, config)


def _unnamed(rule: Rule) -> NamedRule:
    name = type(rule).__name__.lower()
    return NamedRule(rule, name, label=name)
