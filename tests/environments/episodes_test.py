"""Whole episodes, on chains whose returns are known without playing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.environments.delayed_chain import DelayedChain
from lpg.environments.episodes import episode_returns, random_policy
from lpg.environments.random_grid_families import SMALL_SPARSE

CHAIN = DelayedChain(min_length=2, max_length=5, is_noisy=False)


def always_right(env_params):
    return lambda uniform, state, env_params: state.branch  # before the first action it is the right one


def test_who_always_chooses_right_always_gets_one_and_who_never_does_loses_one(key):
    np.testing.assert_array_equal(episode_returns(CHAIN, always_right, key, 50), np.ones(50))

    def never_right(env_params):
        return lambda uniform, state, env_params: 1 - state.branch

    np.testing.assert_array_equal(episode_returns(CHAIN, never_right, key, 50), -np.ones(50))


@pytest.mark.thorough
def test_any_number_of_episodes_is_played_each_with_its_own_parameters(key):
    # Noise of ±1 on all but the first and last steps: with lengths 2 to 5, at most three of them.
    noisy = DelayedChain(min_length=2, max_length=5, is_noisy=True)
    returns = episode_returns(noisy, always_right, key, 1300)
    assert returns.shape == (1300,) and set(np.unique(returns)) == {-2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0}
    assert not np.array_equal(returns[:300], returns[1000:])
    assert not np.array_equal(returns[:300], episode_returns(noisy, always_right, jax.random.key(1), 300))


def test_the_random_policy_chooses_each_valid_action_equally_often():
    act = jax.vmap(random_policy(SMALL_SPARSE.env), in_axes=(0, None, None))
    uniform = (jnp.arange(180) + 0.5) / 180
    for num_actions in (9, 18):
        chosen = act(uniform, jnp.zeros(()), SMALL_SPARSE.sample(jax.random.key(0), num_actions))
        expected = [180 // num_actions] * num_actions + [0] * (18 - num_actions)
        assert np.bincount(chosen, minlength=18).tolist() == expected


def test_an_episode_ends_at_its_time_limit(key):
    # Nobody moves, nothing is collected: 50 steps, return 0.
    stay = episode_returns(
        SMALL_SPARSE, lambda env_params: lambda uniform, state, env_params: jnp.asarray(4), key, 20, 18
    )
    np.testing.assert_array_equal(stay, np.zeros(20))
