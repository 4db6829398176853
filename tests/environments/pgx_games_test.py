"""Environments of pgx are what pgx says they are, with a time limit."""

import jax
import jax.numpy as jnp
import numpy as np
import pgx
import pytest

from lpg.environments import registry
from lpg.environments.base import auto_step
from lpg.environments.third_party import ThirdPartyEnv, ThirdPartyState, key_of

NUM_STEPS = 80


def test_games_for_several_are_refused():
    with pytest.raises(ValueError, match="tic_tac_toe is a game for 2 players; one for a single player is needed"):
        _ = ThirdPartyEnv("pgx", "tic_tac_toe").num_actions


def test_breakout_is_pgxs_own_for_the_same_keys_and_actions(key):
    # Any of its environments for one player will do, and this one compiles quickly.
    check("minatar-breakout", (4, 10, 10), 3, key)


@pytest.mark.slow
def test_seaquest_is_pgxs_own_for_the_same_keys_and_actions(key):
    assert registry.env_spec("minatar/seaquest").distribution.env == ThirdPartyEnv("pgx", "minatar-seaquest")
    check("minatar-seaquest", (10, 10, 10), 6, key)


def check(name, observation_shape, num_actions, key):
    family = registry.ThirdParty("pgx", name)
    env, env_params, game = family.env, family.sample(key), pgx.make(name)
    assert env.observation_shape == observation_shape and env.num_actions == num_actions
    keys = jax.random.split(key, 3)
    noise = jax.random.uniform(keys[0], (NUM_STEPS, 4))
    action = jax.random.randint(keys[1], (NUM_STEPS,), 0, num_actions)
    start = env.reset(env_params, noise[0, :2])

    @jax.jit
    def ours(start):
        def advance(state, inputs):
            following, result, seen = auto_step(env, env_params, state, *inputs)
            return following, (state, result, seen)

        return jax.lax.scan(advance, start, (action, noise))[1]

    @jax.jit
    def theirs(start):
        def advance(state, inputs):
            action, noise = inputs
            state = game.step(state, action, key_of(noise[:2]))
            fresh = game.init(key_of(noise[2:]))
            following = jax.tree.map(lambda new, old: jnp.where(state.terminated, new, old), fresh, state)
            return following, state

        return jax.lax.scan(advance, start, (action, noise))[1]

    _, result, seen = ours(start)
    state = theirs(game.init(key_of(noise[0, :2])))
    np.testing.assert_array_equal(seen, jnp.moveaxis(state.observation, -1, 1))
    np.testing.assert_array_equal(result.reward, state.rewards[:, 0])
    np.testing.assert_array_equal(result.terminated, state.terminated)
    assert result.terminated.any() and not result.truncated.any()

    # pgx knows no time limit; ours is reached at 1,000 steps, and not at 999.
    for time, expected in ((998, False), (999, True)):
        late = ThirdPartyState(inner=start.inner, observation=start.observation, time=jnp.asarray(time))
        _, result = jax.jit(env.step)(env_params, late, jnp.asarray(0), jnp.array([0.1, 0.2]))
        assert (bool(result.terminated), bool(result.truncated)) == (False, expected)
