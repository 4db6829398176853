"""Aggregates of scores over seeds and environments, and of paired differences, with bootstrap intervals."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Float

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
