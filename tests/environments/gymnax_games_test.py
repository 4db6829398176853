"""Environments of gymnax are what gymnax says they are."""

import functools

import gymnax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.environments import registry, third_party
from lpg.environments.base import auto_step
from lpg.environments.third_party import ThirdPartyEnv, key_of, planes_first

NUM_STREAMS, NUM_STEPS = 4, 30


def cases(marked=pytest.mark.slow):
    """All of them by our names; those that take long to compile are not for every day."""
    slow = set(registry.suite("minatar")) - {"minatar/breakout"} | {"classic/Acrobot-v1"}
    names = [name for suite in ("classic", "minatar", "bsuite") for name in registry.suite(suite)]
    names = [name for name in names if registry.env_spec(name).distribution.library == "gymnax"]
    return [pytest.param(name, marks=[marked] if name in slow else []) for name in names]


def parts(name):
    family = registry.env_spec(name).distribution
    return family.env, family.sample(jax.random.key(0)), *gymnax.make(family.name)


@functools.partial(jax.jit, static_argnums=0)
def trajectory(env, env_params, key):
    """Random actions in environments that go on over ends of episodes: states, actions, noise, what came of them."""

    def one(key):
        keys = jax.random.split(key, 3)
        noise = jax.random.uniform(keys[0], (NUM_STEPS, 4))
        action = jax.random.randint(keys[1], (NUM_STEPS,), 0, env.num_actions)

        def advance(state, inputs):
            following, result, seen = auto_step(env, env_params, state, *inputs)
            return following, (state, following, result, seen)

        start = env.reset(env_params, jax.random.uniform(keys[2], (2,)))
        return action, noise, *jax.lax.scan(advance, start, (action, noise))[1]

    return jax.vmap(one)(jax.random.split(key, NUM_STREAMS))


def everywhere(function):
    """Over environments and steps."""
    return jax.jit(jax.vmap(jax.vmap(function)))


def equal(found, expected):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6), found, expected)


@pytest.mark.parametrize("name", cases())
def test_a_trajectory_is_gymnaxs_own_for_the_same_keys_and_actions(name, key):
    env, env_params, environment, params = parts(name)
    action, noise, before, following, result, seen = trajectory(env, env_params, key)

    def theirs(state, action, noise):
        observation, state, reward, terminated, _ = environment.step_env(key_of(noise[:2]), state, action, params)
        truncated = environment.is_truncated(state, params) & ~terminated
        fresh = environment.reset_env(key_of(noise[2:]), params)
        return state, (planes_first(observation), reward.astype(float), terminated, truncated), fresh

    state, told, (first, fresh) = everywhere(theirs)(before.inner, action, noise)
    equal((seen, result.reward, result.terminated, result.truncated), told)
    last = np.asarray(result.terminated | result.truncated)
    # The next state is theirs, and after an end the one that their reset gives.
    at = np.nonzero(last)
    equal(jax.tree.map(lambda x: x[at], following.inner), jax.tree.map(lambda x: x[at], fresh))
    equal(following.observation[at], everywhere(planes_first)(first)[at])
    assert (following.time[at] == 0).all()
    at = np.nonzero(~last)
    equal(jax.tree.map(lambda x: x[at], following.inner), jax.tree.map(lambda x: x[at], state))
    # Twin: other noise is another story, where there is chance at all; other actions are one everywhere.
    with pytest.raises(AssertionError):
        other = everywhere(theirs)(before.inner, (action + 1) % env.num_actions, noise)
        equal((following.inner, seen), (other[0], other[1][0]))


@pytest.mark.parametrize("name", ["classic/CartPole-v1", "bsuite/deep_sea"])
def test_the_last_observation_is_the_one_that_gymnax_calls_final(name, key):
    # Their public step resets by itself. Here nothing but the reset is a matter of chance, so any key will do.
    env, env_params, environment, params = parts(name)
    action, _, before, _, result, seen = trajectory(env, env_params, key)
    theirs = everywhere(lambda state, action: environment.step(jax.random.key(3), state, action, params))
    shown, _, reward, terminated, truncated, info = theirs(before.inner, action)
    equal((result.reward, result.terminated), (reward, terminated))
    np.testing.assert_array_equal(result.terminated | result.truncated, terminated | truncated)
    last = np.nonzero(terminated)
    assert len(last[0]) >= NUM_STREAMS // 2
    equal(seen, everywhere(planes_first)(info["final_observation"]))
    # Twin: what gymnax shows to the next step is the first observation of another episode.
    assert (np.abs(seen[last] - everywhere(planes_first)(shown)[last]).reshape(len(last[0]), -1).max(-1) > 0).all()


@pytest.mark.parametrize("name", cases())
def test_gymnaxs_time_limit_is_a_truncation(name):
    env, env_params, environment, params = parts(name)
    limit = params.max_steps_in_episode
    start = env.reset(env_params, jnp.array([0.3, 0.6]))

    @jax.jit
    def late(time):
        """A step that ends at a time."""
        inner = start.inner.replace(time=time - 1)
        state = third_party.ThirdPartyState(inner=inner, observation=start.observation, time=time - 1)
        _, result = env.step(env_params, state, jnp.asarray(0), jnp.array([0.1, 0.2]))
        _, _, _, terminated, truncated, _ = environment.step(jax.random.key(1), inner, 0, params)
        return result.terminated, result.truncated, terminated, truncated

    assert [bool(x) for x in late(jnp.asarray(limit))] == [False, True, False, True]
    # Twin: one step earlier there is no end at all.
    assert [bool(x) for x in late(jnp.asarray(limit - 1))] == [False, False, False, False]


def test_a_game_may_be_loaded_inside_a_transformation(key):
    third_party.load.cache_clear()
    family = registry.env_spec("bsuite/discounting_chain").distribution
    env_params = jax.jit(family.sample)(key)
    # Its table of rewards was made while the program above was traced, and must not be bound to it.
    state = jax.jit(family.env.reset)(env_params, jnp.array([0.3, 0.6]))
    _, result = jax.jit(family.env.step)(env_params, state, jnp.asarray(0), jnp.array([0.1, 0.2]))
    # Action 0 pays 1.1 after the first step.
    assert float(result.reward) == pytest.approx(1.1)


def test_names_that_gymnax_does_not_know_are_refused():
    with pytest.raises(ValueError, match="Nothing-v7 is not in registered"):
        _ = ThirdPartyEnv("gymnax", "Nothing-v7").num_actions
