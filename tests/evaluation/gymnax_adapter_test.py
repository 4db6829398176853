"""Our environments as gymnax's: steps, resets, sums over episodes, observations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.environments.third_party import ThirdPartyEnv, ThirdPartyParams
from lpg.evaluation.gymnax_adapter import GymnaxAdapter
from tests.helpers import CHAIN, chain

pytest.importorskip("gymnax")


def test_sums_over_finished_episodes_are_those_of_the_rewards_that_were_seen(key):
    adapter, env_params = GymnaxAdapter(CHAIN, 2), chain(3, is_noisy=True)
    key, key_reset = jax.random.split(key)
    _, state = adapter.reset(key_reset, env_params)
    step, returns, running = jax.jit(adapter.step), [], 0.0
    for number in range(40):
        key, key_step = jax.random.split(key)
        observation, state, reward, done, _ = step(key_step, state, jnp.asarray(number % 2), env_params)
        running += float(reward)
        if done:
            # The next episode has begun: in one of the two first states.
            assert int(observation.argmax()) in {0, 1}
            returns.append(running)
            running = 0.0
    assert len(returns) > 5 and len(set(returns)) > 1
    assert state.episode_return == running
    total, squares, count = state.totals
    assert (total, squares, count) == (sum(returns), sum(x**2 for x in returns), len(returns))


def test_state_indices_become_one_hot_vectors(key):
    adapter, env_params = GymnaxAdapter(CHAIN, 2), chain(5)
    observation, state = adapter.reset(key, env_params)
    assert observation.shape == adapter.observation_space().shape == (CHAIN.num_states,)
    assert observation.sum() == 1 and observation[CHAIN.observe(state.inner, env_params)] == 1


def test_a_time_limit_ends_an_episode_and_other_observations_stay_as_they_are(key):
    env, env_params = ThirdPartyEnv("gymnax", "CartPole-v1"), ThirdPartyParams(max_steps=jnp.asarray(2))
    adapter = GymnaxAdapter(env, 2)
    observation, state = adapter.reset(key, env_params)
    np.testing.assert_array_equal(observation, env.observe(state.inner, env_params))
    ends = []
    for _ in range(4):
        _, state, reward, done, _ = adapter.step(key, state, jnp.asarray(0), env_params)
        ends.append(bool(done))
    assert ends == [False, True, False, True] and state.totals[0] == 4 and reward == 1
