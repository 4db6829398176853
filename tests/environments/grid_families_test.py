"""The grids of the paper, map by map and object by object, and the procedural ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.environments import grid_families
from lpg.environments.grid_families import ObjectType, ProceduralGrid, TabularGrid

PAPER = {
    "DENSE": ("11x11", 500, [(2, 1, 0, 0.05), (1, -1, 0.5, 0.1), (1, -1, 0, 0.5)], 121),
    "SPARSE": ("13x13", 50, [(1, 1, 1, 0), (1, -1, 1, 0)], 169),
    "LONG_HORIZON": ("11x11", 1000, [(2, 1, 0, 0.01), (2, -1, 0.5, 1)], 121),
    "LONGER_HORIZON": (
        """
        ....#....
        .........
        ....#....
        ...###...
        ....#....
        .........
        ....#....
        """,
        2000,
        [(2, 1, 0.1, 0.01), (5, -1, 0.8, 1)],
        56,
    ),
    "LONG_DENSE": (
        """
        ...........
        .....#.....
        .....#.....
        .....#.....
        ##.#####.##
        .....#.....
        .....#.....
        ...........
        .....#.....
        .....#.....
        .....#.....
        """,
        2000,
        [(4, 1, 0, 0.005)],
        104,
    ),
}
"""Map, steps per episode, objects (how many, reward, p_term, p_respawn), free cells: typed off the paper once more."""

FAMILIES = {name: getattr(grid_families, name) for name in PAPER} | {"procedural": ProceduralGrid()}
NUM_DRAWS = 300


@pytest.fixture(scope="module")
def drawn():
    """Many draws of every distribution."""
    keys = jax.random.split(jax.random.key(1), NUM_DRAWS)
    return {name: jax.tree.map(np.asarray, jax.jit(jax.vmap(family.sample))(keys)) for name, family in FAMILIES.items()}


def occupied(drawn, name):
    """Which cell of the map's square each object of each grid is on; for objects that exist."""
    env_params_batch = drawn[name]
    for one in range(NUM_DRAWS):
        cells = env_params_batch.object_cell[one][env_params_batch.object_exists[one]]
        yield env_params_batch.place[one], int(env_params_batch.num_cells[one]), cells


@pytest.mark.thorough
@pytest.mark.parametrize("name", PAPER)
def test_map_objects_and_time_limit_are_those_of_the_paper(name, drawn):
    drawing, max_steps, objects, num_cells = PAPER[name]
    if "x" in drawing:
        rows, columns = (int(side) for side in drawing.split("x"))
        drawing = "\n".join(["." * columns] * rows)
    expected = [line.strip() for line in drawing.strip().splitlines()]
    family, env_params_batch = FAMILIES[name], drawn[name]
    assert list(family.rows) == expected
    free = [(r, c) for r, row in enumerate(expected) for c, mark in enumerate(row) if mark == "."]
    assert len(free) == num_cells == env_params_batch.num_cells[0]
    assert [tuple(cell) for cell in env_params_batch.place[0, :num_cells].tolist()] == free
    assert env_params_batch.size[0].tolist() == [len(expected), len(expected[0])]
    assert (env_params_batch.max_steps == max_steps).all()
    numbers = [kind[1:] for kind in objects for _ in range(kind[0])]
    exists = env_params_batch.object_exists[0]
    assert exists.sum() == len(numbers)
    found = np.stack(
        [env_params_batch.object_reward, env_params_batch.object_p_term, env_params_batch.object_p_respawn], -1
    )[0, exists]
    np.testing.assert_allclose(found, numbers, rtol=1e-6)


@pytest.mark.parametrize("name", FAMILIES)
def test_objects_lie_on_free_cells_and_never_on_each_other(name, drawn):
    for _, num_cells, cells in occupied(drawn, name):
        assert len(cells) >= 1
        assert (cells < num_cells).all() and (cells >= 0).all()
        assert len(set(cells.tolist())) == len(cells)


def test_objects_are_placed_anywhere_and_again_for_every_lifetime(drawn):
    # 300 grids × 7 objects on 56 cells: 37.5 expected on each, standard deviation 6; an empty one is impossible.
    counts = np.bincount(np.concatenate([cells for _, _, cells in occupied(drawn, "LONGER_HORIZON")]), minlength=56)
    assert counts.min() > 10 and counts.max() < 70
    assert len(counts) == 56


def test_cells_past_the_last_free_one_are_no_part_of_the_map(drawn):
    for name, env_params_batch in drawn.items():
        one, count = 0, int(env_params_batch.num_cells[0])
        linked = env_params_batch.neighbour[one, :count]
        no_cell = env_params_batch.neighbour.shape[1]
        assert ((linked < count) | (linked == no_cell)).all(), name
        # Who can be reached can reach back: direction 8 − d undoes direction d.
        cell, direction = np.nonzero(linked < count)
        assert (linked[linked[cell, direction], 8 - direction] == cell).all(), name


def test_both_action_sets_are_drawn_unless_one_is_asked_for(drawn):
    # 300 fair coins: 150 ± 8.7.
    assert 107 < drawn["DENSE"].has_collect_actions.sum() < 193
    sample = grid_families.SPARSE.sample
    assert not sample(jax.random.key(0), 9).has_collect_actions
    assert sample(jax.random.key(0), 18).has_collect_actions
    with pytest.raises(ValueError, match="10 actions given"):
        sample(jax.random.key(0), 10)


def test_the_action_set_does_not_depend_on_where_the_objects_lie():
    nine, eighteen = (grid_families.DENSE.sample(jax.random.key(5), number) for number in (9, 18))
    np.testing.assert_array_equal(nine.object_cell, eighteen.object_cell)


