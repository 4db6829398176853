"""Scores: normalised returns, and aggregates over runs × environments with honest intervals.

Normalised: 0 is the uniformly random policy and 1 the optimum, both exact, on the very instance of the run; where an
environment cannot be solved, 1 is the best return that is known, and more is possible. On Atari 1 is a person's score.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from lpg.evaluation.results import BEST_KNOWN, HUMAN, OPTIMUM, RANDOM, REFERENCES, Row, curves, last_tenth, smoothed

NUM_RESAMPLES = 2000


@dataclasses.dataclass(frozen=True)
class Aggregate:
    """One number for a rule, and the numbers behind it."""

    iqm: float
    """Interquartile mean over all runs of all environments."""
    low: float
    high: float
    """95 % bootstrap interval of it."""
    per_environment: dict[str, float]
    """Mean over the seeds of each environment."""


@dataclasses.dataclass(frozen=True)
class RuleScores:
    """How good a rule is, over all environments and seeds in a table."""

    end: Aggregate | None
    """Normalised return in the last tenth of the learning curve; none where nothing could be normalised."""
    area: Aggregate | None
    """Normalised return, mean over the whole learning curve: learning fast counts too."""
    raw_end: dict[str, float]
    """Return in the last tenth of the learning curve, mean over seeds."""
    raw_end_stderr: dict[str, float]
    """Standard error of it over seeds; NaN for one seed."""


def scores(rows: Sequence[Row], seed: int = 0) -> dict[str, RuleScores]:
    """Scores of every rule in a results table, in its order.

    Args:
        rows: a table with its reference returns.
        seed: of the bootstrap.
    """
    table = curves(rows)
    return {
        rule: _rule_scores(by_environment, table, np.random.default_rng(seed))
        for rule, by_environment in table.items()
        if rule not in REFERENCES
    }


def normalise(value: np.ndarray | float, random: float, best: float) -> np.ndarray | float:
    """(value − random) / (best − random); NaN where the two reference returns do not differ or are unknown."""
    span = best - random
    return (value - random) / span if abs(span) > 1e-9 else np.full_like(np.asarray(value, float), np.nan)


def interquartile_mean(values: np.ndarray, axis: int = -1) -> np.ndarray | np.floating:
    """Mean of what is left when a quarter of the n values (rounded down) is cut off at each end; NaN if one is NaN."""
    from scipy.stats import trim_mean

    return trim_mean(values, 0.25, axis=axis)


def aggregate(values: Mapping[str, Sequence[float]], generator: np.random.Generator) -> Aggregate:
    """Interquartile mean and stratified percentile bootstrap interval.

    Seeds are resampled within each environment and the environments are fixed: the interval is about other seeds, not
    about other environments.

    Args:
        values: scores of the seeds, by environment; one NaN makes the aggregate NaN.
    """
    from scipy.stats import bootstrap

    strata = [np.asarray(v, float) for v in values.values()]
    # An environment with one seed has nothing to resample; `bootstrap` refuses it as a sample.
    resampled = [v for v in strata if len(v) > 1]
    fixed = np.concatenate([v for v in strata if len(v) == 1] or [np.zeros(0)])

    def statistic(*samples: np.ndarray, axis: int = -1) -> np.ndarray | np.floating:
        joined = np.concatenate(samples, axis=axis)
        constant = np.broadcast_to(fixed, (*joined.shape[:-1], len(fixed)))
        return interquartile_mean(np.concatenate([joined, constant], axis=-1))

    iqm = float(interquartile_mean(np.concatenate(strata)))
    low = high = iqm
    if resampled and np.isfinite(iqm):
        found = bootstrap(
            resampled, statistic, n_resamples=NUM_RESAMPLES, method="percentile", vectorized=True, rng=generator
        )
        low, high = found.confidence_interval
    return Aggregate(
        iqm=iqm,
        low=float(low),
        high=float(high),
        per_environment={name: float(np.mean(v)) for name, v in values.items()},
    )


def _rule_scores(
    by_environment: dict[str, dict[int, list[Row]]],
    table: dict[str, dict[str, dict[int, list[Row]]]],
    generator: np.random.Generator,
) -> RuleScores:
    end: dict[str, list[float]] = {}
    area: dict[str, list[float]] = {}
    raw: dict[str, np.ndarray] = {}
    for name, by_seed in by_environment.items():
        raw[name] = np.array([np.mean(smoothed(curve)[-last_tenth(curve) :]) for curve in by_seed.values()])
        for seed, curve in by_seed.items():
            reference_returns = _reference_returns(table, name, seed)
            if reference_returns is not None:
                value = np.asarray(normalise(smoothed(curve), *reference_returns))
                end.setdefault(name, []).append(float(np.mean(value[-last_tenth(curve) :])))
                area.setdefault(name, []).append(float(np.mean(value)))
    return RuleScores(
        end=aggregate(end, generator) if end else None,
        area=aggregate(area, generator) if area else None,
        raw_end={name: float(np.mean(v)) for name, v in raw.items()},
        raw_end_stderr={
            name: float(np.std(v, ddof=1) / np.sqrt(len(v))) if len(v) > 1 else float("nan") for name, v in raw.items()
        },
    )


def _reference_returns(
    table: dict[str, dict[str, dict[int, list[Row]]]], name: str, seed: int
) -> tuple[float, float] | None:
    """Returns of the random policy and of the best that there is to compare with, for one run; none if unknown."""
    found = {reference: table.get(reference, {}).get(name, {}).get(seed) for reference in REFERENCES}
    random, best = found[RANDOM], found[OPTIMUM] or found[BEST_KNOWN] or found[HUMAN]
    return (random[0].return_mean, best[0].return_mean) if random and best else None
