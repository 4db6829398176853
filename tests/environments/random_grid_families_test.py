"""The random grids of the paper, map by map and object by object, and one picture of each worked by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.environments import random_grid_families
from lpg.environments.grid_families import ObjectType
from lpg.environments.random_grid import RandomGridState
from lpg.environments.random_grid_families import RandomGrid

PAPER = {
    "DENSE": (11, 11, 500, [(2, 1, 0, 0.05), (1, -1, 0.5, 0.1), (1, -1, 0, 0.5)], []),
    "LONG_HORIZON": (11, 11, 1000, [(2, 1, 0, 0.01), (2, -1, 0.5, 1)], []),
    "SMALL": (5, 7, 500, [(2, 1, 0, 0.05), (2, -1, 0.5, 0.1)], [(1, 2), (3, 4)]),
    "SMALL_SPARSE": (5, 7, 50, [(1, 1, 1, 1), (2, -1, 1, 1)], []),
    "VERY_DENSE": (11, 11, 2000, [(1, 1, 0, 1)], []),
}
"""Rows, columns, steps per episode, objects (how many, reward, p_term, p_respawn), walls: typed off the paper again."""

FAMILIES = {name: getattr(random_grid_families, name) for name in PAPER}
ONE = ObjectType(count=1, reward=1.0, p_term=0.0, p_respawn=0.1)


@pytest.mark.parametrize("name", PAPER)
def test_map_objects_and_time_limit_are_those_of_the_paper(name):
    rows, columns, max_steps, objects, walls = PAPER[name]
    family = FAMILIES[name]
    env, env_params = family.env, family.sample(jax.random.key(0))
    assert (env.rows, env.columns) == (rows, columns)
    assert int(env_params.max_steps) == max_steps
    inside = [cell for cell in env_params.wall.tolist() if cell < rows * columns]
    assert [divmod(cell, columns) for cell in inside] == walls
    exists = np.asarray(env_params.object_exists)
    assert exists.sum() == sum(kind[0] for kind in objects)
    numbers = [(number, *kind[1:]) for number, kind in enumerate(objects) for _ in range(kind[0])]
    found = [env_params.object_type, env_params.object_reward, env_params.object_p_term, env_params.object_p_respawn]
    np.testing.assert_allclose(np.stack(found, -1)[exists], numbers, rtol=1e-6)


def test_five_grids_need_three_shapes():
    shapes = {name: family.env for name, family in FAMILIES.items()}
    assert set(shapes.values()) == set(random_grid_families.ENVS)
    assert shapes["DENSE"] == shapes["LONG_HORIZON"] and shapes["DENSE"].observation_shape == (4, 11, 11)
    assert shapes["SMALL"] == shapes["SMALL_SPARSE"] and shapes["SMALL"].observation_shape == (3, 5, 7)
    assert shapes["VERY_DENSE"].observation_shape == (2, 11, 11)


@pytest.mark.parametrize(
    ("name", "agent", "objects", "marks"),
    [
        # The example places of the paper's drawings, (row, column) from 0; marks are (plane, row, column).
        ("DENSE", (0, 0), [(1, 3), (9, 2), (3, 7), (8, 7)], [(0, 1, 3), (0, 9, 2), (1, 3, 7), (2, 8, 7), (3, 0, 0)]),
        # Two types only: the third plane is empty.
        ("LONG_HORIZON", (10, 9), [(1, 7), (6, 3), (3, 8), (10, 10)],
         [(0, 1, 7), (0, 6, 3), (1, 3, 8), (1, 10, 10), (3, 10, 9)]),
        ("SMALL", (2, 2), [(0, 4), (4, 4), (3, 1), (3, 6)], [(0, 0, 4), (0, 4, 4), (1, 3, 1), (1, 3, 6), (2, 2, 2)]),
        # Three objects; the second penalty has been taken, and the agent stands on the first.
        ("SMALL_SPARSE", (1, 4), [(4, 6), (1, 4), None], [(0, 4, 6), (1, 1, 4), (2, 1, 4)]),
        ("VERY_DENSE", (5, 6), [(6, 6)], [(0, 6, 6), (1, 5, 6)]),
    ],
)  # fmt: skip
def test_one_picture_of_each_worked_by_hand(name, agent, objects, marks):
    env = FAMILIES[name].env
    cells = [env.num_cells if place is None else place[0] * env.columns + place[1] for place in objects]
    cells += [env.num_cells] * (env.num_objects - len(cells))
    state = RandomGridState(
        cell=jnp.asarray(agent[0] * env.columns + agent[1]), object_cell=jnp.array(cells), time=jnp.asarray(0)
    )
    seen = np.asarray(env.observe(state, FAMILIES[name].sample(jax.random.key(0))))
    assert seen.shape == env.observation_shape
    assert [tuple(mark) for mark in np.argwhere(seen == 1.0).tolist()] == sorted(marks)
    assert seen.sum() == len(marks)


def test_both_action_sets_are_drawn_unless_one_is_asked_for():
    sample = random_grid_families.DENSE.sample
    drawn = jax.vmap(sample)(jax.random.split(jax.random.key(1), 300))
    # 300 fair coins: 150 ± 8.7.
    assert 107 < drawn.has_collect_actions.sum() < 193
    assert not sample(jax.random.key(0), 9).has_collect_actions
    assert sample(jax.random.key(0), 18).has_collect_actions
    with pytest.raises(ValueError, match="10 actions given"):
        sample(jax.random.key(0), 10)


def test_a_grid_that_fits_no_shared_environment_gets_one_of_its_sizes():
    env = RandomGrid(rows=("..#.", "...."), objects=(ONE,), max_steps=5).env
    assert (env.rows, env.columns, env.num_types, env.num_objects, env.num_walls) == (2, 4, 1, 1, 1)


def test_a_map_without_a_cell_for_the_agent_is_refused():
    with pytest.raises(ValueError, match="no object appears under the agent"):
        RandomGrid(rows=(".#",), objects=(ONE,), max_steps=5)
    with pytest.raises(ValueError, match="rows of equal length"):
        RandomGrid(rows=("..", "."), objects=(ONE,), max_steps=5)
