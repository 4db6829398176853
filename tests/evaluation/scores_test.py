"""Scores: normalisation, interquartile mean and bootstrap against numbers worked by hand."""

import dataclasses
import math

import numpy as np
import pytest

from lpg.evaluation.results import Row
from lpg.evaluation.scores import aggregate, interquartile_mean, normalise, scores


def test_zero_is_random_and_one_is_the_optimum():
    np.testing.assert_allclose(normalise(np.array([-1.0, 1.0, 9.0]), -1.0, 9.0), [0.0, 0.2, 1.0])
    assert np.isnan(normalise(3.0, 2.0, 2.0))
    assert np.isnan(normalise(3.0, math.nan, math.nan))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([7.0], 7.0),
        ([1.0, 2.0, 9.0], 4.0),  # a quarter of three, rounded down, is none
        ([100.0, 2.0, 4.0, -50.0], 3.0),  # one cut at each end
        ([0, 1, 2, 3, 4, 5, 6, 100], 3.5),  # two cut at each end: 2, 3, 4, 5
    ],
)
def test_the_interquartile_mean_cuts_a_quarter_at_each_end(values, expected):
    assert interquartile_mean(np.array(values, float)) == pytest.approx(expected)


def test_an_aggregate_of_runs_with_a_nan_is_nan():
    # Sorting puts NaN last, so that cutting a quarter would drop it and keep only runs that went well.
    found = aggregate({"a": [0.0, 1.0, 2.0, math.nan], "b": [2.0, 3.0, 4.0, 5.0]}, np.random.default_rng(0))
    assert math.isnan(found.iqm) and math.isnan(found.low) and math.isnan(found.high)
    assert math.isnan(found.per_environment["a"]) and found.per_environment["b"] == 3.5


def test_environments_with_one_seed_are_fixed_in_the_interval():
    found = aggregate({"a": [0.25], "b": [0.75]}, np.random.default_rng(0))
    assert (found.iqm, found.low, found.high) == (0.5, 0.5, 0.5)
    # With 0 and 1 beside it the mean of three is 1/4, 7/12 or 11/12; extremes have probability 1/4 each.
    mixed = aggregate({"a": [0.75], "b": [0.0, 1.0]}, np.random.default_rng(0))
    assert (mixed.low, mixed.high) == pytest.approx((0.25, 11 / 12))


def test_an_aggregate_pools_all_runs_and_keeps_means_per_environment():
    found = aggregate({"a": [0.0, 1.0], "b": [2.0, 3.0]}, np.random.default_rng(0))
    assert found.iqm == 1.5  # of 0, 1, 2, 3 the middle two
    assert found.per_environment == {"a": 0.5, "b": 2.5}
    assert found.low <= found.iqm <= found.high


def test_seeds_are_resampled_and_environments_are_not():
    # Within each environment all seeds agree: nothing is uncertain, however much the environments differ.
    sure = aggregate({"a": [0.0, 0.0, 0.0], "b": [5.0, 5.0, 5.0]}, np.random.default_rng(0))
    assert sure.low == sure.high == sure.iqm
    # The twin: the same six numbers, differing within the environments.
    unsure = aggregate({"a": [0.0, 5.0, 0.0], "b": [5.0, 0.0, 5.0]}, np.random.default_rng(0))
    assert unsure.high - unsure.low > 1


def test_the_interval_of_a_mean_of_two_coins_worked_by_hand():
    # Two seeds 0 and 1 in one environment: the resampled mean is 0, ½ or 1 with probability ¼, ½, ¼, so that 2.5 % and
    # 97.5 % of it lie at 0 and 1.
    found = aggregate({"a": [0.0, 1.0]}, np.random.default_rng(0))
    assert (found.low, found.high) == (0.0, 1.0)


def table(mean_of, num_points=10):
    rows = [
        Row(rule, "env", seed, at + 1, at + 1, mean_of(rule, seed, at), 0.0, 64)
        for rule in ("a", "b") for seed in (0, 1) for at in range(num_points)
    ]  # fmt: skip
    reference_returns = [Row(name, "env", seed, 0, 0, value, math.nan, 0)
              for seed in (0, 1) for name, value in (("random", 1.0 + seed), ("optimum", 11.0 + seed))]  # fmt: skip
    return rows, reference_returns


def test_scores_of_two_rules_worked_by_hand():
    # Rule a climbs from 0 to 9 above random on a scale of 10: area 0.45, end (the last of ten points) 0.9. Rule b stays
    # at 1 above random.
    rows, reference_returns = table(lambda rule, seed, at: 1.0 + seed + (at if rule == "a" else 1.0))
    found = scores(rows + reference_returns)
    assert list(found) == ["a", "b"]
    assert found["a"].end.iqm == pytest.approx(0.9) and found["a"].area.iqm == pytest.approx(0.45)
    assert found["b"].end.iqm == found["b"].area.iqm == pytest.approx(0.1)
    # Raw: ends 10 and 11, mean 10.5, standard error |11 − 10| / √2 / √2 = 0.5.
    assert found["a"].raw_end["env"] == pytest.approx(10.5)
    assert found["a"].raw_end_stderr["env"] == pytest.approx(0.5)


def test_where_no_optimum_is_known_the_best_known_is_one():
    rows, reference_returns = table(lambda rule, seed, at: 6.0)
    named = [dataclasses.replace(r, rule="best known") if r.rule == "optimum" else r for r in reference_returns]
    # (6 − 1)/10 and (6 − 2)/10; and no reference return is scored.
    found = scores(rows + named)
    assert list(found) == ["a", "b"] and found["a"].end.iqm == pytest.approx(0.45)
    assert scores(rows + [r for r in reference_returns if r.rule == "random"])["a"].end is None


def test_without_reference_returns_there_are_raw_returns_only():
    rows, _ = table(lambda rule, seed, at: 1.0)
    found = scores(rows)["a"]
    assert found.end is None and found.area is None and found.raw_end == {"env": 1.0}
