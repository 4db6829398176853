"""Sweeps of agent hyper-parameters: per rule and environment, on seeds that are never reported.

The sweep is a search on a lattice whose values go on for ever except at natural bounds (no entropy bonus, λ = 1). It
begins with the corners of a box and then looks around the best settings seen so far, so it widens by itself until the
best one has been looked at from all sides. It spends the same number of trials on every rule, each at full length; or,
where that costs too much, the best few settings of a sweep over shorter trainings are tried at full length.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from lpg.agents.defaults import default_agent
from lpg.agents.registry import TABULAR
from lpg.environments.registry import env_spec
from lpg.evaluation.evaluate import Progress, Trial, run_trials
from lpg.evaluation.results import Row, smoothed
from lpg.evaluation.scores import normalise
from lpg.evaluation.tasks import references
from lpg.evaluation.train_agents import Curve
from lpg.evaluation.train_config import TrainConfig
from lpg.update_rules.base import Rule

Point = tuple[int, ...]
"""A place on the lattice: a value of each axis."""
RunTrials = Callable[..., list[Curve]]
"""What trains the agents, see `run_trials`; a caller may give one that remembers what it has trained."""


@dataclasses.dataclass(frozen=True)
class SearchAxis:
    """The values of one hyper-parameter that a sweep may try, by value."""

    name: str
    value: Callable[[int], float]
    start: tuple[int, ...]
    """Rungs of the box that the search begins with."""
    lowest: int | None = None
    highest: int | None = None
    """Natural bounds; none: the axis goes on."""

    def has(self, index: int) -> bool:
        """Whether a value exists."""
        return (self.lowest is None or index >= self.lowest) and (self.highest is None or index <= self.highest)


def _power(middle: float) -> Callable[[int], float]:
    return lambda index: middle * 2.0**index


LEARNED = (
    SearchAxis("learning_rate", _power(40.0), (2, 4, 6, 8)),
    SearchAxis("y_weight", _power(0.5), (-3, -1)),
)
VALUED = (LEARNED[0], SearchAxis("y_weight", _power(0.5), (-11, -9)))
HAND_WRITTEN = (
    SearchAxis("learning_rate", _power(40.0), (1, 3)),
    SearchAxis("y_weight", _power(0.5), (-3, -1)),
    SearchAxis("policy_entropy_weight", lambda index: 0.0 if index == 0 else 0.0025 * 2.0**index, (0, 2), lowest=0),
    SearchAxis("lambda_", lambda index: (1.0, 0.975, 0.95, 0.9, 0.8, 0.6, 0.0)[index], (1, 3), lowest=0, highest=6),
)
"""The boxes have eight, eight and sixteen corners. γ is not swept: it is part of the task that the agents are given.

The first is for rules that discover their predictions, the second for learned ones that are given a value: a table's
values diverge where α_lr α_y is large, a categorical prediction does not.
"""

_ADAM = SearchAxis("learning_rate", _power(0.001), (-1, 1))
"""Adam's steps do not grow with the gradient: 0.0005 and 0.002 are the corners, in the middle of Table 3's rates. What
is left of the weights is their ratio to the policy's loss, so that the other axes serve networks too."""


def axes_for(agent: str, *, is_learned: bool, is_valued: bool = False) -> tuple[SearchAxis, ...]:
    """The hyper-parameters that a sweep may change, and how.

    Args:
        agent: what is tuned, see `lpg.agents.registry`: a table takes other learning rates than a network.
        is_learned: learned rules have neither entropy bonus nor λ.
        is_valued: of a learned rule: its predictions are values, not its own.
    """
    if agent != TABULAR:
        return (_ADAM, *(LEARNED if is_learned else HAND_WRITTEN)[1:])
    return (VALUED if is_valued else LEARNED) if is_learned else HAND_WRITTEN


def tune(
    rule: Rule,
    environments: Sequence[str],
    num_steps: Mapping[str, int | float],
    *,
    is_learned: bool,
    num_trials: int = 64,
    num_seeds: int = 3,
    config: TrainConfig | None = None,
    agent: str | None = None,
    num_actions: int | None = None,
    progress: Progress | None = None,
    run: RunTrials = run_trials,
) -> dict[str, dict[str, Any]]:
    """Searches the best configuration for each environment.

    Args:
        num_steps: environment steps of a trial, by environment; the best configuration depends on it.
        is_learned: which hyper-parameters there are: learning rate and y weight, or entropy bonus and λ too.
        num_trials: configurations tried for each environment, the same for every rule.
        num_seeds: agents per trial; all of them the same for every trial.
        config: the fields that no axis changes; none: the defaults.
        agent: which agents are tuned; none: each environment's own.
        run: trains the agents.

    Returns:
        For each environment an entry of a tuning table: the configuration, its score (mean return over the learning
        curve, normalised where the environment has reference returns, see `is_normalised`), and the whole sweep,
        best first; and the agent, if it is not the environment's own.
    """
    config, seeds = config or TrainConfig(), range(num_seeds)
    own = {name: default_agent(name, env_spec(name).distribution.env).agent for name in environments}
    is_valued = not rule.discovers_predictions
    axes = {name: axes_for(agent or own[name], is_learned=is_learned, is_valued=is_valued) for name in environments}
    reference_returns = {name: references(name, seeds, "tuning", num_actions) for name in environments}
    tried: dict[str, dict[Point, float]] = {name: {} for name in environments}
    while any(len(done) < num_trials for done in tried.values()):
        # One round for all environments together: those of one shape fill the batches of one program.
        wanted = {name: candidates(done, axes[name], num_trials - len(done)) for name, done in tried.items()}
        trials = [
            Trial(name, seed, one, one.num_updates(num_steps[name]), agent)
            for name, points in wanted.items()
            for one in (config_at(point, axes[name], config) for point in points)
            for seed in seeds
        ]
        curves = iter(run(rule, trials, "tuning", num_actions=num_actions, progress=progress))
        for name, points in wanted.items():
            for point in points:
                tried[name][point] = _score(curves, reference_returns[name])
    return {
        name: {
            **_entry(done, axes[name], config, num_steps[name], num_seeds),
            "is_normalised": bool(np.isfinite(reference_returns[name]).all()),
            **({} if agent in (None, own[name]) else {"agent": agent}),
        }
        for name, done in tried.items()
    }


