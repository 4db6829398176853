"""The contract: which environments keep which part of it, and what `UniformEnv` makes of a key."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.environments import random_grid_families
from lpg.environments.base import Environment, ExactEnvironment, IndexEnvironment, StepResult, UniformEnv
from lpg.environments.third_party import ThirdPartyEnv
from tests.helpers import CHAIN, GRID, chain, grid


def test_a_step_with_a_key_is_a_step_with_uniform_numbers_drawn_from_it():
    env_params = chain(5, is_noisy=True)
    state, _ = CHAIN.step_from(
        jnp.array([0.0]), CHAIN.reset_from(jnp.array([0.0]), env_params), jnp.asarray(0), env_params
    )
    rewards = []
    for seed in range(8):
        key = jax.random.key(seed)
        _, result = CHAIN.step(key, state, jnp.asarray(0), env_params)
        _, expected = CHAIN.step_from(jax.random.uniform(key, (1,)), state, jnp.asarray(0), env_params)
        np.testing.assert_array_equal(result.reward, expected.reward)
        rewards.append(float(result.reward))
    assert set(rewards) == {-1.0, 1.0}


def test_a_reset_with_a_key_is_a_reset_with_uniform_numbers_drawn_from_it():
    cells = []
    for seed in range(16):
        key = jax.random.key(seed)
        cells.append(int(GRID.reset(key, grid()).cell))
        assert cells[-1] == int(GRID.reset_from(jax.random.uniform(key, (1,)), grid()).cell)
    assert set(cells) == {0, 1, 2, 3}


def test_pictures_are_observations_of_an_environment_that_is_neither_indexed_nor_exact():
    pictures = random_grid_families.DENSE.env
    assert isinstance(pictures, Environment) and isinstance(pictures, UniformEnv)
    assert not isinstance(pictures, IndexEnvironment) and not isinstance(pictures, ExactEnvironment)
    # Twin: the chain and the grid are all of these.
    for env in (CHAIN, GRID):
        assert isinstance(env, Environment) and isinstance(env, IndexEnvironment)
        assert isinstance(env, ExactEnvironment) and env.observation_shape == ()


def test_an_environment_of_another_library_takes_keys_only():
    env = ThirdPartyEnv("gymnax", "CartPole-v1")
    assert isinstance(env, Environment) and not isinstance(env, UniformEnv)


def test_a_uniform_environment_that_lacks_a_method_is_refused():
    class Partial(UniformEnv):
        num_uniforms, num_reset_uniforms = 1, 1

        def reset_from(self, uniforms, env_params):
            return uniforms

    with pytest.raises(TypeError, match="step_from"):
        Partial()

    class Whole(Partial):
        def step_from(self, uniforms, state, action, env_params):
            return state, StepResult(reward=uniforms[0], terminated=jnp.asarray(True), truncated=jnp.asarray(False))

    assert Whole().reset(jax.random.key(0), None).shape == (1,)
