"""Meta-training with running statistics: what a rule is shown, and that the size of rewards does not matter."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.agents.normalisation import normalise
from lpg.environments.grid_families import objects_of, open_map
from lpg.environments.random_grid_families import RandomGrid
from lpg.meta_training.lifetime import LifetimeSpec, fresh_rollout
from tests.helpers import CHAIN
from tests.meta_training.replayed import config, fresh_lifetime, gradient_of, rule_of, started

GRIDS = {
    size: RandomGrid(rows=open_map(2, 3), objects=objects_of((3, size, 0.5, 0.5)), max_steps=4) for size in (1.0, 8.0)
}
"""The same grid with rewards of 1 and of 8."""
KEY = jax.random.key(3)


@functools.cache
def window_on(size: float, **options: bool):
    """A lifetime on a grid, and its gradient, the lifetime after the window and diagnostics."""
    settings, grids = config(**options), GRIDS[size]
    spec = LifetimeSpec(environment=jnp.array(0), learning_rate=jnp.array(0.05), y_weight=jnp.array(0.5))
    lifetime = started(jax.random.key(4), spec, settings, grids.env, (grids.sample,), rule_of(), "D(4)")
    return lifetime, *gradient_of(rule_of(), lifetime, KEY, settings, grids.env, "D(4)")


@pytest.mark.parametrize("scales", [True, False])
def test_with_normalised_rewards_their_size_does_not_matter(scales):
    (one, gradient, after, _), (other, scaled, same, _) = (
        window_on(size, normalise_rewards=scales, scale_advantages=True) for size in GRIDS
    )
    assert np.any(one.trajectory.reward != 0)
    np.testing.assert_array_equal(one.trajectory.observation, other.trajectory.observation)
    is_same = [
        np.allclose(x, y, rtol=1e-3, atol=1e-6)
        for x, y in zip(*map(jax.tree.leaves, ((gradient, after.agent), (scaled, same.agent))), strict=True)
    ]
    assert all(is_same) == scales  # the twin: without, the rule sees other rewards
    # What the bandit learns from stays in the environment's units.
    np.testing.assert_allclose(other.return_sum, 8 * one.return_sum, rtol=1e-5)


def test_the_statistics_are_those_of_all_rollouts():
    lifetime, _, after, _ = window_on(1.0, normalise_observations=True, normalise_rewards=True)
    # The first is seen as it is, because nothing is known before it.
    assert set(np.unique(lifetime.trajectory.observation)) <= {0, 1}
    first = lifetime.trajectory.observation.reshape(12, *GRIDS[1.0].env.observation_shape)
    np.testing.assert_allclose(lifetime.statistics.observations.mean, first.mean(0), atol=1e-4)
    # Three rollouts of three steps of four environments.
    np.testing.assert_allclose(after.statistics.observations.count, 36, rtol=1e-4)
    np.testing.assert_allclose(after.statistics.rewards.statistics.count, 36, rtol=1e-4)


def test_the_rollout_that_a_lifetime_keeps_is_scaled_by_the_statistics_before_it():
    settings = config(normalise_observations=True, num_updates=1)
    grids = GRIDS[1.0]
    lifetime = window_on(1.0, normalise_observations=True)[0]
    _, after, _ = gradient_of(rule_of(), lifetime, KEY, settings, grids.env, "D(4)")
    acting = lifetime.statistics.acting(after.agent)
    (key,) = jax.random.split(KEY, 1)
    _, raw, _ = jax.jit(fresh_rollout, static_argnums=(3, 5))(
        key, lifetime.rollout, acting, grids.env, lifetime.env_params, settings
    )
    expected = normalise(lifetime.statistics.observations, raw.observation)
    np.testing.assert_allclose(after.trajectory.observation, expected, rtol=1e-5)
    assert np.abs(expected - raw.observation).max() > 0.1  # the twin: they are not those of the environment


def test_tables_have_no_scale_of_observations():
    lifetime = fresh_lifetime(config(normalise_observations=True))
    assert lifetime.statistics.observations is None
    gradient, _, info = gradient_of(rule_of(), lifetime, KEY, config(normalise_observations=True), CHAIN)
    assert info.is_finite and np.any(gradient.pi_head.weight != 0)
