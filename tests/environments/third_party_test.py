"""Environments of other libraries: layouts, ends of episodes, and that a trajectory is the library's own."""

import functools
import subprocess
import sys

import gymnax
import jax
import jax.numpy as jnp
import numpy as np
import pgx
import pytest

from lpg.agents.registry import init_agent
from lpg.agents.rollout import init_rollout, rollout
from lpg.environments import registry, third_party
from lpg.environments.games import Game
from lpg.environments.stepping import auto_step, draw_steps
from lpg.environments.third_party import (
    ThirdParty,
    ThirdPartyEnv,
    ThirdPartyParams,
    ThirdPartyState,
    load,
    planes_first,
)

KEY = jax.random.key(3)
WHERE, GOAL = 0, 2
NUM_ENVS, NUM_STEPS, NUM_PGX_STEPS = 4, 30, 80


def toy(name):
    """Counts up by the action from 0; `GOAL` or more is the end. Types are as careless as libraries' may be."""
    assert name == "count"

    def reset(key):
        return {"count": 0, "key": jax.random.key_data(key)}, jnp.zeros((3, 4), bool)

    def step(key, state, action):
        count = state["count"] + action
        seen = jnp.zeros((3, 4), bool).at[WHERE, count].set(True)
        return {"count": count, "key": jax.random.key_data(key)}, seen, count * 2, count >= GOAL, False

    return Game(num_actions=2, max_steps=7, reset=reset, step=step)


@pytest.fixture
def env(monkeypatch):
    monkeypatch.setitem(third_party.GAMES, "toy", toy)
    return ThirdPartyEnv("toy", "count")


def limit(steps):
    return ThirdPartyParams(max_steps=jnp.asarray(steps))


def play(env, env_params, actions):
    """Steps and resets; returns what was seen before and after every step, and how the steps ended."""

    def advance(state, inputs):
        following, result, seen = auto_step(inputs[0], state, inputs[1], env, env_params)
        return following, (env.observe(state, env_params), seen, result)

    inputs = draw_steps(KEY, env, (len(actions),)), jnp.array(actions)
    before, after, result = jax.lax.scan(advance, env.reset(KEY, env_params), inputs)[1]
    count = [np.argmax(seen[:, 0, WHERE], axis=-1).tolist() for seen in (before, after)]
    return *count, result.reward.tolist(), result.terminated.tolist(), result.truncated.tolist()


def test_an_episode_ends_with_its_last_observation_and_the_next_begins_with_its_first(env):
    # Counts 1, 2 = the goal; then anew from 0: 0, 1.
    before, after, reward, terminated, truncated = play(env, limit(7), [1, 1, 0, 1])
    assert before == [0, 1, 0, 0] and after == [1, 2, 0, 1]
    assert reward == [2.0, 4.0, 0.0, 2.0]
    assert terminated == [False, True, False, False] and truncated == [False] * 4


def test_a_time_limit_truncates_and_does_not_terminate(env):
    _, after, _, terminated, truncated = play(env, limit(2), [0, 1, 1, 1, 0])
    # Two steps: 0, 1 and out; two more: 1, 2, the goal on the very last step, which is a termination only; then 0.
    assert after == [0, 1, 1, 2, 0]
    assert truncated == [False, True, False, False, False] and terminated == [False, False, False, True, False]
    # Twin: with one more step the limit is not met.
    assert not any(play(env, limit(3), [0, 1])[-1])


@pytest.mark.parametrize("is_termination", [False, True])
def test_rules_are_shown_a_time_limit_in_either_way(env, key, is_termination):
    agent = init_agent(key, "D(2)", env, prediction_size=1)
    state = init_rollout(key, env, limit(1), 3)
    sizes = dict(num_steps=4, time_limit_is_termination=is_termination)
    _, seen, info = rollout(key, state, agent, env, limit(1), **sizes)
    # After one step the count is 0 or 1 and never the goal: every step is cut by the limit.
    assert seen.is_last.all() and int(info.num_episodes) == 12
    assert (seen.terminated == is_termination).all()


