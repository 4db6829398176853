"""Games of others as environments: keys, layouts, ends of episodes, and libraries that are not there."""

import subprocess
import sys
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.agents.registry import init_agent
from lpg.agents.rollout import init_rollout, rollout
from lpg.environments.base import auto_step
from lpg.environments.third_party import Game, ThirdParty, ThirdPartyEnv, ThirdPartyParams, key_of, load, planes_first

NOISE = jnp.array([0.25, 0.5])
WHERE, GOAL = 0, 2


def toy(name):
    """Counts up by the action from 0; `GOAL` or more is the end. Types are as careless as libraries' may be."""
    assert name == "count"

    def reset(key):
        return {"count": 0, "key": jax.random.key_data(key)}, jnp.zeros((3, 4), bool)

    def step(key, state, action):
        count = state["count"] + action
        seen = jnp.zeros((3, 4), bool).at[WHERE, count].set(True)
        return {"count": count, "key": jax.random.key_data(key)}, seen, count * 2, count >= GOAL

    return Game(num_actions=2, max_steps=7, reset=reset, step=step)


@pytest.fixture
def env(monkeypatch):
    module = types.ModuleType("lpg.environments.toy_games")
    module.load = toy
    monkeypatch.setitem(sys.modules, "lpg.environments.toy_games", module)
    return ThirdPartyEnv("toy", "count")


def limit(steps):
    return ThirdPartyParams(max_steps=jnp.asarray(steps))


def play(env, env_params, actions):
    """Plays on over ends of episodes; returns what was seen before and after every step, and how the steps ended."""

    def advance(state, action):
        following, result, seen = auto_step(env, env_params, state, action, jnp.concatenate([NOISE, NOISE]))
        return following, (env.observe(env_params, state), seen, result)

    before, after, result = jax.lax.scan(advance, env.reset(env_params, NOISE), jnp.array(actions))[1]
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


def test_the_instance_carries_the_games_own_time_limit_and_the_mask_has_all_its_actions(env, key, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda library: library)
    family = ThirdParty("toy", "count")
    assert family.env == env and hash(family.env) == hash(env)
    env_params = jax.jit(family.sample)(key)
    assert int(env_params.max_steps) == 7 and int(family.sample(key, 2).max_steps) == 7
    assert env.action_mask(env_params).tolist() == [True, True]
    assert env.observation_shape == (1, 3, 4)
    with pytest.raises(ValueError, match="18 actions asked for; count has 2"):
        family.sample(key, 18)


def test_states_have_one_type_in_every_step(env):
    start = jax.eval_shape(env.reset, limit(7), NOISE)
    after, result = jax.eval_shape(env.step, limit(7), start, jnp.asarray(0), NOISE)
    for one, other in zip(jax.tree.leaves(start), jax.tree.leaves(after), strict=True):
        assert (one.shape, one.dtype, one.weak_type) == (other.shape, other.dtype, other.weak_type)
        assert not one.weak_type
    assert result.reward.dtype == jnp.zeros(()).dtype


def test_a_key_has_the_bits_of_two_numbers():
    # In single precision 1/4 is 2⁻² and 1/2 is 2⁻¹: exponents 127 − 2 and 127 − 1 over 23 zero bits.
    assert jax.random.key_data(key_of(NOISE)).tolist() == [125 << 23, 126 << 23]
    numbers = jax.random.uniform(jax.random.key(1), (4000, 2))
    data = np.asarray(jax.vmap(lambda noise: jax.random.key_data(key_of(noise)))(numbers))
    assert len(np.unique(data, axis=0)) == 4000
    # What is drawn with such keys is uniform and knows nothing of its neighbour: 0 ± 4/√4000 = ± 0.063.
    drawn = np.asarray(jax.vmap(lambda noise: jax.random.uniform(key_of(noise), (2,)))(numbers))
    assert np.abs(drawn.mean(0) - 0.5).max() < 4 * np.sqrt(1 / 12 / 4000)
    everything = np.corrcoef(np.concatenate([drawn, np.asarray(numbers)], axis=1).T) - np.eye(4)
    assert np.abs(everything).max() < 4 / np.sqrt(4000)


def test_the_game_gets_the_key_of_the_numbers(env):
    state = env.reset(limit(7), NOISE)
    np.testing.assert_array_equal(state.inner["key"], jax.random.key_data(key_of(NOISE)))
    after, _ = env.step(limit(7), state, jnp.asarray(1), NOISE[::-1])
    np.testing.assert_array_equal(after.inner["key"], jax.random.key_data(key_of(NOISE[::-1])))


def test_pictures_have_their_planes_first_and_matrices_are_one_plane():
    seen = jnp.arange(24).reshape(2, 3, 4)
    found = planes_first(seen)
    assert found.shape == (4, 2, 3) and found.dtype == jnp.zeros(()).dtype
    assert found[1, 0, 2] == seen[0, 2, 1] == 9
    np.testing.assert_array_equal(planes_first(seen[0]), seen[None, 0])
    np.testing.assert_array_equal(planes_first(seen[0, 0]), seen[0, 0])


def test_a_library_that_is_not_there_is_named_with_what_to_install(monkeypatch):
    with pytest.raises(ValueError, match=r"Pong is an environment of no_such_library, .*: pip install 'lpg\[envs\]'"):
        _ = ThirdParty("no_such_library", "Pong").env
    # It may be there and lack something of its own.
    monkeypatch.setitem(sys.modules, "lpg.environments.torn_games", None)
    with pytest.raises(ValueError, match=r"Pong is an environment of torn, .*halted.*: pip install 'lpg\[envs\]'"):
        load("torn", "Pong")


def test_nothing_is_imported_until_a_game_is_played():
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
