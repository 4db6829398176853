"""Episodes of trained agents on environments in JAX."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lpg
from lpg.evaluation.replay import replay
from lpg.evaluation.tasks import sample_env_params
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.training_folder import read_agent

CONFIG = TrainConfig(num_envs=4, num_steps=5, table_step="samples")


def play(environment, folder, **options):
    lpg.train("a2c", environment, 40, config=CONFIG, out=folder, **options)
    found = replay(*read_agent(folder, 0), jax.random.key(0))
    return found, list(found.frames)


def test_an_episode_has_a_picture_of_every_state_and_ends_once(tmp_path):
    found, frames = play("chain/short", tmp_path)
    length = int(jax.tree.map(lambda x: x[0], sample_env_params("chain/short", [0], "report")).length)
    # The first state, and one more for each step.
    assert len(frames) == length + 1 and found.about == "a map"
    assert [frame.is_last for frame in frames] == [False] * length + [True]
    # The reward comes at the end, ±1, and nothing before.
    assert [abs(frame.reward) for frame in frames] == [0.0] * length + [1.0]
    pictures = [frame.picture for frame in frames]
    assert pictures[0].dtype == np.uint8 and pictures[0].shape[-1] == 3
    assert all((one != other).any() for one, other in zip(pictures, pictures[1:], strict=False))


@pytest.mark.thorough
def test_actions_are_those_of_the_agent(tmp_path):
    lpg.train("a2c", "chain/short", 80 * 200, config=dataclasses.replace(CONFIG, learning_rate=20.0), out=tmp_path)
    agent, card = read_agent(tmp_path, 0)
    ends = [list(replay(agent, card, jax.random.key(k)).frames)[-1].reward for k in range(4)]
    assert ends == [1.0] * 4
    # The twin: an agent that prefers the other action in both first states.
    worse = jax.tree.map(lambda rows: rows.at[:2, :2].multiply(-1.0), agent)
    assert [list(replay(worse, card, jax.random.key(k)).frames)[-1].reward for k in range(4)] == [-1.0] * 4


@pytest.mark.thorough
@pytest.mark.parametrize("environment", ["bsuite/catch", "tests.evaluation.jax_episode_test:Countdowns"])
def test_what_nobody_here_can_draw_is_shown_as_the_agent_sees_it(environment, tmp_path):
    found, frames = play(environment, tmp_path)
    assert found.about == "what the agent sees"
    assert len(frames) == 10 and (frames[0].picture != frames[-1].picture).any()


@pytest.mark.thorough
def test_a_version_of_a_grid_is_played_in_that_version(tmp_path):
    _, frames = play("tabular/sparse", tmp_path, num_actions=9)
    assert read_agent(tmp_path, 0)[1].num_actions == 9 and len(frames) > 1


class Countdowns:
    """A custom environment, as a user would write it: nine steps down, whatever the actions; `env` and `sample`."""

    num_states, num_actions, observation_shape = 10, 2, ()

    def __hash__(self):
        return 1

    def __eq__(self, other):
        return isinstance(other, Countdowns)

    @property
    def env(self):
        return self

    def sample(self, key, num_actions=None):
        return jnp.asarray(0.0)

    def action_mask(self, env_params):
        return jnp.ones(2, bool)

    def reset(self, key, env_params):
        return jnp.asarray(9)

    def step(self, key, state, action, env_params):
        from lpg.environments.base import StepResult

        ended = state == 1
        return state - 1, StepResult(reward=jnp.asarray(1.0), terminated=ended, truncated=jnp.asarray(False))

    def observe(self, state, env_params):
        return state