def test_parameters_are_the_games_own_time_limit_and_the_mask_has_all_its_actions(env, key, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda library: library)
    family = ThirdParty("toy", "count")
    assert family.env == env and hash(family.env) == hash(env)
    env_params = jax.jit(family.sample)(key)
    assert int(env_params.max_steps) == 7 and int(family.sample(key, 2).max_steps) == 7
    assert env.action_mask(env_params).tolist() == [True, True]
    assert env.observation_shape == (1, 3, 4)
    with pytest.raises(ValueError, match="18 actions given; count has 2"):
        family.sample(key, 18)


def test_states_have_one_type_in_every_step(env):
    start = jax.eval_shape(env.reset, KEY, limit(7))
    after, result = jax.eval_shape(env.step, KEY, start, jnp.asarray(0), limit(7))
    for one, other in zip(jax.tree.leaves(start), jax.tree.leaves(after), strict=True):
        assert (one.shape, one.dtype, one.weak_type) == (other.shape, other.dtype, other.weak_type)
        assert not one.weak_type
    assert result.reward.dtype == jnp.zeros(()).dtype


def test_the_game_gets_the_key_of_each_reset_and_step(env):
    state = env.reset(KEY, limit(7))
    np.testing.assert_array_equal(state.inner["key"], jax.random.key_data(KEY))
    other = jax.random.key(4)
    after, _ = env.step(other, state, jnp.asarray(1), limit(7))
    np.testing.assert_array_equal(after.inner["key"], jax.random.key_data(other))


def test_pictures_have_their_planes_first_and_matrices_are_one_plane():
    seen = jnp.arange(24).reshape(2, 3, 4)
    found = planes_first(seen)
    assert found.shape == (4, 2, 3) and found.dtype == jnp.zeros(()).dtype
    assert found[1, 0, 2] == seen[0, 2, 1] == 9
    np.testing.assert_array_equal(planes_first(seen[0]), seen[None, 0])
    np.testing.assert_array_equal(planes_first(seen[0, 0]), seen[0, 0])


@pytest.mark.parametrize("library", ["gymnax", "pgx"])
def test_a_library_that_is_missing_is_named_with_the_extra_that_installs_it(library, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    words = rf"Pong needs the package {library}, .*: pip install 'lpg\[envs\]'"
    with pytest.raises(ValueError, match=words):
        _ = ThirdParty(library, "Pong").env
    # It may be there and lack a package of its own.
    with pytest.raises(ValueError, match=words):
        load(library, "Pong")


@pytest.mark.thorough
def test_nothing_is_imported_until_an_environment_is_used():
    program = (
        "import sys, lpg, lpg.cli.main, lpg.environments.registry as r\n"
        "assert lpg.cli.main.main(['list', 'environments']) == 0\n"
        "r.env_spec('classic/CartPole-v1').distribution.env\n"
        "assert not {'gymnax', 'pgx'} & set(sys.modules)\n"
        "r.env_spec('classic/CartPole-v1').distribution.env.num_actions\n"
        "assert 'gymnax' in sys.modules and 'pgx' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "minatar/breakout" in done.stdout


def gymnax_names():
    """All of them by our names; those that take long to compile are slow tests."""
    slow = set(registry.suite("minatar")) - {"minatar/breakout"} | {"classic/Acrobot-v1"}
    names = [name for suite in ("classic", "minatar", "bsuite") for name in registry.suite(suite)]
    names = [name for name in names if registry.env_spec(name).distribution.library == "gymnax"]
    return [pytest.param(name, marks=[pytest.mark.slow] if name in slow else []) for name in names]


def gymnax_parts(name):
    family = registry.env_spec(name).distribution
    return family.env, family.sample(jax.random.key(0)), *gymnax.make(family.name)


@functools.partial(jax.jit, static_argnums=0)
def trajectory(env, env_params, key):
    """Random actions in environments that reset after ends of episodes: actions, draws, states, what came of them."""

    def one(key):
        key_steps, key_action, key_reset = jax.random.split(key, 3)
        draws = draw_steps(key_steps, env, (NUM_STEPS,))
        action = jax.random.randint(key_action, (NUM_STEPS,), 0, env.num_actions)

        def advance(state, inputs):
            draws, action = inputs
            following, result, seen = auto_step(draws, state, action, env, env_params)
            return following, (state, following, result, seen)

        return action, draws, *jax.lax.scan(advance, env.reset(key_reset, env_params), (draws, action))[1]

    return jax.vmap(one)(jax.random.split(key, NUM_ENVS))


def everywhere(function):
    """Over environments and steps."""
    return jax.jit(jax.vmap(jax.vmap(function)))


def equal(found, expected):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6), found, expected)


