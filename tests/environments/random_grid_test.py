"""Moves, walls, objects that change places, and the picture, on a map small enough to follow by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.environments.grid_world import OFFSETS
from lpg.environments.random_grid import RandomGridEnv, RandomGridParams, RandomGridState, spawn

ENV = RandomGridEnv(rows=3, columns=4, num_types=2, num_objects=3, num_walls=2)
"""0  1  2  3      Walls in 5 and 10: the cells
   4  #  6  7      left are 0 1 2 3 4 6 7 8 9 11.
   8  9  #  11"""
WALLS = (5, 10)
NOWHERE = 12
STEP, OBSERVE, RESET = jax.jit(ENV.step_from), jax.jit(ENV.observe), jax.jit(ENV.reset_from)
UP_LEFT, UP, UP_RIGHT, LEFT, STAY, RIGHT, DOWN_LEFT, DOWN, DOWN_RIGHT = range(9)
COLLECT = 9
NEVER = 0.999
"""A uniform number above every probability used here."""


def grid(*objects, walls=WALLS, has_collect_actions=False, max_steps=100) -> RandomGridParams:
    """Objects (type, reward, p_term, p_respawn); those up to three that are not given do not exist."""
    kind, reward, p_term, p_respawn = zip(*objects, *[(0, 0.0, 0.0, 0.0)] * (3 - len(objects)), strict=True)
    return RandomGridParams(
        wall=jnp.array(walls),
        object_type=jnp.array(kind),
        object_exists=jnp.arange(3) < len(objects),
        object_reward=jnp.array(reward),
        object_p_term=jnp.array(p_term),
        object_p_respawn=jnp.array(p_respawn),
        max_steps=jnp.asarray(max_steps),
        has_collect_actions=jnp.asarray(has_collect_actions),
    )


GOOD, TRAP, STONE = (0, 1.0, 0.0, 0.2), (1, -1.0, 0.5, 0.6), (1, -0.25, 1.0, 1.0)


def state(cell, *object_cell, time=0) -> RandomGridState:
    """Objects not given are nowhere."""
    object_cell = (*object_cell, NOWHERE, NOWHERE, NOWHERE)[:3]
    return RandomGridState(cell=jnp.asarray(cell), object_cell=jnp.array(object_cell), time=jnp.asarray(time))


def step(env_params, before, action, term=NEVER, returns=(NEVER, NEVER, NEVER), places=(0.0, 0.0, 0.0)):
    """One step; the numbers are termination, then the returns of the objects, then their places."""
    return STEP(jnp.array([term, *returns, *places]), before, jnp.asarray(action), env_params)


def test_moves_go_to_the_eight_neighbours_unless_a_wall_or_the_border_is_there():
    env_params = grid(GOOD)
    # Around 6:  1 2 3 / # 6 7 / 9 # 11: left and down are walls; diagonals squeeze past them.
    assert [int(step(env_params, state(6), action)[0].cell) for action in range(9)] == [1, 2, 3, 6, 6, 7, 9, 6, 11]
    # The corner 0: right is 1, down is 4, down-right a wall.
    assert [int(step(env_params, state(0), action)[0].cell) for action in range(9)] == [0, 0, 0, 0, 0, 1, 0, 4, 0]
    # The right edge does not lead round to the next row: from 3, right and down-right are the border.
    assert [int(step(env_params, state(3), action)[0].cell) for action in range(9)] == [3, 3, 3, 2, 3, 3, 6, 7, 3]
    # Twin: without walls nothing stops who starts at 6.
    free = grid(GOOD, walls=(NOWHERE, NOWHERE))
    assert [int(step(free, state(6), action)[0].cell) for action in range(9)] == [1, 2, 3, 5, 6, 7, 9, 10, 11]


