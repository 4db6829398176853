"""State of a meta-training between two meta-updates, and its conversion to arrays for checkpoints."""

import dataclasses
from typing import Any

import jax
import numpy as np
import optax

from lpg.arrays import flatten, unflatten
from lpg.meta_training.bandit import Bandit, BanditConfig
from lpg.meta_training.config import MetaConfig
from lpg.meta_training.evolution import Lifetimes
from lpg.meta_training.groups import Group, arms, has_levels
from lpg.meta_training.levels import Levels
from lpg.meta_training.programs import ScaleState
from lpg.processes import fetch
from lpg.update_rules.base import Rule


@dataclasses.dataclass
class Slots:
    """Host-side record of the lifetimes of a group; arrays [N]."""

    age: np.ndarray
    """Agent updates made."""
    length: np.ndarray
    """Agent updates after which the lifetime ends."""
    arm: np.ndarray
    """The bandit's arm that the lifetime uses."""
    is_counted: np.ndarray
    """Whether the bandit records the final return: false for the shortened first lifetimes."""
    level: np.ndarray | None = None
    """[N, 2] data of the key of each lifetime's level; None if levels are not chosen."""


@dataclasses.dataclass
class Counters:
    """Totals since the start of the run."""

    meta_update: int = 0
    environment_steps: int = 0
    seconds: float = 0.0
    """Wall-clock time of meta-updates and validations."""
    started: int = 0
    """Lifetimes started."""
    ended: int = 0
    """Lifetimes ended, for any reason."""
    deterministic: int = 0
    """Lifetimes ended early because the policy became deterministic."""
    dropped: int = 0
    """Lifetimes ended early because a number in them was not finite."""
    best_score: float = float("-inf")
    """Highest validation score so far."""
    best_update: int = -1
    """Its meta-update."""


@dataclasses.dataclass
class MetaState:
    """η, its optimiser and all lifetimes. Random keys are not stored: they are derived from seed and meta-update."""

    rule: Rule
    average: Rule
    """Running mean of η over meta-updates, which is validated and saved."""
    optimizer_state: optax.OptState
    scales: ScaleState
    lifetimes: list[Lifetimes]
    """Of each group; arrays [N, …] on the devices."""
    slots: list[Slots]
    """Of each group."""
    bandit: Bandit
    levels: Levels
    counters: Counters


def init_bandit(config: MetaConfig, names: tuple[str, ...]) -> Bandit:
    """A bandit without recorded lifetimes, for environments in the given order."""
    return Bandit(
        BanditConfig(
            num_arms=tuple(len(arms(config, name)) for name in names),
            temperature=config.bandit_temperature,
            exploration=config.bandit_exploration,
            history=config.bandit_history,
            normalise=config.normalise_bandit,
            share=config.share_bandit,
        )
    )


def init_slots(config: MetaConfig, group: Group) -> Slots:
    """A record of lifetimes that have not started."""
    size = len(group.env_index)
    return Slots(
        age=np.zeros(size, np.int64),
        length=np.zeros(size, np.int64),
        arm=np.zeros(size, np.int64),
        is_counted=np.zeros(size, bool),
        level=np.zeros((size, 2), np.uint32) if has_levels(config, group.env) else None,
    )


def to_arrays(state: MetaState) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The state as a dictionary of arrays by path, and the counters; all processes must call it."""
    bandit = state.bandit
    arrays = {
        **flatten(state.rule, "rule."),
        **flatten(state.average, "average."),
        **flatten(state.optimizer_state, "optimizer."),
        **flatten(state.scales, "scales."),
        # One by one, because every device holds all of what is fetched for a moment.
        **flatten(jax.tree.map(fetch, state.lifetimes), "lifetimes."),
        **flatten([vars(slots) for slots in state.slots], "slots."),
        "bandit.environment": np.array(bandit.environment, np.int64),
        "bandit.arm": np.array(bandit.arm, np.int64),
        "bandit.final_return": np.array(bandit.final_return, np.float64),
    }
    if state.levels.sampling != "uniform":
        arrays |= {f"levels.{name}": array for name, array in state.levels.arrays().items()}
    return arrays, dataclasses.asdict(state.counters)


def from_arrays(template: MetaState, arrays: dict[str, np.ndarray], counters: dict[str, Any]) -> MetaState:
    """The inverse of `to_arrays`.

    Args:
        template: a state of the same configuration; on another number of devices other lifetimes may be padding.
        arrays: from `to_arrays`.
        counters: from `to_arrays`.

    Raises:
        ValueError: an array is missing or has another shape.
    """
    for index, group in enumerate(template.slots):
        for name in arrays:
            if name.startswith((f"lifetimes.{index}.", f"slots.{index}.")):
                arrays = arrays | {name: with_rows(arrays[name], len(group.age))}
    slots = unflatten([vars(slots) for slots in template.slots], arrays, "slots.")
    bandit = Bandit(
        template.bandit.config,
        *(arrays[f"bandit.{name}"].tolist() for name in ("environment", "arm", "final_return")),
    )
    levels = template.levels
    if levels.sampling != "uniform":
        levels = levels.with_arrays({name: arrays[f"levels.{name}"] for name in levels.arrays()})
    return MetaState(
        rule=unflatten(template.rule, arrays, "rule."),
        average=unflatten(template.average, arrays, "average."),
        optimizer_state=unflatten(template.optimizer_state, arrays, "optimizer."),
        scales=unflatten(template.scales, arrays, "scales."),
        lifetimes=unflatten(template.lifetimes, arrays, "lifetimes."),
        slots=[Slots(**{name: _copy(value) for name, value in record.items()}) for record in slots],
        bandit=bandit,
        levels=levels,
        counters=Counters(**counters),
    )


def _copy(column: Any) -> Any:
    """A column of `Slots`; None where levels are not chosen."""
    return None if column is None else column.copy()


def with_rows(lifetimes: np.ndarray, size: int) -> np.ndarray:
    """Of a group: with less padding, which is at the end; or with more, which copies the first lifetime.

    Args:
        lifetimes: [N, …].
        size: number of rows to return.
    """
    if lifetimes.ndim == 0 or not 0 < len(lifetimes) < size:
        return lifetimes[:size] if lifetimes.ndim else lifetimes
    return np.concatenate([lifetimes, np.repeat(lifetimes[:1], size - len(lifetimes), axis=0)])
