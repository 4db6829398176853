"""Exact returns from a published transition table."""

import numpy as np
import pytest

from lpg.evaluation.transition_table import TransitionTable, exact_returns, transition_table
from tests.learner.mirror import NAME


def gamble(max_steps):
    """One state. Action 0 pays 1 and ends; action 1 pays 2 and goes on with probability ½."""
    return TransitionTable(
        goes_on=np.array([[[0.0], [0.5]]]), reward=np.array([[1.0, 2.0]]), start=np.ones(1), max_steps=max_steps
    )


@pytest.mark.parametrize(
    ("max_steps", "random", "best"),
    # One step: (1 + 2)/2 and 2. Two: 1.5 + ¼ · 1.5 and 2 + ½ · 2. For ever: v = 1.5 + v/4 and v = 2 + v/2.
    [(1, 1.5, 2.0), (2, 1.875, 3.0), (None, 2.0, 4.0)],
)
def test_returns_worked_by_hand(max_steps, random, best):
    assert exact_returns(gamble(max_steps)) == pytest.approx((random, best), abs=1e-8)


def test_the_cliff_is_walked_along_in_thirteen_steps():
    table = transition_table("gymnasium/CliffWalking-v1")
    assert table.num_actions == 4 and table.max_steps is None and table.start[36] == 1
    random, best = exact_returns(table)
    assert best == pytest.approx(-13)
    # v = r + P v under the uniform policy, solved at once, in the states that a walk can be in (the cliff is none).
    onward, paid = table.goes_on.mean(1), table.reward.mean(1)
    inside = np.array([*range(37)])
    solved = np.linalg.solve(np.eye(37) - onward[np.ix_(inside, inside)], paid[inside])
    assert random == pytest.approx(solved[36], rel=1e-6)


def test_terminal_states_end_episodes_and_limits_cut_them():
    table = transition_table("gymnasium/FrozenLake8x8-v1")
    assert table.max_steps == 200
    # 10 holes and the goal end an episode: three of their neighbours' moves lead there, and none goes on from there.
    assert table.goes_on.sum(-1).min() < 1 and table.goes_on.sum(-1).max() == pytest.approx(1)
    # No path is shorter than 14 steps.
    assert exact_returns(TransitionTable(**{**vars(table), "max_steps": 13}))[1] == 0
    assert exact_returns(TransitionTable(**{**vars(table), "max_steps": 14}))[1] > 0


@pytest.mark.parametrize(
    ("name", "words"), [(NAME, "publishes no transition table"), ("gymnasium/Taxi-v99", "gymnasium/Taxi-v99: ")]
)
def test_what_cannot_be_solved_is_refused(name, words):
    with pytest.raises(ValueError, match=words):
        transition_table(name)
