"""Learning curves from sums over episodes."""

import numpy as np
import pytest

from lpg.evaluation.curves import continued_ends, curves_from_totals, point_ends


def test_standard_errors_worked_by_hand():
    # Returns 1 and 3: mean 2, sample variance 2, standard error √(2/2) = 1. One episode has none; none has no mean.
    totals = [tuple(np.array([x]) for x in point) for point in ((4.0, 10.0, 2), (5.0, 25.0, 1), (0.0, 0.0, 0))]
    curves = curves_from_totals(np.array([1, 2, 3]), totals)
    np.testing.assert_allclose(curves.return_mean, [[2.0, 5.0, np.nan]])
    np.testing.assert_allclose(curves.return_stderr, [[1.0, np.nan, np.nan]])
    assert curves.episodes.tolist() == [[2, 1, 0]]


def test_every_agent_has_its_own_curve():
    totals = [(np.array([1.0, 6.0]), np.array([1.0, 12.0]), np.array([1, 3]))]
    at, mean, _, episodes = curves_from_totals(np.array([7]), totals).of(1)
    assert (at.tolist(), mean.tolist(), episodes.tolist()) == ([7], [2.0], [3])


def test_points_are_spread_evenly_and_the_last_is_the_end():
    assert point_ends(10, 4).tolist() == [2, 5, 8, 10]
    assert point_ends(3, 50).tolist() == [1, 2, 3]
    assert point_ends(2**31 - 1, 2)[-1] == 2**31 - 1
    with pytest.raises(ValueError, match="2,147,483,648 agent updates"):
        point_ends(2**31, 2)


def test_points_of_a_training_that_went_on_keep_their_distance():
    assert continued_ends([10], 4).tolist() == point_ends(10, 4).tolist()
    # Four points in ten updates: two in the next five, and one at least where a single update is added.
    assert continued_ends([10, 15, 16], 4).tolist() == [2, 5, 8, 10, 12, 15, 16]
