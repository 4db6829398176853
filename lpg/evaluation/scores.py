"""Scores of rules: normalised returns, their aggregates over seeds and environments, and paired differences.

Normalised: 0 is the uniformly random policy and 1 the optimum, both exact, for the environment parameters of the run;
where an environment cannot be solved, 1 is the best return that is known, and more is possible. On Atari 1 is the score
of a human.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from lpg.evaluation.aggregates import Aggregate, aggregate, difference
from lpg.evaluation.results import BEST_KNOWN, HUMAN, OPTIMUM, RANDOM, REFERENCES, Row, curves, last_tenth, smoothed


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


@dataclasses.dataclass(frozen=True)
class Difference:
    """How much more one rule scores than another, on the same environments and seeds."""

    end: Aggregate
    area: Aggregate


def scores(rows: Sequence[Row], seed: int = 0) -> dict[str, RuleScores]:
    """Scores of every rule in a results table, in its order.

    Args:
        rows: a table with its reference returns.
        seed: of the bootstrap.
    """
    table = curves(rows)
    return {
        rule: _rule_scores(by_environment, _normalised(table, rule), np.random.default_rng(seed))
        for rule, by_environment in table.items()
        if rule not in REFERENCES
    }


def differences(rows: Sequence[Row], against: str, seed: int = 0) -> dict[str, Difference]:
    """Normalised scores of the other rules of a results table minus those of one rule.

    Only runs that can be normalised and whose environment and seed both rules have are compared. A rule without any is
    left out.

    Args:
        rows: a table with its reference returns.
        against: the rule whose scores are subtracted.
        seed: of the bootstrap.
    """
    table = curves(rows)
    base, found = _normalised(table, against), {}
    for rule in table:
        if rule == against or rule in REFERENCES:
            continue
        pairs: dict[str, list[tuple[tuple[float, float], tuple[float, float]]]] = {}
        for name, by_seed in _normalised(table, rule).items():
            both = [(one, base[name][seed]) for seed, one in by_seed.items() if seed in base.get(name, {})]
            if both:
                pairs[name] = both
        if pairs:
            # [environment][seed, rule, score]
            values = {name: np.array(both) for name, both in pairs.items()}
            end, area = (
                difference({name: v[:, :, score].T for name, v in values.items()}, np.random.default_rng(seed))
                for score in (0, 1)
            )
            found[rule] = Difference(end, area)
    return found


def steps_to_threshold(
    rows: Sequence[Row], threshold: float, threshold_return: float | None = None
) -> dict[tuple[str, str, int], float]:
    """Environment steps after which a smoothed learning curve first reaches a return.

    Args:
        rows: a table with its reference returns.
        threshold: the normalised return to reach.
        threshold_return: the return to reach in environments without reference returns.

    Returns:
        Steps by (rule, environment, seed); NaN where the return is never reached, or where there is none to reach.
    """
    table, found = curves(rows), {}
    for rule, by_environment in table.items():
        if rule in REFERENCES:
            continue
        for name, by_seed in by_environment.items():
            for seed, curve in by_seed.items():
                reference_returns = _reference_returns(table, name, seed)
                if reference_returns is not None:
                    is_reached = np.asarray(normalise(smoothed(curve), *reference_returns)) >= threshold
                elif threshold_return is not None:
                    is_reached = smoothed(curve) >= threshold_return
                else:
                    is_reached = np.zeros(1, bool)
                found[rule, name, seed] = float(curve[np.argmax(is_reached)].steps) if is_reached.any() else np.nan
    return found


def normalise(value: np.ndarray | float, random: float, best: float) -> np.ndarray | float:
    """(value − random) / (best − random); NaN where the two reference returns do not differ or are unknown."""
    span = best - random
    return (value - random) / span if abs(span) > 1e-9 else np.full_like(np.asarray(value, float), np.nan)


def _normalised(
    table: dict[str, dict[str, dict[int, list[Row]]]], rule: str
) -> dict[str, dict[int, tuple[float, float]]]:
    """Normalised return at the end and its mean over the curve, by environment and seed, where they are known."""
    found: dict[str, dict[int, tuple[float, float]]] = {}
    for name, by_seed in table[rule].items():
        for seed, curve in by_seed.items():
            reference_returns = _reference_returns(table, name, seed)
            if reference_returns is not None:
                value = np.asarray(normalise(smoothed(curve), *reference_returns))
                pair = float(np.mean(value[-last_tenth(curve) :])), float(np.mean(value))
                found.setdefault(name, {})[seed] = pair
    return found


def _rule_scores(
    by_environment: dict[str, dict[int, list[Row]]],
    normalised: dict[str, dict[int, tuple[float, float]]],
    generator: np.random.Generator,
) -> RuleScores:
    end, area = ({name: [p[i] for p in seeds.values()] for name, seeds in normalised.items()} for i in (0, 1))
    raw = {
        name: np.array([np.mean(smoothed(curve)[-last_tenth(curve) :]) for curve in by_seed.values()])
        for name, by_seed in by_environment.items()
    }
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
