"""Everything that a meta-training must remember between two meta-updates."""

import dataclasses
from typing import Any

import numpy as np
import optax

from lpg.arrays import flatten, unflatten
from lpg.meta_training.bandit import Bandit, BanditConfig
from lpg.meta_training.config import MetaConfig
from lpg.meta_training.groups import Group, arms
from lpg.meta_training.lifetime import LifetimeState
from lpg.meta_training.programs import ScaleState
from lpg.update_rules.base import Rule


@dataclasses.dataclass
class Slots:
    """Host-side record of a group's lifetimes; arrays [N]."""

    age: np.ndarray
    """Agent updates so far."""
    length: np.ndarray
    """Agent updates after which it ends."""
    arm: np.ndarray
    """Arm of the bandit that it was started with."""
    is_counted: np.ndarray
    """Whether its final return is recorded: false for the shortened first lifetimes."""


@dataclasses.dataclass
class Counters:
    """Totals since the beginning."""

    meta_update: int = 0
    environment_steps: int = 0
    seconds: float = 0.0
    started: int = 0
    ended: int = 0
    deterministic: int = 0
    """Lifetimes reset because their policy had become deterministic."""
    dropped: int = 0
    """Lifetimes reset because something in them was not finite."""
    best_score: float = float("-inf")
    """Highest validation score so far, and the meta-update it belongs to."""
    best_update: int = -1


@dataclasses.dataclass
class MetaState:
    """η and all that goes on around it. Keys are no part of it: they are derived from seed and meta-update."""

    rule: Rule
    average: Rule
    """Running mean of η over meta-updates: what is validated and kept."""
    optimizer_state: optax.OptState
    scales: ScaleState
    lifetimes: list[LifetimeState]
    slots: list[Slots]
    bandit: Bandit
    counters: Counters


def new_bandit(config: MetaConfig, names: tuple[str, ...]) -> Bandit:
    """A bandit without memory, for environments in the order of the groups."""
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


def new_slots(group: Group) -> Slots:
    """A record of lifetimes that have yet to begin."""
    size = len(group.slots)
    return Slots(
        age=np.zeros(size, np.int64),
        length=np.zeros(size, np.int64),
        arm=np.zeros(size, np.int64),
        is_counted=np.zeros(size, bool),
    )


def to_arrays(state: MetaState) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The state as arrays by path and a small dictionary of counters."""
    bandit = state.bandit
    arrays = {
        **flatten(state.rule, "rule."),
        **flatten(state.average, "average."),
        **flatten(state.optimizer_state, "optimizer."),
        **flatten(state.scales, "scales."),
        **flatten(state.lifetimes, "lifetimes."),
        **flatten([vars(slots) for slots in state.slots], "slots."),
        "bandit.environment": np.array(bandit.environment, np.int64),
        "bandit.arm": np.array(bandit.arm, np.int64),
        "bandit.final_return": np.array(bandit.final_return, np.float64),
    }
    return arrays, dataclasses.asdict(state.counters)


def from_arrays(template: MetaState, arrays: dict[str, np.ndarray], counters: dict[str, Any]) -> MetaState:
    """The state from what `to_arrays` gave.

    Args:
        template: a state of the same configuration.

    Raises:
        ValueError: something is missing or has another shape.
    """
    slots = unflatten([vars(slots) for slots in template.slots], arrays, "slots.")
    bandit = Bandit(
        template.bandit.settings,
        *(arrays[f"bandit.{name}"].tolist() for name in ("environment", "arm", "final_return")),
    )
    return MetaState(
        rule=unflatten(template.rule, arrays, "rule."),
        average=unflatten(template.average, arrays, "average."),
        optimizer_state=unflatten(template.optimizer_state, arrays, "optimizer."),
        scales=unflatten(template.scales, arrays, "scales."),
        lifetimes=unflatten(template.lifetimes, arrays, "lifetimes."),
        slots=[Slots(**{name: value.copy() for name, value in one.items()}) for one in slots],
        bandit=bandit,
        counters=Counters(**counters),
    )
