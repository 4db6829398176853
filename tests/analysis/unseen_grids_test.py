"""The unseen grids: the paper's map, five moves, goals that end the episode."""

import jax
import jax.numpy as jnp
import numpy as np

from lpg.analysis.unseen_grids import ENV, PAPER_MAP, cell_states, near_optimal_policy, paper_grid, random_grid
from lpg.environments import exact


def test_the_papers_map_has_its_walls_and_goals_where_figure_4_has_them():
    grid = paper_grid()
    assert int(grid.num_cells) == len("".join(PAPER_MAP).replace("#", ""))
    where = [tuple(map(int, grid.place[cell])) for cell in grid.object_cell]
    assert where == [(2, 0), (9, 8), (0, 2), (7, 0)]
    np.testing.assert_array_equal(grid.object_reward, [1, 1, -1, -1])


def test_there_are_five_actions_and_none_goes_to_a_corner():
    mask = np.asarray(ENV.action_mask(paper_grid()))
    assert np.flatnonzero(mask).tolist() == [1, 3, 4, 5, 7]
    states, share = cell_states(paper_grid())
    policy = np.asarray(near_optimal_policy(paper_grid(), 0.995, 0.1))[states[share > 0]]
    np.testing.assert_allclose(policy.sum(1), 1, rtol=1e-5)
    assert np.all(policy[:, ~mask] == 0)
    # ε/5 = .02 for every other action, .9 + .02 for the best.
    np.testing.assert_allclose(np.unique(policy[:, mask].round(4)), [0.02, 0.92], atol=1e-4)


def test_a_value_is_a_discounted_distance_to_the_nearest_good_goal():
    # Without any softening the agent in (2, 3) needs three moves to the goal in (2, 0): V = γ² = .81; corners do not
    # help. On the goal itself nothing is collected by arriving there in the past: it must step out and in, or stay.
    grid = paper_grid()
    states, _ = cell_states(grid)
    value = exact.policy_values(ENV, grid, near_optimal_policy(grid, 0.9, 0.0), 0.9)[states]
    at = {tuple(map(int, place)): float(v) for place, v in zip(grid.place, value, strict=True)}
    np.testing.assert_allclose(at[2, 3], 0.81, rtol=1e-4)
    np.testing.assert_allclose(at[4, 1], 0.81, rtol=1e-4)  # two down, one right: three moves, not two
    np.testing.assert_allclose(at[2, 0], 1.0, rtol=1e-4)


def test_every_goal_ends_the_episode_so_that_only_cells_are_seen():
    grid = random_grid(jax.random.key(3))
    states, share = cell_states(grid)
    np.testing.assert_allclose(exact.start_value(ENV, grid, jnp.ones(ENV.num_states)), share.sum(), rtol=1e-5)
    np.testing.assert_allclose(ENV.initial_states(grid)[states[share > 0]], share[share > 0], rtol=1e-6)


def test_random_grids_differ_and_have_up_to_twenty_walls():
    counts = [int(random_grid(jax.random.key(seed)).num_cells) for seed in range(30)]
    assert 80 <= min(counts) < max(counts) <= 100
    one, other = (random_grid(jax.random.key(seed)) for seed in (0, 1))
    assert np.any(one.neighbour != other.neighbour)