def confirm(
    rule: Rule,
    name: str,
    entry: Mapping[str, Any],
    num_steps: int | float,
    *,
    num_best: int = 4,
    num_seeds: int = 3,
    num_actions: int | None = None,
    run: RunTrials = run_trials,
) -> dict[str, Any]:
    """Tries the best configurations of a sweep in longer trainings: what learns fastest need not last.

    Args:
        entry: of a tuning table, for the same environment and agent.
        num_steps: environment steps of a trial.
        num_best: how many configurations are tried.
        num_seeds, num_actions, run: as in `tune`.

    Returns:
        An entry for so many steps; `confirms` is the number of updates of the sweep that its configurations are from.
    """
    columns, seeds = entry["sweep_columns"][:-1], range(num_seeds)
    configs = [
        TrainConfig(**{**entry["setting"], **dict(zip(columns, row, strict=False))})
        for row in entry["sweep"][:num_best]
    ]
    trials = [
        Trial(name, seed, config, config.num_updates(num_steps), entry.get("agent"))
        for config in configs
        for seed in seeds
    ]
    curves = iter(run(rule, trials, "tuning", num_actions=num_actions))
    reference_returns = references(name, seeds, "tuning", num_actions)
    score = {config: _score(curves, reference_returns) for config in configs}
    order = sorted(configs, key=lambda config: -score[config])
    return {
        **entry,
        "updates": order[0].num_updates(num_steps),
        "setting": order[0].record(),
        "score": _rounded(score[order[0]]),
        "trials": len(configs),
        "seeds": num_seeds,
        "is_inside": False,
        "sweep": [[*(getattr(config, column) for column in columns), _rounded(score[config])] for config in order],
        "is_normalised": bool(np.isfinite(reference_returns).all()),
        "confirms": entry["updates"],
    }


def candidates(tried: Mapping[Point, float], axes: Sequence[SearchAxis], room: int, at_once: int = 4) -> list[Point]:
    """What to try next: at first the box, then untried neighbours of the best, of the second best, and so on."""
    if not tried:
        return list(itertools.product(*(axis.start for axis in axes)))[:room]
    found: list[Point] = []
    for point in sorted(tried, key=lambda p: -tried[p]):
        found += [p for p in neighbours(point, axes) if p not in tried and p not in found]
        if len(found) >= min(at_once, room):
            break
    return found[: min(at_once, room)]


def neighbours(point: Point, axes: Sequence[SearchAxis]) -> list[Point]:
    """One value up or down on one axis."""
    moved = [(*point[:axis], point[axis] + step, *point[axis + 1 :]) for axis in range(len(point)) for step in (-1, 1)]
    return [p for p in moved if all(axis.has(index) for axis, index in zip(axes, p, strict=True))]


def config_at(point: Point, axes: Sequence[SearchAxis], config: TrainConfig) -> TrainConfig:
    """A configuration with the values at a place on the lattice."""
    values: dict[str, Any] = {axis.name: axis.value(index) for axis, index in zip(axes, point, strict=True)}
    return dataclasses.replace(config, **values)


def _score(curves: Iterator[Curve], reference_returns: tuple[np.ndarray, np.ndarray]) -> float:
    """Of one configuration: the mean over its seeds, whose curves come next."""
    return float(np.mean([_area(next(curves), low, high) for low, high in zip(*reference_returns, strict=True)]))


def _area(curve: Curve, random: float, best: float) -> float:
    """Mean over the curve: normalised return, or plain return without reference returns; −∞ if no episode ended."""
    rows = [Row("", "", 0, int(at), 0, float(mean), 0.0, int(n)) for at, mean, _, n in zip(*curve, strict=True)]
    value = smoothed(rows) if np.isnan(random) or np.isnan(best) else normalise(smoothed(rows), random, best)
    area = float(np.mean(value))
    return area if np.isfinite(area) else -np.inf


def _entry(
    tried: Mapping[Point, float],
    axes: Sequence[SearchAxis],
    config: TrainConfig,
    num_steps: int | float,
    num_seeds: int,
) -> dict[str, Any]:
    order = sorted(tried, key=lambda p: -tried[p])
    best = config_at(order[0], axes, config)
    return {
        "updates": best.num_updates(num_steps),
        "setting": best.record(),
        "score": _rounded(tried[order[0]]),
        "trials": len(tried),
        "seeds": num_seeds,
        "is_inside": all(p in tried for p in neighbours(order[0], axes)),
        "sweep_columns": [*(axis.name for axis in axes), "score"],
        "sweep": [[*(axis.value(r) for axis, r in zip(axes, p, strict=True)), _rounded(tried[p])] for p in order],
    }


def _rounded(score: float) -> float | None:
    return round(score, 4) if np.isfinite(score) else None
