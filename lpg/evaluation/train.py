"""`lpg.train`: one rule, one environment, one seed."""

import dataclasses
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lpg.evaluation.backend import GymnasiumOptions
from lpg.evaluation.chosen_config import ChosenConfig, Settings
from lpg.evaluation.environment_objects import name_of
from lpg.evaluation.log import plan_config
from lpg.evaluation.results import Row
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.trained_agent import TrainedAgent
from lpg.evaluation.trainer import train_plan
from lpg.evaluation.training_folder import agent_card, begun_as, check_free
from lpg.evaluation.training_plan import make_plan
from lpg.files import claimed
from lpg.sinks import Callback, Sinks, as_sink
from lpg.update_rules.base import Rule
from lpg.update_rules.registry import named_algorithm


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """A trained agent and how it got there."""

    curve: list[Row]
    """Rows of the results table; `return_mean` over `steps` is the learning curve."""
    agent: TrainedAgent
    """The agent after the last update: called with an observation, gives its outputs; it acts and plays episodes."""
    config: TrainConfig
    """The configuration that was used."""


def train(
    rule: Rule | str | Path,
    environment: Any,
    num_steps: int | float | None = None,
    seed: int = 0,
    *,
    config: TrainConfig | None = None,
    changes: Mapping[str, Any] | None = None,
    settings: Settings = "tuned",
    agent: str | None = None,
    num_actions: int | None = None,
    options: GymnasiumOptions | None = None,
    env_kwargs: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    callback: Callback | None = None,
    **more_changes: Any,
) -> TrainingResult:
    """Trains a fresh agent on an environment with a rule.

    Args:
        rule: a rule, anything that `lpg.load_rule` takes, or any other name of `lpg list rules`.
        environment: `family/name`, see `lpg list environments`, `gymnasium/ANY-ID`, `gymnax/ANY-ID`, `atari/GAME` or
            `module:factory`; or an object: an environment with the interface of gymnax, or a pair of it and its
            parameters, one that `gymnasium.make` made, or a function or class that makes one of these.
        num_steps: environment steps, all environments together (`num_steps` of `TrainConfig` are those of one copy per
            update); none: the environment's own budget.
        seed: of the environment's parameters, the agent and its random numbers.
        config: all hyper-parameters, and environments and steps per update; none: a recorded one, else the defaults.
        changes: some fields of the configuration by name, as `--set` changes them: `{"learning_rate": 0.002}`; the
            only way to `num_steps`, because the argument of this name is the budget.
        settings: which recorded configuration: "tuned" on this environment where there is one, or the "general" one of
            the kind of agent. Not read if `config` is given.
        agent: which agent learns, see `lpg list agents`; none: the environment's own.
        num_actions: which version of a grid, 9 or 18 (the default).
        options: of Gymnasium environments and Atari games only.
        env_kwargs: keyword arguments with which the environment is made, for names of Gymnasium, gymnax and pgx,
            `module:factory`, and functions.
        out: a folder for the trained agent, which `lpg show` can replay, and for a checkpoint, which is written every
            minute, at the end and when a signal stops the training.
        resume: go on with the training that the folder holds, with its configuration and, unless `num_steps` is more,
            to its end; one that is done is read and not done again. With more steps the learning rate follows the
            schedule of the longer training.
        callback: a function of (step, values), called at each point of the learning curve with environment steps done
            and the row's numbers by column; or a sink, see `lpg.sinks` and `lpg.trackers`. If it fails, a warning says
            so, it is not called again and the training goes on; KeyboardInterrupt stops the training.
        more_changes: other fields as arguments of their own: `learning_rate=0.002, num_envs=16`.

    Raises:
        ValueError: there is no such rule or environment, `changes` name no field, `num_steps` is not positive, or the
            folder holds another training, or this one and `resume` is not given.
        OSError: the folder cannot be written.
    """
    environment = name_of(environment, env_kwargs)
    out = None if out is None else Path(out)
    if out is not None:
        check_free(out, resume=resume)
    elif resume:
        raise ValueError("resume given without out; the folder of the training that goes on is needed")
    chosen = None if config is None else ChosenConfig(config, "given")
    if resume and out is not None and (begun := begun_as(out, [seed], environment)) is not None:
        chosen, num_steps = chosen or begun[0], num_steps or begun[1]
    plan = make_plan(
        named_algorithm(rule),
        environment,
        num_steps=num_steps,
        agent=agent,
        chosen=chosen,
        changes={**(changes or {}), **more_changes},
        settings=settings,
        num_actions=num_actions,
        options=options,
    )
    with claimed(out), Sinks([] if callback is None else [as_sink(callback)], _warn) as sinks:
        sinks.start(plan_config(plan) | {"seed": seed})
        curve, (trained,) = train_plan(plan, [seed], out=out, resume=resume, sinks=sinks)
    return TrainingResult(curve, TrainedAgent(trained, agent_card(plan, seed)), plan.config)


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=2)
