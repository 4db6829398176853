"""Scores: normalisation, interquartile mean and bootstrap against numbers worked by hand."""

import dataclasses
import math

import numpy as np
import pytest

from lpg.evaluation.results import Row
from lpg.evaluation.scores import (
    Estimate,
    aggregate,
    difference,
    differences,
    interquartile_mean,
    normalise,
    paired_interval,
    scores,
    steps_to_threshold,
)


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
    assert math.isnan(found.mean.value) and math.isnan(found.mean.low)
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


def test_the_mean_counts_a_failure_that_the_interquartile_mean_leaves_out():
    # Seven runs of 1 and one of 0. The mean of eight draws, of which k are 0 with probability ⅛ each, is 1 − k / 8: k
    # is 0 with probability .34 and at most 3 with probability .98, so that the interval is [⅝, 1].
    found = aggregate({"a": [0.0, *[1.0] * 7]}, np.random.default_rng(0))
    assert (found.iqm, found.low, found.high) == (1.0, pytest.approx(1.0, abs=0.3), 1.0)
    assert (found.mean.value, found.mean.low, found.mean.high) == (0.875, 0.625, 1.0)
    assert found.middle == Estimate(found.iqm, found.low, found.high)
    # Two rules: one never fails. The interquartile means do not differ, the means do, by what one run loses.
    apart = difference({"a": np.array([[1.0] * 8, [0.0, *[1.0] * 7]])}, np.random.default_rng(0))
    assert apart.iqm == 0.0 and (apart.mean.value, apart.mean.low, apart.mean.high) == (0.125, 0.0, 0.375)


def test_the_mean_of_differences_is_paired():
    pairs = {"a": np.array([[1.0, 11.0], [0.0, 10.0]])}
    assert difference(pairs, np.random.default_rng(0)).mean == Estimate(1.0, 1.0, 1.0)
    # The twin: the same scores in another pairing.
    unpaired = {"a": np.array([[11.0, 1.0], [0.0, 10.0]])}
    assert difference(unpaired, np.random.default_rng(0)).mean == Estimate(1.0, -9.0, 11.0)


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


def test_the_interval_is_of_the_mean_difference():
    # Differences 0 and 1: their resampled mean is 0, ½ or 1 with probability ¼, ½, ¼.
    assert paired_interval([0.0, 1.0]) == (0, 1)
    assert paired_interval([0.5, 0.5, 0.5]) == (0.5, 0.5)
    low, high = paired_interval(list(np.random.default_rng(0).normal(1.0, 0.1, 20)))
    assert 0.9 < low < 1 < high < 1.1
    assert np.isnan(paired_interval([1.0])).all() and np.isnan(paired_interval([1.0, np.nan])).all()


def test_a_constant_lead_is_certain_however_much_the_seeds_differ():
    # Seeds differ by 10, and in each of them the first rule is ahead by 1: the paired interval has no width.
    pairs = {"a": np.array([[1.0, 11.0], [0.0, 10.0]]), "b": np.array([[6.0], [5.0]])}
    found = difference(pairs, np.random.default_rng(0))
    assert (found.iqm, found.low, found.high) == pytest.approx((1.0, 1.0, 1.0)) and found.per_environment == {
        "a": 1.0,
        "b": 1.0,
    }
    # The twin: the same scores in another pairing.
    unpaired = difference({"a": np.array([[11.0, 1.0], [0.0, 10.0]])}, np.random.default_rng(0))
    assert unpaired.iqm == 1.0 and (unpaired.low, unpaired.high) == (-9.0, 11.0)


def test_differences_are_between_scores_of_the_same_seeds():
    # On a scale of 10, a's end is 0.9 and its area 0.45; b has 0.1 for both (see the scores worked by hand above).
    rows, reference_returns = table(lambda rule, seed, at: 1.0 + seed + (at if rule == "a" else 1.0))
    extra = [dataclasses.replace(row, seed=5, return_mean=99.0) for row in rows if row.rule == "a" and row.seed == 0]
    extra += [dataclasses.replace(row, seed=5) for row in reference_returns if row.seed == 0]
    found = differences([*rows, *extra, *reference_returns], "b")
    assert list(found) == ["a"]
    for got, expected in ((found["a"].end, 0.8), (found["a"].area, 0.35)):
        assert (got.iqm, got.low, got.high) == pytest.approx((expected,) * 3)
        assert got.per_environment == {"env": pytest.approx(expected)}
    assert differences(rows + reference_returns, "a")["b"].end.iqm == pytest.approx(-0.8)
    assert differences(rows, "b") == {}, "nothing can be normalised"


def test_steps_to_a_threshold_are_those_of_the_first_point_that_reaches_it():
    # Rule a is `at` above random after at + 1 steps, on a scale of 10; rule b stays at 1 above random.
    rows, reference_returns = table(lambda rule, seed, at: 1.0 + seed + (at if rule == "a" else 1.0))
    found = steps_to_threshold(rows + reference_returns, 0.5)
    assert found["a", "env", 0] == found["a", "env", 1] == 6 and math.isnan(found["b", "env", 0])
    assert set(found) == {(rule, "env", seed) for rule in ("a", "b") for seed in (0, 1)}
    # Without reference returns the return itself counts, if one is given: seed 1 begins at 2.
    raw = steps_to_threshold(rows, 0.5, threshold_return=4.0)
    assert (raw["a", "env", 0], raw["a", "env", 1]) == (4, 3)
    assert all(math.isnan(steps) for steps in steps_to_threshold(rows, 0.5).values())
    # With reference returns it does not.
    assert steps_to_threshold(rows + reference_returns, 0.5, threshold_return=-9.0)["a", "env", 0] == 6
