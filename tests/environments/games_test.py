"""Objects with the interface of gymnax, and any environment of gymnax and pgx by its name."""

import gymnax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.environments.games import NO_LIMIT, gymnax_style, is_gymnax_style
from lpg.environments.registry import env_spec
from lpg.environments.third_party import SingleGame
from tests.environments.counters import Counter, RawCounter


def play(environment, actions):
    game = gymnax_style(environment, None, "x")
    state, observation = game.reset(jax.random.key(0))
    rows = [int(observation)]
    ends = []
    for action in actions:
        state, observation, reward, terminated, truncated = game.step(jax.random.key(1), state, jnp.asarray(action))
        rows.append(int(observation))
        ends.append((float(reward), bool(terminated), bool(truncated)))
    return game, rows, ends


def test_five_values_say_that_an_episode_is_over_and_six_tell_a_time_limit_apart():
    game, rows, ends = play(Counter(num_values=5), [1, 1, 1])
    assert game.num_states == 4 and game.num_actions == 2 and game.max_steps == NO_LIMIT
    # It counts to 3, where it resets itself: the observation of the end is the next episode's first.
    assert rows == [0, 1, 2, 0] and ends == [(0, False, False), (0, False, False), (1, True, False)]
    _, rows, ends = play(Counter(num_values=6), [1, 0, 0, 0])
    assert rows == [0, 1, 1, 1, 0] and ends[-1] == (0, False, True)


def test_raw_steps_are_taken_where_there_are_some():
    _, rows, ends = play(RawCounter(), [1, 1, 1])
    assert rows == [0, 1, 2, 3] and ends[-1] == (1, True, False)


def test_the_interface_is_recognised():
    assert is_gymnax_style(Counter()) and is_gymnax_style(gymnax.make("CartPole-v1")[0])
    assert not is_gymnax_style(Counter) and not is_gymnax_style(object())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"action_space": lambda params: "Box(-1, 1)"}, r"x has actions Box\(-1, 1\); Discrete ones"),
        ({"observation_space": lambda params: None}, "x has observations without axes"),
        ({"reset": lambda key, params: ({"a": jnp.zeros(2)}, 0)}, "x has observations of type dict; one array"),
    ],
)
def test_what_agents_cannot_use_is_refused(changes, words):
    environment = Counter()
    for name, value in changes.items():
        setattr(environment, name, value)
    with pytest.raises(ValueError, match=words):
        gymnax_style(environment, None, "x")


def test_any_environment_of_gymnax_and_pgx_has_a_name():
    lake = env_spec("gymnax/FrozenLake-misc").distribution
    assert lake.env.num_states == lake.game.num_states > 4 and lake.env.observation_shape == ()
    assert env_spec("gymnax/FrozenLake-misc").distribution.env == lake.env  # nothing is compiled twice
    short = env_spec("gymnax/CartPole-v1?max_steps_in_episode=7").distribution
    assert int(short.sample(jax.random.key(0)).max_steps) == 7
    assert env_spec("pgx/minatar-seaquest").distribution.env.observation_shape == (10, 10, 10)


def test_raw_steps_of_gymnax_are_its_own():
    game = env_spec("gymnax/CartPole-v1").distribution.game
    env, params = gymnax.make("CartPole-v1")
    key = jax.random.key(3)
    state, observation = game.reset(key)
    wanted, wanted_state = env.reset_env(key, params)
    np.testing.assert_array_equal(observation, wanted)
    found, wanted = game.step(key, state, jnp.asarray(1)), env.step_env(key, wanted_state, jnp.asarray(1), params)
    np.testing.assert_array_equal(found[1], wanted[0])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gymnax/CartPol", "gymnax/CartPol: CartPol is not in registered gymnax environments"),
        ("gymnax/Pendulum-v1", r"gymnax/Pendulum-v1 has actions Box"),
        ("gymnax/CartPole-v1?size=2", "unexpected keyword argument 'size'"),
        ("pgx/minatar", "pgx has no environment 'minatar'; it has 2048, "),
        ("pgx/go_9x9", "game for 2 players"),
    ],
)
def test_what_is_not_there_is_refused_in_one_line(name, words):
    with pytest.raises(ValueError, match=words) as caught:
        env_spec(name)
    assert "\n" not in str(caught.value)


def test_rewards_are_single_numbers():
    class Careless(RawCounter):
        def step_env(self, key, state, action, params):
            observation, state, reward, done, info = super().step_env(key, state, action, params)
            return observation, state, reward[None], done, info

    family = SingleGame(gymnax_style(Careless(), None, "x"), "x")
    env, env_params = family.env, family.sample(jax.random.key(0))
    state = env.reset(jax.random.key(0), env_params)
    with pytest.raises(ValueError, match=r"a reward of shape \[1\]; one number is needed"):
        env.step(jax.random.key(0), state, jnp.asarray(1), env_params)
