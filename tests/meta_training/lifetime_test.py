import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.agents.optimizers import gradient_descent
from lpg.agents.rollout import RolloutInfo
from lpg.environments.delayed_chain import DelayedChain
from lpg.meta_training.config import MetaConfig
from lpg.meta_training.lifetime import LifetimeSpec, init_lifetime, update_running_return
from lpg.update_rules.lpg import init_lpg
from lpg.update_rules.lpg_v import init_lpg_v
from tests.helpers import CHAIN

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
