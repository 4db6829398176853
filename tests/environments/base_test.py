"""What `auto_step` promises about the ends of episodes, on a chain of two steps and a grid with a clock."""

import jax
import jax.numpy as jnp
import numpy as np

from lpg.environments import random_grid_families
from lpg.environments.base import Environment, ExactEnvironment, IndexEnvironment, auto_step, step_with_key
from tests.helpers import CHAIN, GRID, chain, grid


def test_the_observation_after_an_episodes_end_is_the_final_state_and_the_next_state_is_a_first_one():
    env_params = chain(2)
    state = CHAIN.reset(env_params, jnp.array([0.0]))
    # The last number is for the reset: 0.9 makes the next episode's coin fall on 1.
    state, result, observation = auto_step(CHAIN, env_params, state, jnp.asarray(0), jnp.array([0.0, 0.9]))
    assert not result.terminated
    # Coin 0, right action 0 chosen: branch 1; position 1 → 2 + 1 = 3. No reset, although noise for one was there.
    assert int(observation) == 3 and int(state.position) == 1
    state, result, observation = auto_step(CHAIN, env_params, state, jnp.asarray(0), jnp.array([0.0, 0.9]))
    assert result.terminated and float(result.reward) == 1.0
    # The final state: position 2 → 2 + 4 + 1 = 7; the state to go on from is the first one of coin 1.
    assert int(observation) == 7
    assert int(state.position) == 0 and int(CHAIN.observe(env_params, state)) == 1


def test_a_time_limit_starts_a_new_episode_too():
    env_params = grid(max_steps=1)
    state = GRID.reset(env_params, jnp.array([0.0]))
    stay = jnp.asarray(4)
    away = (int(env_params.object_cell[0]) + 1) % 4
    before = type(state)(cell=jnp.asarray(away), is_present=state.is_present, time=state.time)
    noise = jnp.array([0.9, 0.9, (away + 2) % 4 / 4 + 0.1])
    after, result, observation = auto_step(GRID, env_params, before, stay, noise)
    assert result.truncated and not result.terminated
    # Four cells, the object is there: away + 4 · 1. The next episode starts two cells further.
    assert int(observation) == away + 4
    assert int(after.cell) == (away + 2) % 4 and int(after.time) == 0
    # Twin: a longer limit goes on from where it is.
    after, result, _ = auto_step(GRID, grid(max_steps=2), before, stay, noise)
    assert not result.truncated and int(after.cell) == away and int(after.time) == 1


def test_step_with_key_is_a_step_with_numbers_drawn_from_the_key():
    env_params = chain(5, is_noisy=True)
    state = CHAIN.reset(env_params, jnp.array([0.0]))
    state, _ = CHAIN.step(env_params, state, jnp.asarray(0), jnp.array([0.0]))
    rewards = []
    for seed in range(8):
        key = jax.random.key(seed)
        _, result = step_with_key(CHAIN, env_params, state, jnp.asarray(0), key)
        _, expected = CHAIN.step(env_params, state, jnp.asarray(0), jax.random.uniform(key, (1,)))
        np.testing.assert_array_equal(result.reward, expected.reward)
        rewards.append(float(result.reward))
    assert set(rewards) == {-1.0, 1.0}


def test_an_environment_without_state_indices_is_one_but_neither_tabular_nor_exact():
    pictures = random_grid_families.DENSE.env
    assert isinstance(pictures, Environment)
    assert not isinstance(pictures, IndexEnvironment) and not isinstance(pictures, ExactEnvironment)
    # Twin: the chain and the grid are all three.
    for env in (CHAIN, GRID):
        assert isinstance(env, Environment) and isinstance(env, IndexEnvironment)
        assert isinstance(env, ExactEnvironment) and env.observation_shape == ()
