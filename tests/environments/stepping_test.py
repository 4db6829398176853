"""What `auto_step` promises about the ends of episodes, and what randomness drawn in advance consists of."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.environments.base import StepResult
from lpg.environments.stepping import StepDraws, auto_step, draw_resets, draw_steps, reset, step
from tests.helpers import CHAIN, GRID, chain, grid


def draws(step, reset):
    """Draws chosen by hand; the action does not depend on them here."""
    return StepDraws(action=jnp.asarray(0.5), step=jnp.array(step), reset=jnp.array(reset))


@dataclasses.dataclass(frozen=True)
class KeyEnv:
    """Takes keys: a state is the key that made it, and every second step ends an episode."""

    num_actions, observation_shape = 2, (2,)

    def reset(self, key, env_params):
        return jax.random.key_data(key), jnp.asarray(0)

    def step(self, key, state, action, env_params):
        result = StepResult(reward=jax.random.uniform(key), terminated=state[1] == 1, truncated=jnp.zeros((), bool))
        return (jax.random.key_data(key), state[1] + 1), result

    def observe(self, state, env_params):
        return state[0]

    def action_mask(self, env_params):
        return jnp.ones(2, bool)


def test_the_observation_after_an_episodes_end_is_the_final_state_and_the_next_state_is_a_first_one():
    env_params = chain(2)
    state = CHAIN.reset_from(jnp.array([0.0]), env_params)
    # The reset's number 0.9 makes the next episode's coin fall on 1.
    both = draws([0.0], [0.9])
    state, result, observation = auto_step(both, state, jnp.asarray(0), CHAIN, env_params)
    assert not result.terminated
    # Coin 0, right action 0 chosen: branch 1; position 1 → 2 + 1 = 3. No reset, although there were numbers for one.
    assert int(observation) == 3 and int(state.position) == 1
    state, result, observation = auto_step(both, state, jnp.asarray(0), CHAIN, env_params)
    assert result.terminated and float(result.reward) == 1.0
    # The final state: position 2 → 2 + 4 + 1 = 7; the state to continue from is the first one of coin 1.
    assert int(observation) == 7
    assert int(state.position) == 0 and int(CHAIN.observe(state, env_params)) == 1


def test_a_time_limit_starts_a_new_episode_too():
    env_params = grid(max_steps=1)
    state = GRID.reset_from(jnp.array([0.0]), env_params)
    stay = jnp.asarray(4)
    away = (int(env_params.object_cell[0]) + 1) % 4
    before = type(state)(cell=jnp.asarray(away), is_present=state.is_present, time=state.time)
    both = draws([0.9, 0.9], [(away + 2) % 4 / 4 + 0.1])
    after, result, observation = auto_step(both, before, stay, GRID, env_params)
    assert result.truncated and not result.terminated
    # Four cells, the object is there: away + 4 · 1. The next episode starts two cells further.
    assert int(observation) == away + 4
    assert int(after.cell) == (away + 2) % 4 and int(after.time) == 0
    # Twin: a longer limit goes on from where it is.
    after, result, _ = auto_step(both, before, stay, GRID, grid(max_steps=2))
    assert not result.truncated and int(after.cell) == away and int(after.time) == 1


def test_an_environment_that_takes_keys_gets_a_new_one_for_every_step_and_reset(key):
    env, num_steps = KeyEnv(), 6
    many = draw_steps(key, env, (num_steps, 3))
    start = jax.vmap(lambda draw: reset(draw, env, None))(draw_resets(key, env, (3,)))

    def advance(state, draws):
        following, result, seen = jax.vmap(lambda d, s: auto_step(d, s, jnp.asarray(0), env, None))(draws, state)
        return following, (seen, following[0], result)

    _, (seen, after, result) = jax.lax.scan(advance, start, many)
    np.testing.assert_array_equal(seen, jax.random.key_data(many.step))
    np.testing.assert_array_equal(result.terminated[:, 0], [False, True] * 3)
    # After an end the state is that of the reset's key, else that of the step's.
    np.testing.assert_array_equal(after[1::2], jax.random.key_data(many.reset)[1::2])
    np.testing.assert_array_equal(after[::2], seen[::2])
    keys = np.concatenate([np.reshape(x, (-1, 2)) for x in (start[0], seen, jax.random.key_data(many.reset))])
    assert len(np.unique(keys, axis=0)) == len(keys) == 3 + 2 * num_steps * 3
    # Uniform numbers for actions: independent of the environment's, 0.5 ± 4 · 0.29/√1000.
    actions = np.asarray(draw_steps(key, env, (1000,)).action)
    assert abs(actions.mean() - 0.5) < 4 * 0.29 / np.sqrt(1000) and actions.min() >= 0 and actions.max() < 1


@pytest.mark.parametrize(("env", "env_params"), [(CHAIN, chain(5)), (GRID, grid()), (KeyEnv(), None)])
def test_one_draw_has_the_shapes_of_one_step(env, env_params, key):
    one, many = draw_steps(key, env), draw_steps(key, env, (4, 3))
    for single, several in zip(jax.tree.leaves(one), jax.tree.leaves(many), strict=True):
        assert several.shape == (4, 3, *single.shape)
    assert draw_resets(key, env, (2,)).shape == (2, *draw_resets(key, env).shape)
    state = reset(draw_resets(key, env), env, env_params)
    following, result = step(one.step, state, jnp.asarray(1), env, env_params)
    assert jax.tree.structure(following) == jax.tree.structure(state) and result.reward.shape == ()


def test_uniform_numbers_of_a_rollout_are_one_array_action_first_then_step_then_reset(key):
    # Recorded results of the package depend on this order.
    found, uniforms = draw_steps(key, GRID, (4, 3)), jax.random.uniform(key, (4, 3, 1 + 2 + 1))
    np.testing.assert_array_equal(found.action, uniforms[..., 0])
    np.testing.assert_array_equal(found.step, uniforms[..., 1:3])
    np.testing.assert_array_equal(found.reset, uniforms[..., 3:])
    np.testing.assert_array_equal(draw_resets(key, GRID, (3,)), jax.random.uniform(key, (3, 1)))
