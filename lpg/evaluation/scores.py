"""Scores of rules: normalised returns, their aggregates over seeds and environments, and paired differences.

Normalised: 0 is the uniformly random policy and 1 the optimum, both exact, for the environment parameters of the run;
where an environment cannot be solved, 1 is the best return that is known, and more is possible. On Atari 1 is the score
of a human.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Float

from lpg.evaluation.results import BEST_KNOWN, HUMAN, OPTIMUM, RANDOM, REFERENCES, Row, curves, last_tenth, smoothed

NUM_RESAMPLES = 2000


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A number and its interval."""

    value: float
    low: float
    high: float
    """95 % bootstrap interval of it."""


@dataclasses.dataclass(frozen=True)
class Aggregate:
    """Two numbers for a rule, or for the difference between two rules, and the numbers behind them."""

    iqm: float
    """Interquartile mean over all runs of all environments; for two rules, the difference of theirs."""
    low: float
    high: float
    """95 % bootstrap interval of it."""
    per_environment: dict[str, float]
    """Mean over the seeds of each environment."""
    mean: Estimate
    """Mean over all runs of all environments, which counts failures, too; for two rules, the difference of theirs."""

    @property
    def middle(self) -> Estimate:
        """The interquartile mean and its interval."""
        return Estimate(self.iqm, self.low, self.high)


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


def interquartile_mean(values: np.ndarray, axis: int = -1) -> np.ndarray | np.floating:
    """Mean of what is left when a quarter of the n values (rounded down) is cut off at each end; NaN if one is NaN."""
    from scipy.stats import trim_mean

    return trim_mean(values, 0.25, axis=axis)


def aggregate(values: Mapping[str, Sequence[float]], generator: np.random.Generator) -> Aggregate:
    """Interquartile mean, mean and stratified percentile bootstrap intervals.

    Seeds are resampled within each environment and the environments are fixed: the interval is about other seeds, not
    about other environments.

    Args:
        values: scores of the seeds, by environment; one NaN makes the aggregate NaN.
    """
    samples = [np.asarray(v, float)[None] for v in values.values()]
    return _aggregate(samples, {name: float(np.mean(v)) for name, v in values.items()}, generator, lambda of: of[0])


def difference(values: Mapping[str, Float[np.ndarray, "2 seeds"]], generator: np.random.Generator) -> Aggregate:
    """Differences of the interquartile means and of the means of two rules, with paired bootstrap intervals.

    Runs with the same seed have the same environment parameters and random numbers. Each resample of the seeds is
    therefore the same for both rules; the difference varies less than either score.

    Args:
        values: scores of the two rules for the same seeds, by environment.
    """
    apart = {name: float(np.mean(v[0] - v[1])) for name, v in values.items()}
    return _aggregate(list(values.values()), apart, generator, lambda of: of[0] - of[1])


def _aggregate(
    samples: Sequence[Float[np.ndarray, "k _"]],
    per_environment: dict[str, float],
    generator: np.random.Generator,
    combine: Callable[[np.ndarray], np.ndarray],
) -> Aggregate:
    """Both means with their intervals.

    Args:
        samples: see `bootstrap_interval`.
        combine: from the means of each of the k rules, [k, ...], to the statistic.
    """

    def estimate(mean: Callable[[np.ndarray], np.ndarray | np.floating], generator: np.random.Generator) -> Estimate:
        def statistic(joined: np.ndarray) -> np.ndarray:
            return np.asarray(combine(np.asarray(mean(joined))))

        low, high = bootstrap_interval(samples, statistic, generator)
        return Estimate(float(statistic(np.concatenate(samples, axis=-1))), low, high)

    middle = estimate(interquartile_mean, generator)
    plain = estimate(lambda joined: np.mean(joined, axis=-1), generator.spawn(1)[0])
    return Aggregate(middle.value, middle.low, middle.high, per_environment, plain)


def paired_interval(pairs: Sequence[float]) -> tuple[float, float]:
    """95 % bootstrap interval of the mean of differences in one environment; NaN for fewer than two, or if one is NaN.

    Args:
        pairs: one rule's score minus another's, for each seed.
    """
    if len(pairs) < 2:
        return float("nan"), float("nan")
    sample = np.asarray(pairs, float)[None]
    return bootstrap_interval([sample], lambda joined: np.mean(joined[0], axis=-1), np.random.default_rng(0))


def bootstrap_interval(
    samples: Sequence[Float[np.ndarray, "k _"]],
    statistic: Callable[[np.ndarray], np.ndarray | np.floating],
    generator: np.random.Generator,
) -> tuple[float, float]:
    """95 % percentile interval of a statistic; seeds are resampled within each environment, jointly for all k rows.

    Args:
        samples: [k, n] for each environment: n seeds under k rules. An environment with one seed is fixed.
        statistic: [k, ..., N], all environments together → [...].

    Returns:
        The ends of the interval; the statistic itself, twice, where there is nothing to resample or it is no number.
    """
    from scipy.stats import bootstrap

    # `bootstrap` refuses a sample of one.
    resampled = [v for v in samples if v.shape[-1] > 1]
    fixed = np.concatenate([v for v in samples if v.shape[-1] == 1] or [np.zeros((samples[0].shape[0], 0))], axis=-1)
    value = float(statistic(np.concatenate(samples, axis=-1)))
    if not resampled or not np.isfinite(value):
        return value, value

    def of_indices(*indices: np.ndarray, axis: int = -1) -> np.ndarray | np.floating:
        joined = np.concatenate([v[:, i] for v, i in zip(resampled, indices, strict=True)], axis=-1)
        constant = np.broadcast_to(np.expand_dims(fixed, tuple(range(1, joined.ndim - 1))),
                                   (*joined.shape[:-1], fixed.shape[-1]))  # fmt: skip
        return statistic(np.concatenate([joined, constant], axis=-1))

    found = bootstrap(
        [np.arange(v.shape[-1]) for v in resampled], of_indices,
        n_resamples=NUM_RESAMPLES, method="percentile", vectorized=True, rng=generator,
    )  # fmt: skip
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


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
