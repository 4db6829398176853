"""The scripted policy: its distances against a plain search, its choices on a map small enough to follow by hand."""

import collections

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.environments.greedy import Greedy, distances
from lpg.environments.grid_world import OFFSETS
from tests.environments.random_grid_test import (
    COLLECT,
    DOWN_LEFT,
    DOWN_RIGHT,
    ENV,
    GOOD,
    LEFT,
    NOWHERE,
    RIGHT,
    STAY,
    TRAP,
    UP_LEFT,
    UP_RIGHT,
    grid,
    state,
)  # fmt: skip

GREEDY = Greedy(ENV)
PLAN, ACT = jax.jit(GREEDY.plan), jax.jit(GREEDY.act)
OPEN = (NOWHERE, NOWHERE)


def act(env_params, now):
    return int(ACT(PLAN(env_params), now, env_params))


def searched(targets, is_open):
    """Breadth first, with coordinates and a queue."""
    steps = {cell: 0 for cell in targets if is_open[cell]}
    queue = collections.deque(steps)
    while queue:
        cell = queue.popleft()
        for down, right in OFFSETS.tolist():
            row, column = cell // 4 + down, cell % 4 + right
            other = row * 4 + column
            if 0 <= row < 3 and 0 <= column < 4 and is_open[other] and other not in steps:
                steps[other] = steps[cell] + 1
                queue.append(other)
    return [steps.get(cell, np.inf) for cell in range(12)]


def test_distances_agree_with_a_plain_search():
    rng = np.random.default_rng(0)
    find = jax.jit(lambda targets, is_open: distances(ENV, targets, is_open))
    unreachable = 0
    for _ in range(50):
        is_open, is_target = rng.random(12) < 0.6, rng.random(12) < 0.2
        found = find(jnp.asarray(is_target), jnp.asarray(is_open))
        np.testing.assert_array_equal(found, searched(np.flatnonzero(is_target).tolist(), is_open))
        unreachable += int(np.isinf(found[is_open]).sum())
    assert unreachable > 0, "or the hard cases are missing"


def test_it_goes_to_the_nearest_reward_and_takes_it():
    # 0 1 2 3 / 4 # 6 7 / 8 9 # 11. From 9, the reward in 3 is two steps away: 6, then 3.
    nine, eighteen = grid(GOOD, GOOD), grid(GOOD, GOOD, has_collect_actions=True)
    assert act(nine, state(9, 3)) == act(eighteen, state(9, 3)) == UP_RIGHT
    # From 6 it is one step away: stepped on with 9 actions, collected from here with 18.
    assert act(nine, state(6, 3)) == UP_RIGHT
    assert act(eighteen, state(6, 3)) == COLLECT + UP_RIGHT
    # A second one in 8 is nearer to 9 than that in 3, whichever object it is.
    assert act(nine, state(9, 3, 8)) == act(nine, state(9, 8, 3)) == LEFT


def test_of_two_equal_ways_the_more_central_one_is_taken():
    # Without walls, from 0 to 7 it is three steps, over 1 or 5. Distances to all twelve cells, row by row: from 1
    # (1 + 0 + 1 + 2) + (1 + 1 + 1 + 2) + 4 · 2 = 17, from 5 (1 + 1 + 1 + 2) + (1 + 0 + 1 + 2) + (1 + 1 + 1 + 2) = 14.
    assert act(grid(GOOD, walls=OPEN), state(0, 7)) == DOWN_RIGHT


def test_with_nine_actions_penalties_are_in_the_way_and_with_eighteen_they_are_not():
    # From 4 to 6 the short ways lead over 1 or 9 (5 is a wall): with a trap in 1, 9 is left, and the other way round.
    for trap, way in ((1, DOWN_RIGHT), (9, UP_RIGHT)):
        assert act(grid(GOOD, TRAP), state(4, 6, trap)) == way
    # Both ways closed: no reward can be reached, and nothing is stepped on. 0 and 8 are reached, 1 and 9 are not.
    closed = grid(GOOD, TRAP, TRAP)
    assert act(closed, state(4, 6, 1, 9)) not in (UP_RIGHT, DOWN_RIGHT)
    # The twin: by walking, 18 actions take nothing.
    assert act(grid(GOOD, TRAP, TRAP, has_collect_actions=True), state(4, 6, 1, 9)) in (UP_RIGHT, DOWN_RIGHT)


def test_a_penalty_is_never_collected():
    env_params = grid(TRAP, TRAP, has_collect_actions=True)
    assert all(act(env_params, state(cell, 6, 3)) < COLLECT for cell in (1, 2, 7, 9, 11))


def test_it_waits_in_the_middle():
    # Three by four without walls: 5 and 6 are the middle, within one step of nine cells each. Of equals the first
    # direction is taken: 6 goes left to 5, and 5 stays.
    env_params = grid(GOOD, walls=OPEN)
    assert act(env_params, state(5)) == STAY and act(env_params, state(6)) == LEFT
    assert act(env_params, state(0)) == DOWN_RIGHT and act(env_params, state(11)) == UP_LEFT
    assert act(env_params, state(3)) == DOWN_LEFT
    assert act(env_params, state(4)) == RIGHT


@pytest.mark.parametrize("num_walls", [0, 2])
def test_the_plan_knows_mean_distances(num_walls):
    walls = (5, 10) if num_walls else OPEN
    plan = PLAN(grid(GOOD, walls=walls))
    is_free = np.array([cell not in walls for cell in range(12)])
    expected = [np.mean(np.array(searched([cell], is_free))[is_free]) for cell in np.flatnonzero(is_free)]
    np.testing.assert_allclose(np.asarray(plan.mean_distance)[is_free] * 12, expected, rtol=1e-5)
    np.testing.assert_array_equal(plan.is_free, is_free)
