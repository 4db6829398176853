"""Environments given as objects and functions."""

import gymnasium
import gymnax
import jax
import pytest

import lpg
from lpg.environments.registry import env_spec
from lpg.evaluation.environment_objects import name_of
from lpg.evaluation.tasks import run_keys
from lpg.evaluation.train_config import TrainConfig
from tests.environments.counters import Counter
from tests.learner import mirror
from tests.learner.mirror import Mirror

CONFIG = TrainConfig(num_envs=2, num_steps=4, learning_rate=4.0)


class Walk(gymnasium.Env):
    """To the right end."""

    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, size=3):
        self.observation_space = gymnasium.spaces.Discrete(size)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.where = 0
        return 0, {}

    def step(self, action):
        self.where = max(0, self.where + 2 * int(action) - 1)
        is_over = self.where == self.observation_space.n - 1
        return self.where, float(is_over), is_over, False, {}


def test_what_has_a_name_gets_it():
    assert name_of("tabular/dense") == "tabular/dense"
    assert name_of(mirror.Mirror) == "gymnasium/tests.learner.mirror:Mirror"
    assert name_of(gymnasium.make("CartPole-v1")) == "gymnasium/CartPole-v1"
    assert name_of("gymnasium/CartPole-v1", {"a": 1}) == "gymnasium/CartPole-v1?a=1"


def test_what_has_none_gets_one_whose_random_numbers_are_the_same_everywhere():
    first, second = lambda: Walk(4), lambda: Walk(5)
    names = name_of(first), name_of(second)
    assert names[0] == name_of(first) != names[1] and all(name.startswith("gymnasium/given/Walk") for name in names)
    keys = [jax.random.key_data(run_keys(name, [0], "report")[1]).tolist() for name in names]
    assert keys[0] == keys[1]
    # Another id, wrappers or arguments are not the registered environment.
    assert name_of(gymnasium.make("CartPole-v1", max_episode_steps=7)).startswith("gymnasium/given/CartPole-v1")


def test_objects_like_gymnaxs_are_environments_in_jax_with_their_parameters():
    env, params = gymnax.make("CartPole-v1")
    short = name_of((env, params.replace(max_steps_in_episode=7)))
    assert int(env_spec(short).distribution.sample(jax.random.key(0)).max_steps) == 7
    own = name_of(env)
    assert int(env_spec(own).distribution.sample(jax.random.key(0)).max_steps) == 500
    assert name_of(env) == own != short  # the same object, compiled once
    assert env_spec(name_of(Counter)).distribution.env.num_states == 4


@pytest.mark.thorough
def test_an_object_is_trained_on_and_given_again_to_its_agent(tmp_path):
    counter = Counter(num_values=6)
    result = lpg.train("a2c", counter, 160, config=CONFIG, out=tmp_path)
    assert result.curve[-1].steps == 160 and result.agent.act(0, greedy=True) in (0, 1)
    loaded = lpg.load_agent(tmp_path, environment=counter)
    assert loaded.act(0, greedy=True) == result.agent.act(0, greedy=True)


def test_a_function_is_trained_on_with_keyword_arguments():
    agent = lpg.train("a2c", Walk, 64, config=CONFIG, env_kwargs={"size": 6}).agent
    assert agent.card.environment.endswith("?size=6") and agent.act(5, greedy=True) in (0, 1)


@pytest.mark.parametrize(
    ("given", "kwargs", "words"),
    [
        (3, None, "an environment of type int given; a name, an environment with the interface of gymnax"),
        (Mirror(), None, "a Mirror given; several copies are needed, so give a function that makes one"),
        (Counter(), {"size": 5}, "env_kwargs given with a Counter; they are for names and functions"),
        (Walk, {"length": 5}, "Walk failed: TypeError: .*unexpected keyword argument 'length'"),
        (lambda: 1 / 0, None, r"failed: ZeroDivisionError: .*environment_objects_test.py, line \d+"),
        (lambda size: Walk(size), {"size": 4}, "env_kwargs given with .*; put them into the function"),
    ],
)
def test_what_cannot_be_trained_on_is_refused(given, kwargs, words):
    with pytest.raises(ValueError, match=words):
        name_of(given, kwargs)