def test_procedural_grids_stay_within_their_ranges_and_fill_them(drawn):
    env_params_batch = drawn["procedural"]
    assert set(np.unique(env_params_batch.size)) == set(range(4, 14))
    walls = env_params_batch.size.prod(-1) - env_params_batch.num_cells
    assert set(np.unique(walls)) == set(range(16))
    exists = env_params_batch.object_exists
    assert set(np.unique(exists.sum(-1))) == {1, 2, 3, 4}
    assert (env_params_batch.object_reward[:, 0] > 0).all() and (
        env_params_batch.object_reward[:, 1:][exists[:, 1:]] < 0
    ).any()
    for values, low, high in (
        (np.abs(env_params_batch.object_reward[exists]), 0.0, 1.0),
        (env_params_batch.object_p_term[exists], 0.01, 1.0),
        (env_params_batch.object_p_respawn[exists], 0.001, 0.1),
        (env_params_batch.max_steps, 20, 750),
    ):
        assert (values >= low * 0.999).all() and (values <= high * 1.001).all()
        assert values.max() > 0.9 * high
    # Log-uniform: half of the terminations lie below the geometric mean 0.1 of the bounds.
    assert 0.4 < (env_params_batch.object_p_term[exists] < 0.1).mean() < 0.6


def test_rewards_of_any_size_leave_the_rest_of_a_procedural_grid_alone(drawn):
    keys = jax.random.split(jax.random.key(1), NUM_DRAWS)
    family = ProceduralGrid(max_step_reward=0.5, reward_scales=(0.1, 2.0))
    found = jax.tree.map(np.asarray, jax.jit(jax.vmap(family.sample))(keys))
    usual = drawn["procedural"]
    np.testing.assert_array_equal(found.object_cell, usual.object_cell)
    np.testing.assert_array_equal(usual.step_reward, 0)
    scale = found.object_reward[:, 0] / usual.object_reward[:, 0]
    np.testing.assert_allclose(found.object_reward, scale[:, None] * usual.object_reward, rtol=1e-5)
    assert 0.0999 < scale.min() < 0.12 and 1.7 < scale.max() < 2.001
    # A third each pays, costs and is free; sizes are 0.005 to 0.5 before the scale, half of them below 0.05.
    step = found.step_reward / scale
    for sign in (-1, 0, 1):
        assert 0.25 < (np.sign(step) == sign).mean() < 0.42
    sizes = np.abs(step[step != 0])
    assert 0.00499 < sizes.min() and sizes.max() < 0.501 and 0.4 < (sizes < 0.05).mean() < 0.6


def test_survival_pays_every_step_and_its_objects_only_end_the_episode(drawn):
    keys = jax.random.split(jax.random.key(1), NUM_DRAWS)
    family = ProceduralGrid(is_survival=True, reward_scales=(0.1, 2.0))
    found = jax.tree.map(np.asarray, jax.jit(jax.vmap(family.sample))(keys))
    np.testing.assert_array_equal(found.size, drawn["procedural"].size)
    np.testing.assert_array_equal(found.object_reward, 0)
    assert 0.0999 < found.step_reward.min() < 0.12 and 1.7 < found.step_reward.max() < 2.001
    assert found.object_exists.all()
    assert 0.499 < found.object_p_term.min() < 0.51 and 0.99 < found.object_p_term.max() < 1.001
    assert found.max_steps.min() in range(100, 103) and found.max_steps.max() in range(730, 751)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"max_step_reward": -1.0}, "max_step_reward is -1"),
        ({"max_step_reward": 0.5, "is_survival": True}, "max_step_reward is 0.5; 0 is needed for survival"),
        ({"reward_scales": (2.0, 1.0)}, "0 < low ≤ high"),
    ],
)
def test_sizes_of_rewards_that_cannot_be_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        ProceduralGrid(**changes)


def test_all_grids_of_the_paper_need_two_shapes_only():
    shapes = {name: family.env for name, family in FAMILIES.items()}
    assert set(shapes.values()) == set(grid_families.ENVS)
    assert [name for name, env in shapes.items() if env.num_objects == 7] == ["LONGER_HORIZON"]


def test_a_grid_that_fits_no_shared_environment_gets_one_of_its_sizes():
    kind = ObjectType(count=1, reward=1.0, p_term=0.0, p_respawn=0.1)
    env = TabularGrid(rows=("." * 20,), objects=(kind,), max_steps=5).env
    assert (env.side, env.num_objects, env.num_states) == (20, 1, 40)


@pytest.mark.parametrize(
    ("rows", "count", "message"),
    [
        (("..", "."), 1, "rows of equal length"),
        ((".x",), 1, "made of '.' and '#'"),
        (("..",), 3, "3 objects given for 2 free cells"),
        (("..",), 0, "at least one is needed"),
    ],
)
def test_a_map_that_cannot_be_is_refused(rows, count, message):
    with pytest.raises(ValueError, match=message):
        TabularGrid(rows=rows, objects=(ObjectType(count=count, reward=1.0, p_term=0.0, p_respawn=0.0),), max_steps=5)


def test_a_procedural_grid_without_a_free_cell_is_refused():
    with pytest.raises(ValueError, match="at most 8 leave a cell free"):
        ProceduralGrid(min_side=3, max_walls=9)


def test_the_smallest_procedural_grid_can_be_all_but_walled_up():
    family = ProceduralGrid(min_side=2, max_side=2, max_walls=3)
    env_params_batch = jax.jit(jax.vmap(family.sample))(jax.random.split(jax.random.key(2), 50))
    assert jnp.min(env_params_batch.num_cells) == 1
    assert jnp.all(env_params_batch.object_exists.sum(-1) <= env_params_batch.num_cells)
