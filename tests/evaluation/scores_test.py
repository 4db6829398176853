"""Scores of rules, their differences and steps to a threshold, against numbers worked by hand."""

import dataclasses
import math

import numpy as np
import pytest

from lpg.evaluation.results import Row
from lpg.evaluation.scores import differences, normalise, scores, steps_to_threshold


def test_zero_is_random_and_one_is_the_optimum():
    np.testing.assert_allclose(normalise(np.array([-1.0, 1.0, 9.0]), -1.0, 9.0), [0.0, 0.2, 1.0])
    assert np.isnan(normalise(3.0, 2.0, 2.0))
    assert np.isnan(normalise(3.0, math.nan, math.nan))


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
