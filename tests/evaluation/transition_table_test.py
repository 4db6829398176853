"""Exact returns from published transitions."""

import dataclasses

import numpy as np
import pytest

from lpg.environments.tabulated import Transitions, transitions
from lpg.evaluation.transition_table import exact_returns


def gamble(max_steps):
    """One state. Action 0 pays 1 and ends; action 1 pays 2 and goes on with probability ½."""
    return Transitions(
        probability=np.array([[[1.0, 0.0], [0.5, 0.5]]]), following=np.zeros((1, 2, 2), int),
        reward=np.array([[[1.0, 0.0], [2.0, 2.0]]]), terminated=np.array([[[True, False], [True, False]]]),
        start=np.ones(1), max_steps=max_steps,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("max_steps", "random", "best"),
    # One step: (1 + 2)/2 and 2. Two: 1.5 + ¼ · 1.5 and 2 + ½ · 2. For ever: v = 1.5 + v/4 and v = 2 + v/2.
    [(1, 1.5, 2.0), (2, 1.875, 3.0), (None, 2.0, 4.0)],
)
def test_returns_worked_by_hand(max_steps, random, best):
    assert exact_returns(gamble(max_steps)) == pytest.approx((random, best), abs=1e-8)


def test_the_cliff_is_walked_along_in_thirteen_steps():
    table = transitions("CliffWalking-v1")
    assert table.reward.shape == (48, 4, 1) and table.max_steps is None and table.start[36] == 1
    random, best = exact_returns(table)
    assert best == pytest.approx(-13)
    # v = r + P v under the uniform policy, solved at once, in the states that a walk can be in (the cliff is none).
    onward = np.zeros((48, 48))
    for state, action in np.ndindex(48, 4):
        onward[state, table.following[state, action, 0]] += (1 - table.terminated[state, action, 0]) / 4
    paid = table.reward[..., 0].mean(1)
    inside = np.array([*range(37)])
    solved = np.linalg.solve(np.eye(37) - onward[np.ix_(inside, inside)], paid[inside])
    assert random == pytest.approx(solved[36], rel=1e-6)


def test_terminal_states_end_episodes_and_limits_cut_them():
    table = transitions("FrozenLake8x8-v1")
    assert table.max_steps == 200
    # No path is shorter than 14 steps.
    assert exact_returns(dataclasses.replace(table, max_steps=13))[1] == 0
    assert exact_returns(dataclasses.replace(table, max_steps=14))[1] > 0
