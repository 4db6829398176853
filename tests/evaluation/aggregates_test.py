"""Interquartile mean, mean and bootstrap intervals against numbers worked by hand."""

import math

import numpy as np
import pytest

from lpg.evaluation.aggregates import Estimate, aggregate, difference, interquartile_mean, paired_interval


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