def test_moves_agree_with_a_plain_loop_over_the_map():
    cells = [cell for cell in range(12) if cell not in WALLS]
    everywhere = jax.vmap(jax.vmap(ENV.neighbour, in_axes=(None, 0, None)), in_axes=(0, None, None))
    found = everywhere(jnp.array(cells), jnp.arange(9), grid(GOOD))
    for cell, row in zip(cells, found.tolist(), strict=True):
        for (down, right), target in zip(OFFSETS.tolist(), row, strict=True):
            place = (cell // 4 + down, cell % 4 + right)
            is_on = 0 <= place[0] < 3 and 0 <= place[1] < 4 and place[0] * 4 + place[1] not in WALLS
            assert target == (place[0] * 4 + place[1] if is_on else -1)


@pytest.mark.parametrize(("number", "reward"), [(0, 1.0), (1, -1.0), (2, -0.25)])
def test_stepping_on_an_object_pays_its_reward_and_makes_it_vanish(number, reward):
    lies = [3, 9, 11]
    lies[number] = 7
    after, result = step(grid(GOOD, TRAP, STONE), state(6, *lies), RIGHT)
    assert float(result.reward) == reward
    expected = list(lies)
    expected[number] = NOWHERE
    assert after.object_cell.tolist() == expected
    # Twin: one cell further up there is nothing, and the objects stay where they are.
    after, result = step(grid(GOOD, TRAP, STONE), state(6, *lies), UP)
    assert float(result.reward) == 0.0 and after.object_cell.tolist() == lies


@pytest.mark.parametrize(("term", "ends"), [(0.49, True), (0.51, False)])
def test_taking_an_object_ends_the_episode_with_its_own_probability(term, ends):
    env_params = grid(GOOD, TRAP, STONE)
    assert bool(step(env_params, state(6, 3, 7, 11), RIGHT, term)[1].terminated) is ends
    # Twins: the first object never ends it, the third always does, and where nothing is taken nothing ends.
    assert not step(env_params, state(6, 7, 3, 11), RIGHT, 0.0)[1].terminated
    assert step(env_params, state(6, 3, 11, 7), RIGHT, NEVER)[1].terminated
    assert not step(env_params, state(6, 3, 7, 11), UP, 0.0)[1].terminated


def test_with_eighteen_actions_only_a_collect_action_takes_an_object():
    env_params = grid(GOOD, has_collect_actions=True)
    after, result = step(env_params, state(6, 7), RIGHT)
    assert int(after.cell) == 7 and float(result.reward) == 0.0 and int(after.object_cell[0]) == 7
    # Standing on it, the own cell is one of the nine; elsewhere, every direction reaches its own cell only.
    assert float(step(env_params, after, COLLECT + STAY)[1].reward) == 1.0
    for lies in (1, 2, 3, 6, 7, 9, 11):
        found = [step(env_params, state(6, lies), COLLECT + direction) for direction in range(9)]
        assert all(int(after.cell) == 6 for after, _ in found)
        reached = [4 * (1 + down) + 2 + right for down, right in OFFSETS]
        assert [float(result.reward) for _, result in found] == [float(cell == lies) for cell in reached]


def test_collecting_from_a_wall_or_through_the_border_takes_nothing_not_even_what_is_absent():
    env_params = grid(GOOD, TRAP, has_collect_actions=True)
    for direction in (LEFT, DOWN):
        after, result = step(env_params, state(6, 4), COLLECT + direction, 0.0)
        assert float(result.reward) == 0.0 and after.object_cell.tolist() == [4, NOWHERE, NOWHERE]
    # 3's right neighbour would be 4, one row down, if the border were no border.
    assert float(step(env_params, state(3, 4), COLLECT + RIGHT)[1].reward) == 0.0
    # In the last corner, the number after the last cell is that of objects that are nowhere.
    assert float(step(env_params, state(11), COLLECT + RIGHT)[1].reward) == 0.0


def test_objects_return_independently_with_their_own_probabilities_and_in_the_cell_that_the_noise_says():
    env_params = grid(GOOD, TRAP)
    # The agent stays at 6; unoccupied are 0 1 2 3 4 7 8 9 11, nine cells. 0.5 · 9 = 4.5: number 4 is cell 4.
    after, _ = step(env_params, state(6), STAY, returns=(0.19, 0.61, NEVER), places=(0.5, 0.5, 0.5))
    assert after.object_cell.tolist() == [4, NOWHERE, NOWHERE]
    # Then 0 1 2 3 7 8 9 11, eight cells: number 4 is cell 7.
    after, _ = step(env_params, state(6), STAY, returns=(0.19, 0.59, NEVER), places=(0.5, 0.5, 0.5))
    assert after.object_cell.tolist() == [4, 7, NOWHERE]
    # Only the second: the first does not use up a cell.
    after, _ = step(env_params, state(6), STAY, returns=(0.21, 0.59, NEVER), places=(0.5, 0.5, 0.5))
    assert after.object_cell.tolist() == [NOWHERE, 4, NOWHERE]


def test_an_object_just_taken_cannot_return_in_the_same_step():
    env_params = grid(STONE, STONE)
    after, _ = step(env_params, state(6, 7), RIGHT, returns=(0.0, 0.0, 0.0))
    assert after.object_cell.tolist() == [NOWHERE, 0, NOWHERE]
    # Twin: one step later it is back.
    assert int(step(env_params, after, LEFT, returns=(0.0, 0.0, 0.0))[0].object_cell[0]) == 1


def test_an_object_that_does_not_exist_never_appears():
    env_params = grid(STONE)
    assert RESET(jnp.zeros(4), env_params).object_cell.tolist() == [1, NOWHERE, NOWHERE]
    after, _ = step(env_params, state(6), STAY, returns=(0.0, 0.0, 0.0))
    assert after.object_cell.tolist() == [0, NOWHERE, NOWHERE]


def test_the_time_limit_truncates_and_does_not_terminate():
    env_params = grid(STONE, max_steps=3)
    after, result = step(env_params, state(6, 7, time=1), LEFT)
    assert not result.truncated and int(after.time) == 2
    _, result = step(env_params, after, LEFT)
    assert result.truncated and not result.terminated
    _, result = step(env_params, state(6, 7, time=2), RIGHT)
    assert result.terminated and not result.truncated


def test_action_mask_has_nine_or_eighteen_actions():
    assert ENV.action_mask(grid(GOOD)).tolist() == [True] * 9 + [False] * 9
    assert ENV.action_mask(grid(GOOD, has_collect_actions=True)).tolist() == [True] * 18


def test_the_picture_has_a_plane_for_each_type_and_the_agents_last():
    # Objects of type 0 in 3, of type 1 in 4 and 11; the agent stands on the first.
    seen = OBSERVE(state(3, 3, 4, 11), grid(GOOD, TRAP, STONE))
    assert seen.shape == ENV.observation_shape == (3, 3, 4) and seen.dtype == jnp.zeros(()).dtype
    assert seen.astype(int).tolist() == [
        [[0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]],
        [[0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]],
        [[0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]],
    ]
    # Nothing of type 1 is there, and time is not seen.
    later = OBSERVE(state(3, 3, time=9), grid(GOOD, TRAP, STONE))
    np.testing.assert_array_equal(later, seen.at[1].set(0.0))


def placed_by_hand(occupied, appears, uniforms, num_cells):
    """`spawn` written with sets, one thing at a time."""
    cells = list(occupied)
    for n, (is_new, number) in enumerate(zip(appears, uniforms, strict=True)):
        left = sorted(set(range(num_cells)) - set(cells))
        if is_new:
            cells[n] = left[min(int(np.floor(np.float32(number) * np.float32(len(left)))), len(left) - 1)]
    return cells[: len(appears)]


def anywhere(occupied, appears, uniforms, num_cells):
    """The naive twin: any cell at all."""
    return jnp.where(appears, jnp.floor(uniforms * num_cells).astype(int), occupied[: appears.shape[0]])


def crowded(num_things, num_walls, num_cells, rng, count=2000):
    """Random things on a random board, some of them nowhere, some of those about to appear."""
    cells = np.array([rng.permutation(num_cells)[: num_things + num_walls] for _ in range(count)])
    is_absent = rng.random((count, num_things)) < 0.6
    cells[:, :num_things][is_absent] = num_cells
    return cells, is_absent & (rng.random((count, num_things)) < 0.7), rng.random((count, num_things), np.float32)


@pytest.mark.parametrize(("num_things", "num_walls", "num_cells"), [(5, 0, 121), (5, 2, 35), (4, 3, 8)])
def test_things_appear_in_the_unoccupied_cell_of_the_rank_drawn_and_never_on_another(num_things, num_walls, num_cells):
    occupied, appears, uniforms = crowded(num_things, num_walls, num_cells, np.random.default_rng(num_cells))
    uniforms[:50] = np.nextafter(np.float32(1), np.float32(0))
    found = np.asarray(jax.jit(jax.vmap(lambda o, a, u: spawn(o, a, u, num_cells)))(occupied, appears, uniforms))
    by_hand = [placed_by_hand(*case, num_cells) for case in zip(occupied.tolist(), appears, uniforms, strict=True)]
    np.testing.assert_array_equal(found, by_hand)

    def collisions(cells):
        return sum(
            len(set(after[after < num_cells])) < (after < num_cells).sum()
            for after in np.concatenate([cells, occupied[:, num_things:]], axis=1)
        )

    assert collisions(found) == 0
    # Twin: the check sees naive placement run into walls and things.
    naive = jax.vmap(lambda o, a, u: anywhere(o, a, u, num_cells))(occupied, appears, uniforms)
    assert collisions(np.asarray(naive)) > 50


def is_uniform(cells, allowed, num_sigma=4.0):
    """Whether every allowed cell, and no other, is as frequent as the others."""
    counts = np.bincount(cells, minlength=NOWHERE)
    expected = len(cells) / len(allowed)
    deviation = np.abs(counts[allowed] - expected) / np.sqrt(expected * (1 - 1 / len(allowed)))
    return counts.sum() == counts[allowed].sum() and deviation.max() < num_sigma


def test_an_object_returns_uniformly_over_the_cells_without_wall_object_and_agent():
    # Under the 18 actions the agent may stand on an object: cell 2 must not be taken off twice.
    for agent, lies, allowed in (
        (6, (NOWHERE, 2, 8), [0, 1, 3, 4, 7, 9, 11]),
        (2, (NOWHERE, 2, 8), [0, 1, 3, 4, 6, 7, 9, 11]),
    ):
        env_params = grid(STONE, TRAP, TRAP, has_collect_actions=True)
        uniforms = jax.random.uniform(jax.random.key(agent), (8000, ENV.num_uniforms))
        many = jax.jit(jax.vmap(ENV.step_from, in_axes=(0, None, None, None)))
        cells = np.asarray(many(uniforms, state(agent, *lies), jnp.asarray(STAY), env_params)[0].object_cell)
        assert is_uniform(cells[:, 0], allowed)
        assert (cells[:, 1:] == lies[1:]).all()
        # Twin: with one cell more or less the check fails.
        assert not is_uniform(cells[:, 0], [*allowed, 2]) and not is_uniform(cells[:, 0], allowed[:-1])


def test_episodes_start_with_agent_and_objects_in_distinct_cells_uniformly():
    uniforms = jax.random.uniform(jax.random.key(3), (20000, ENV.num_reset_uniforms))
    start = jax.jit(jax.vmap(lambda u: ENV.reset_from(u, grid(GOOD, TRAP, STONE))))(uniforms)
    cells = np.column_stack([start.cell, start.object_cell])
    free = [cell for cell in range(12) if cell not in WALLS]
    assert all(is_uniform(cells[:, thing], free) for thing in range(4))
    assert all(len(set(row)) == 4 for row in cells.tolist())
    assert not start.time.any()
    # Pairs too: agent and first object on 10 · 9 pairs of cells, each expected 20,000 / 90 times.
    counts = np.bincount(cells[:, 0] * 12 + cells[:, 1], minlength=144)
    seen = counts[counts > 0]
    assert len(seen) == 90
    chi_square = ((seen - 20000 / 90) ** 2 / (20000 / 90)).sum()
    # 89 degrees of freedom: mean 89, standard deviation √178 = 13.3; four of them.
    assert 36 < chi_square < 142
