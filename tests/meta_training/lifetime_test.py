import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.agents.normalisation import normalise
from lpg.agents.optimizers import gradient_descent
from lpg.agents.rollout import RolloutInfo
from lpg.environments.delayed_chain import DelayedChain
from lpg.environments.grid_families import objects_of, open_map
from lpg.environments.random_grid_families import RandomGrid
from lpg.meta_training.config import MetaConfig
from lpg.meta_training.lifetime import LifetimeSpec, fresh_rollout, init_lifetime, update_running_return
from lpg.update_rules.lpg import init_lpg
from lpg.update_rules.lpg_v import init_lpg_v
from tests.helpers import CHAIN
from tests.meta_training.replayed import config, fresh_lifetime, gradient_of, rule_of
from tests.meta_training.replayed import started as started_lifetime

CONFIG = MetaConfig(suite="chain", num_envs=4, num_steps=3, gammas=(0.5, 0.9), policy_entropy_weights=(0.1, 0.2))
SAMPLERS = tuple(DelayedChain(min_length=n, max_length=n, is_noisy=False).sample for n in (2, 5))


@functools.cache
def rule(is_valued: bool = False):
    key = jax.random.key(0)
    return init_lpg_v(key, lstm_size=4) if is_valued else init_lpg(key, lstm_size=4, prediction_size=3)


@functools.partial(jax.jit, static_argnames="is_valued")
@functools.partial(jax.vmap, in_axes=(0, None, None))
def started(key, environment, is_valued=False):
    spec = LifetimeSpec(environment=environment, learning_rate=jnp.array(40.0), y_weight=jnp.array(0.5))
    return init_lifetime(key, spec, CONFIG, CHAIN, SAMPLERS, rule(is_valued))


@pytest.fixture
def many(key):
    """Forty lifetimes on chains of two steps."""
    return started(jax.random.split(key, 40), jnp.array(0), False)


def test_a_lifetime_starts_in_the_specified_environment(many, key):
    np.testing.assert_array_equal(many.env_params.length, 2)
    np.testing.assert_array_equal(started(jax.random.split(key, 2), jnp.array(1), False).env_params.length, 5)


def test_its_hyper_parameters_are_specified_or_drawn_from_the_configuration(many):
    np.testing.assert_array_equal(many.hyper.learning_rate, 40)
    np.testing.assert_array_equal(many.hyper.y_weight, 0.5)
    # Forty draws of two values: all alike with probability 2 · 2⁻⁴⁰.
    np.testing.assert_allclose(np.unique(many.hyper.gamma), [0.5, 0.9])
    np.testing.assert_allclose(np.unique(many.policy_entropy_weight), [0.1, 0.2])
    pairs = np.unique(np.stack([many.hyper.gamma, many.policy_entropy_weight]), axis=1)
    assert pairs.shape[1] == 4  # the two are drawn independently


def test_its_agent_is_freshly_initialised_and_its_critic_is_zero(many, key):
    np.testing.assert_array_equal(many.agent.rows, np.zeros((40, 18, 2 + 3)))
    np.testing.assert_array_equal(many.critic.value, 0)
    # Values begin at zero, too, one in each row.
    np.testing.assert_array_equal(
        started(jax.random.split(key, 2), jnp.array(0), True).agent.rows, np.zeros((2, 18, 3))
    )


def test_the_value_that_its_agent_begins_with_is_drawn_from_the_configuration(many, key):
    @jax.vmap
    def begun(key):
        config = dataclasses.replace(CONFIG, initial_values=(0.0, 2.0))
        spec = LifetimeSpec(environment=jnp.array(0), learning_rate=jnp.array(40.0), y_weight=jnp.array(0.5))
        return init_lifetime(key, spec, config, CHAIN, SAMPLERS, rule())

    found = begun(jax.random.split(key, 40))
    predictions = np.unique(found.agent.rows[:, :, -3:].reshape(-1, 3), axis=0)
    np.testing.assert_array_equal(predictions, [[-2, 0, 2], [0, 0, 0]])
    # Nothing else is drawn differently.
    np.testing.assert_array_equal(found.hyper.gamma, many.hyper.gamma)
    np.testing.assert_array_equal(found.trajectory.action, many.trajectory.action)
    # It is drawn apart from γ.
    pairs = np.unique(np.stack([found.hyper.gamma, found.agent.rows[:, 0, -1]]), axis=1)
    assert pairs.shape[1] == 4


def test_it_has_a_first_rollout(many):
    # Chains of 2 steps, 3 steps of 4 environments: every environment has ended one episode.
    assert many.trajectory.reward.shape == (40, 3, 4)
    np.testing.assert_array_equal(many.return_count, 4)
    np.testing.assert_allclose(
        many.return_sum, np.where(many.trajectory.is_last, many.trajectory.reward, 0).sum((1, 2))
    )


def test_the_agents_optimiser_is_gradient_descent_with_a_learning_rate_of_one():
    optimizer = gradient_descent()
    step, _ = optimizer.update(jnp.array([3.0]), optimizer.init(jnp.zeros(1)))
    np.testing.assert_array_equal(step, [-3])


def test_the_running_return_covers_about_as_many_episodes_as_environments():
    # Sum 6 over 4 episodes, 4 environments. One new episode of return 5 pushes out a quarter: ¾ · 6 + 5 = 9.5 over
    # ¾ · 4 + 1 = 4. Five new ones push out everything: 10 over 5. None: nothing changes.
    for new, total, expected in ((1, 5.0, (9.5, 4)), (5, 10.0, (10, 5)), (0, 0.0, (6, 4))):
        info = RolloutInfo(return_sum=jnp.array(total), return_square_sum=jnp.array(0.0), num_episodes=jnp.array(new))
        np.testing.assert_allclose(update_running_return(jnp.array(6.0), jnp.array(4.0), info, 4), expected)


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
    lifetime = started_lifetime(jax.random.key(4), spec, settings, grids.env, (grids.sample,), rule_of(), "D(4)")
    return lifetime, *gradient_of(rule_of(), lifetime, KEY, settings, grids.env, "D(4)")


@pytest.mark.thorough
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


@pytest.mark.thorough
def test_the_statistics_are_those_of_all_rollouts():
    lifetime, _, after, _ = window_on(1.0, normalise_observations=True, normalise_rewards=True)
    # The first is seen as it is, because nothing is known before it.
    assert set(np.unique(lifetime.trajectory.observation)) <= {0, 1}
    first = lifetime.trajectory.observation.reshape(12, *GRIDS[1.0].env.observation_shape)
    np.testing.assert_allclose(lifetime.statistics.observations.mean, first.mean(0), atol=1e-4)
    # Three rollouts of three steps of four environments.
    np.testing.assert_allclose(after.statistics.observations.count, 36, rtol=1e-4)
    np.testing.assert_allclose(after.statistics.rewards.statistics.count, 36, rtol=1e-4)


@pytest.mark.thorough
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


@pytest.mark.thorough
def test_tables_have_no_scale_of_observations():
    lifetime = fresh_lifetime(config(normalise_observations=True))
    assert lifetime.statistics.observations is None
    gradient, _, info = gradient_of(rule_of(), lifetime, KEY, config(normalise_observations=True), CHAIN)
    assert info.is_finite and np.any(gradient.pi_head.weight != 0)