@pytest.mark.thorough
@pytest.mark.parametrize("name", gymnax_names())
def test_a_trajectory_is_gymnaxs_own_for_the_same_keys_and_actions(name, key):
    env, env_params, environment, params = gymnax_parts(name)
    action, draws, before, following, result, seen = trajectory(env, env_params, key)

    def theirs(state, action, draws):
        observation, state, reward, terminated, _ = environment.step_env(draws.step, state, action, params)
        truncated = environment.is_truncated(state, params) & ~terminated
        fresh = environment.reset_env(draws.reset, params)
        return state, (planes_first(observation), reward.astype(float), terminated, truncated), fresh

    state, told, (first, fresh) = everywhere(theirs)(before.inner, action, draws)
    equal((seen, result.reward, result.terminated, result.truncated), told)
    last = np.asarray(result.terminated | result.truncated)
    # The next state is theirs, and after an end the one that their reset gives.
    at = np.nonzero(last)
    equal(jax.tree.map(lambda x: x[at], following.inner), jax.tree.map(lambda x: x[at], fresh))
    equal(following.observation[at], everywhere(planes_first)(first)[at])
    assert (following.time[at] == 0).all()
    at = np.nonzero(~last)
    equal(jax.tree.map(lambda x: x[at], following.inner), jax.tree.map(lambda x: x[at], state))
    # Twin: other actions give another trajectory.
    with pytest.raises(AssertionError):
        other = everywhere(theirs)(before.inner, (action + 1) % env.num_actions, draws)
        equal((following.inner, seen), (other[0], other[1][0]))


@pytest.mark.parametrize("name", ["classic/CartPole-v1", "bsuite/deep_sea"])
def test_the_last_observation_is_the_one_that_gymnax_calls_final(name, key):
    # Their public step resets by itself. Here only the reset is random, so any key will do.
    env, env_params, environment, params = gymnax_parts(name)
    action, _, before, _, result, seen = trajectory(env, env_params, key)
    theirs = everywhere(lambda state, action: environment.step(jax.random.key(3), state, action, params))
    shown, _, reward, terminated, truncated, info = theirs(before.inner, action)
    equal((result.reward, result.terminated), (reward, terminated))
    np.testing.assert_array_equal(result.terminated | result.truncated, terminated | truncated)
    last = np.nonzero(terminated)
    assert len(last[0]) >= NUM_ENVS // 2
    equal(seen, everywhere(planes_first)(info["final_observation"]))
    # Twin: what gymnax shows to the next step is the first observation of another episode.
    assert (np.abs(seen[last] - everywhere(planes_first)(shown)[last]).reshape(len(last[0]), -1).max(-1) > 0).all()


@pytest.mark.parametrize("name", gymnax_names())
def test_gymnaxs_time_limit_is_a_truncation(name):
    env, env_params, environment, params = gymnax_parts(name)
    time_limit = params.max_steps_in_episode
    start = env.reset(jax.random.key(0), env_params)

    @jax.jit
    def late(time):
        """A step that ends at a time."""
        inner = start.inner.replace(time=time - 1)
        state = ThirdPartyState(inner=inner, observation=start.observation, time=time - 1)
        _, result = env.step(jax.random.key(1), state, jnp.asarray(0), env_params)
        _, _, _, terminated, truncated, _ = environment.step(jax.random.key(1), inner, 0, params)
        return result.terminated, result.truncated, terminated, truncated

    assert [bool(x) for x in late(jnp.asarray(time_limit))] == [False, True, False, True]
    # Twin: one step earlier there is no end at all.
    assert [bool(x) for x in late(jnp.asarray(time_limit - 1))] == [False, False, False, False]


