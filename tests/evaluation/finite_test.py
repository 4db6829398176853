"""Numbers that are not finite in compiled trainings: noticed, named, and never saved."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lpg
from lpg.evaluation.backend import BatchState
from lpg.evaluation.finite import FiniteCheck, NotFiniteError
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.training_folder import trained_seeds
from tests.environments.counters import RawCounter

CONFIG = TrainConfig(num_envs=2, num_steps=4)


class Paying(RawCounter):
    """Counts and pays what is asked for at the end."""

    def __init__(self, reward):
        self.reward = reward

    def step_env(self, key, state, action, params):
        observation, state, reward, done, info = super().step_env(key, state, action, params)
        return observation, state, jnp.where(reward == 1, self.reward, 0.0), done, info


@pytest.mark.parametrize("reward", [np.inf, np.nan])
def test_a_reward_in_a_compiled_environment_is_named_and_no_agent_is_saved(reward, tmp_path):
    with pytest.raises(NotFiniteError, match="given/Paying.* gave rewards whose sum is not finite, after .* updates"):
        lpg.train("a2c", Paying(reward), 400, config=CONFIG, out=tmp_path)
    assert trained_seeds(tmp_path) == []


def test_an_agent_that_diverges_in_the_last_update_is_not_saved(tmp_path):
    config = dataclasses.replace(CONFIG, learning_rate=1e38, table_step="samples")
    with pytest.raises(NotFiniteError, match="the agent on given/Paying.* are not finite.*smaller learning rate"):
        lpg.train("a2c", Paying(1e30), 3200, config=config, out=tmp_path)
    assert trained_seeds(tmp_path) == []


@jax.tree_util.register_dataclass
@dataclasses.dataclass
class Tree:
    learner: jax.Array
    rollout: "Rollout"


@jax.tree_util.register_dataclass
@dataclasses.dataclass
class Rollout:
    env_state: jax.Array


@pytest.mark.parametrize(
    ("learner", "env_state", "words"),
    [(np.nan, 1.0, "a smaller learning rate may help"), (np.nan, np.nan, "so has the state of the environment")],
)
def test_whose_numbers_they_are(learner, env_state, words):
    def state(learner, env_state):
        return BatchState(Tree(jnp.asarray([1.0, learner]), Rollout(jnp.asarray([env_state]))), 7, [])

    with pytest.raises(NotFiniteError, match=f"the agent on x .* after 7 updates; .*{words}"):
        FiniteCheck(state(learner, env_state)).raise_if_not("x")
    # An environment may have infinite numbers in its state.
    FiniteCheck(state(0.0, np.inf)).raise_if_not("x")
