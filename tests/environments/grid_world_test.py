"""Moves, walls, objects and the clock of a grid, on maps small enough to follow by hand."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.environments.grid_world import OFFSETS, GridEnv, GridParams, GridState, topology

ENV = GridEnv(side=3, num_objects=2, num_states=9 * 4)
"""Up to 3 × 3 cells and two objects."""
STEP = jax.jit(ENV.step_from)
UP_LEFT, UP, UP_RIGHT, LEFT, STAY, RIGHT, DOWN_LEFT, DOWN, DOWN_RIGHT = range(9)
COLLECT = 9
NEVER = 0.999
"""A uniform number above every probability used here."""


def grid(
    rows: tuple[str, ...],
    *objects: tuple[int, float, float, float],
    has_collect_actions: bool = False,
    max_steps: int = 100,
) -> GridParams:
    """A map and objects (cell, reward, p_term, p_respawn); cells are counted row by row over the free ones."""
    is_free = np.zeros((3, 3), bool)
    is_free[: len(rows), : len(rows[0])] = [[mark == "." for mark in row] for row in rows]
    neighbour, place, num_cells = topology(jnp.asarray(is_free))
    cell, reward, p_term, p_respawn = zip(*objects, *[(10, 0.0, 0.0, 0.0)] * (2 - len(objects)), strict=True)
    return GridParams(
        neighbour=neighbour,
        place=place,
        size=jnp.array([len(rows), len(rows[0])]),
        num_cells=num_cells,
        object_cell=jnp.array(cell),
        object_exists=jnp.arange(2) < len(objects),
        object_reward=jnp.array(reward),
        object_p_term=jnp.array(p_term),
        object_p_respawn=jnp.array(p_respawn),
        step_reward=jnp.zeros(()),
        max_steps=jnp.asarray(max_steps),
        has_collect_actions=jnp.asarray(has_collect_actions),
    )


def state(cell: int, present=(True, True), time: int = 0) -> GridState:
    return GridState(cell=jnp.asarray(cell), is_present=jnp.array(present), time=jnp.asarray(time))


def step(env_params, before, action, uniforms=(NEVER, NEVER, NEVER)):
    """One step; `uniforms` are termination, then the return of either object."""
    return STEP(jnp.array(uniforms), before, jnp.asarray(action), env_params)


OPEN = ("...", "...", "...")


def test_the_nine_moves_go_to_the_eight_neighbours_and_stay():
    # Cells of the open map:   0 1 2
    #                          3 4 5   from the middle, direction d leads to cell d.
    #                          6 7 8
    env_params = grid(OPEN)
    assert [int(step(env_params, state(4), action)[0].cell) for action in range(9)] == list(range(9))


def test_the_border_blocks_a_move_diagonals_included():
    # From the corner 0 only right (1), down (3) and down-right (4) leave it.
    env_params = grid(OPEN)
    arrived = [int(step(env_params, state(0), action)[0].cell) for action in range(9)]
    assert arrived == [0, 0, 0, 0, 0, 1, 0, 3, 4]


def test_a_wall_blocks_a_move_diagonals_included():
    # 0 # 1      From 0: right into the wall, down to 2, down-right to 3.
    # 2 3 #      From 3: up-right to 1, although it squeezes between two walls; right into the wall.
    env_params = grid((".#.", "..#"))
    assert [int(step(env_params, state(0), a)[0].cell) for a in (RIGHT, DOWN, DOWN_RIGHT)] == [0, 2, 3]
    assert [int(step(env_params, state(3), a)[0].cell) for a in (UP, UP_RIGHT, RIGHT, UP_LEFT)] == [3, 1, 3, 0]
    # 0 #    From 1, up-right is the wall.
    # 1 2
    blocked = grid((".#", ".."))
    assert int(step(blocked, state(1), UP_RIGHT)[0].cell) == 1
    # Twin: without the wall the same move arrives.
    assert int(step(grid(("..", "..")), state(2), UP_RIGHT)[0].cell) == 1


@pytest.mark.parametrize("reward", [1.0, -1.0, 0.25])
def test_stepping_on_an_object_pays_its_reward_and_makes_it_vanish(reward):
    env_params = grid(OPEN, (5, reward, 0.0, 0.5), (0, 7.0, 0.0, 0.5))
    after, result = step(env_params, state(4), RIGHT)
    assert float(result.reward) == reward
    assert after.is_present.tolist() == [False, True]
    assert not result.terminated and not result.truncated
    # Twin: one cell further down there is nothing.
    after, result = step(env_params, state(4), DOWN_RIGHT)
    assert float(result.reward) == 0.0
    assert after.is_present.tolist() == [True, True]


def test_every_step_pays_its_own_reward_too():
    env_params = eqx.tree_at(lambda i: i.step_reward, grid(OPEN, (5, 1.0, 0.0, 0.5)), jnp.asarray(-0.25))
    assert float(step(env_params, state(4), RIGHT)[1].reward) == 0.75
    assert float(step(env_params, state(4), DOWN_RIGHT)[1].reward) == -0.25


def test_an_object_that_is_away_pays_nothing():
    env_params = grid(OPEN, (5, 1.0, 1.0, 0.5))
    _, result = step(env_params, state(4, (False, False)), RIGHT)
    assert float(result.reward) == 0.0 and not result.terminated


@pytest.mark.parametrize(("uniform", "ends"), [(0.29, True), (0.31, False)])
def test_taking_an_object_ends_the_episode_with_its_own_probability(uniform, ends):
    # The other object would always end it, and is not touched.
    env_params = grid(OPEN, (5, 1.0, 0.3, 0.0), (0, 1.0, 1.0, 0.0))
    _, result = step(env_params, state(4), RIGHT, (uniform, NEVER, NEVER))
    assert bool(result.terminated) is ends
    # Twin: nothing ends where nothing is taken.
    assert not step(env_params, state(4), LEFT, (uniform, NEVER, NEVER))[1].terminated


@pytest.mark.parametrize(("uniforms", "present"), [((0.19, 0.59), [True, True]), ((0.21, 0.59), [False, True]),
                                                ((0.19, 0.61), [True, False])])  # fmt: skip
def test_absent_objects_return_independently_with_their_own_probabilities(uniforms, present):
    env_params = grid(OPEN, (0, 1.0, 0.0, 0.2), (8, 1.0, 0.0, 0.6))
    after, _ = step(env_params, state(4, (False, False)), STAY, (NEVER, *uniforms))
    assert after.is_present.tolist() == present


def test_an_object_just_taken_cannot_return_in_the_same_step():
    env_params = grid(OPEN, (5, 1.0, 0.0, 1.0), (0, 1.0, 0.0, 1.0))
    after, _ = step(env_params, state(4, (True, False)), RIGHT, (NEVER, 0.0, 0.0))
    # Object 0 was there before and is gone; object 1 was away before and is back.
    assert after.is_present.tolist() == [False, True]
    # Twin: one step later it may.
    assert step(env_params, after, LEFT, (NEVER, 0.0, 0.0))[0].is_present.tolist() == [True, True]


def test_an_object_that_returns_under_the_agent_is_taken_by_staying_one_step_later():
    env_params = grid(OPEN, (4, 1.0, 0.0, 1.0))
    back, result = step(env_params, state(4, (False, False)), STAY, (NEVER, 0.0, 0.0))
    assert back.is_present.tolist() == [True, False] and float(result.reward) == 0.0
    assert float(step(env_params, back, STAY)[1].reward) == 1.0


def test_an_object_that_does_not_exist_never_appears():
    env_params = grid(OPEN, (0, 1.0, 0.0, 1.0))
    assert ENV.reset_from(jnp.array([0.5]), env_params).is_present.tolist() == [True, False]
    after, _ = step(env_params, state(4, (False, False)), STAY, (NEVER, 0.0, 0.0))
    assert after.is_present.tolist() == [True, False]


def test_with_eighteen_actions_only_a_collect_action_takes_an_object():
    env_params = grid(OPEN, (5, 1.0, 1.0, 0.0), has_collect_actions=True)
    after, result = step(env_params, state(4, (True, False)), RIGHT, (0.0, NEVER, NEVER))
    assert int(after.cell) == 5 and float(result.reward) == 0.0 and not result.terminated
    after, result = step(env_params, state(4, (True, False)), COLLECT + RIGHT, (0.0, NEVER, NEVER))
    assert int(after.cell) == 4 and float(result.reward) == 1.0 and result.terminated
    assert after.is_present.tolist() == [False, False]
    # The own cell is one of the nine.
    assert float(step(env_params, state(5, (True, False)), COLLECT + STAY)[1].reward) == 1.0


def test_every_collect_action_reaches_the_cell_of_its_own_direction_only():
    for direction in range(9):
        env_params = grid(OPEN, (direction, 1.0, 0.0, 0.0), has_collect_actions=True)
        rewards = [float(step(env_params, state(4), COLLECT + other)[1].reward) for other in range(9)]
        assert rewards == [1.0 if other == direction else 0.0 for other in range(9)]


def test_collecting_through_the_border_or_from_a_wall_takes_nothing():
    # 0 # 1   One object in each free cell, one cell apart: nothing is reached through the wall between them.
    env_params = grid((".#.",), (0, 1.0, 0.0, 0.0), (1, 1.0, 0.0, 0.0), has_collect_actions=True)
    for action in range(9):
        after, result = step(env_params, state(0), COLLECT + action)
        assert float(result.reward) == (1.0 if action == STAY else 0.0)
        assert after.is_present.tolist() == [action != STAY, True]


def test_action_mask_has_nine_or_eighteen_actions():
    assert ENV.action_mask(grid(OPEN)).tolist() == [True] * 9 + [False] * 9
    assert ENV.action_mask(grid(OPEN, has_collect_actions=True)).tolist() == [True] * 18


def test_the_time_limit_truncates_and_does_not_terminate():
    env_params = grid(OPEN, (5, 1.0, 0.5, 0.0), max_steps=3)
    after, result = step(env_params, state(4, time=1), LEFT)
    assert not result.truncated and int(after.time) == 2
    _, result = step(env_params, after, LEFT)
    assert result.truncated and not result.terminated
    # An episode that ends by itself on its very last step is terminated, not cut off.
    _, result = step(env_params, state(4, time=2), RIGHT, (0.0, NEVER, NEVER))
    assert result.terminated and not result.truncated
    assert int(ENV.time_limit(env_params)) == 3


def test_observation_numbers_cell_and_present_objects_and_nothing_else():
    # Six free cells: cell 2, second object only: 2 + 6 · (0 · 1 + 1 · 2) = 14.
    env_params = grid(("...", "..."), (0, 1.0, 0.0, 0.0), (5, 1.0, 0.0, 0.0))
    assert int(ENV.observe(state(2, (False, True)), env_params)) == 14
    assert int(ENV.observe(state(2, (False, True), time=9), env_params)) == 14
    every = [state(cell, (a, b)) for cell in range(6) for a in (False, True) for b in (False, True)]
    assert sorted(int(ENV.observe(one, env_params)) for one in every) == list(range(24))


def test_episodes_start_in_every_free_cell_equally_often_with_all_objects():
    # Five free cells: uniform numbers in [k/5, (k+1)/5) are cell k, up to the largest number below 1.
    env_params = grid((".#.", "..."), (0, 1.0, 0.0, 0.0))
    uniforms = [0.0, 0.19, 0.21, 0.5, 0.79, 0.81, np.nextafter(np.float32(1), np.float32(0))]
    cells = [int(ENV.reset_from(jnp.array([number]), env_params).cell) for number in uniforms]
    assert cells == [0, 0, 1, 2, 3, 4, 4]
    # One object, present: indices 5 … 9 of 36.
    np.testing.assert_allclose(ENV.initial_states(env_params), [0.0] * 5 + [0.2] * 5 + [0.0] * 26, rtol=1e-6)


def test_topology_agrees_with_a_plain_loop_over_the_map():
    is_free = np.random.default_rng(3).random((5, 5)) < 0.7
    neighbour, place, num_cells = topology(jnp.asarray(is_free))
    cells = [(row, column) for row in range(5) for column in range(5) if is_free[row, column]]
    assert int(num_cells) == len(cells)
    assert [tuple(one) for one in np.asarray(place)[: len(cells)].tolist()] == cells
    number = {cell: k for k, cell in enumerate(cells)}
    expected = [[number.get((row + down, column + right), 25) for down, right in OFFSETS] for row, column in cells]
    assert np.asarray(neighbour)[: len(cells)].tolist() == expected