def test_a_game_may_be_loaded_inside_a_transformation(key):
    load.cache_clear()
    family = registry.env_spec("bsuite/discounting_chain").distribution
    env_params = jax.jit(family.sample)(key)
    # Its table of rewards was made while the program above was traced, and must not be bound to it.
    state = jax.jit(family.env.reset)(key, env_params)
    _, result = jax.jit(family.env.step)(key, state, jnp.asarray(0), env_params)
    # Action 0 pays 1.1 after the first step.
    assert float(result.reward) == pytest.approx(1.1)


def test_names_that_gymnax_does_not_know_are_refused():
    with pytest.raises(ValueError, match="Nothing-v7 is not in registered"):
        _ = ThirdPartyEnv("gymnax", "Nothing-v7").num_actions


def test_games_for_several_players_are_refused():
    with pytest.raises(ValueError, match="tic_tac_toe is a game for 2 players; one for a single player is needed"):
        _ = ThirdPartyEnv("pgx", "tic_tac_toe").num_actions


@pytest.mark.thorough
def test_breakout_is_pgxs_own_for_the_same_keys_and_actions(key):
    # Any of its environments for one player will do, and this one compiles quickly.
    check_pgx("minatar-breakout", (4, 10, 10), 3, key)


@pytest.mark.slow
def test_seaquest_is_pgxs_own_for_the_same_keys_and_actions(key):
    assert registry.env_spec("minatar/seaquest").distribution.env == ThirdPartyEnv("pgx", "minatar-seaquest")
    check_pgx("minatar-seaquest", (10, 10, 10), 6, key)


def check_pgx(name, observation_shape, num_actions, key):
    family = ThirdParty("pgx", name)
    env, env_params, game = family.env, family.sample(key), pgx.make(name)
    assert env.observation_shape == observation_shape and env.num_actions == num_actions
    key_steps, key_action, key_reset = jax.random.split(key, 3)
    draws = draw_steps(key_steps, env, (NUM_PGX_STEPS,))
    action = jax.random.randint(key_action, (NUM_PGX_STEPS,), 0, num_actions)
    start = env.reset(key_reset, env_params)

    @jax.jit
    def ours(start):
        def advance(state, inputs):
            draws, action = inputs
            following, result, seen = auto_step(draws, state, action, env, env_params)
            return following, (result, seen)

        return jax.lax.scan(advance, start, (draws, action))[1]

    @jax.jit
    def theirs(start):
        def advance(state, inputs):
            draws, action = inputs
            state, fresh = game.step(state, action, draws.step), game.init(draws.reset)
            return jax.tree.map(lambda new, old: jnp.where(state.terminated, new, old), fresh, state), state

        return jax.lax.scan(advance, start, (draws, action))[1]

    result, seen = ours(start)
    state = theirs(game.init(key_reset))
    np.testing.assert_array_equal(seen, jnp.moveaxis(state.observation, -1, 1))
    np.testing.assert_array_equal(result.reward, state.rewards[:, 0])
    np.testing.assert_array_equal(result.terminated, state.terminated)
    assert result.terminated.any() and not result.truncated.any()

    # pgx has no time limit; ours is reached at 1,000 steps, and not at 999.
    for time, expected in ((998, False), (999, True)):
        late = ThirdPartyState(inner=start.inner, observation=start.observation, time=jnp.asarray(time))
        _, result = jax.jit(env.step)(jax.random.key(1), late, jnp.asarray(0), env_params)
        assert (bool(result.terminated), bool(result.truncated)) == (False, expected)
