"""Episodes of trained agents on Gymnasium environments."""

import gymnasium
import jax
import numpy as np
import pytest

import lpg
from lpg.evaluation.replay import replay
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.training_folder import read_agent
from tests.learner.mirror import NAME, Mirror

CONFIG = TrainConfig(num_envs=2, num_steps=3)


class Painted(Mirror):
    """One that draws itself."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}

    def __init__(self, render_mode=None):
        self.render_mode = render_mode

    def render(self):
        return np.full((30, 50, 3), 60 * self.state + self.left, np.uint8)


class Unpaintable(Painted):
    """One that needs for it what is not installed."""

    def render(self):
        raise gymnasium.error.DependencyNotInstalled("brushes are not installed")


for identity, made in (("lpg_test/Painted-v0", Painted), ("lpg_test/Unpaintable-v0", Unpaintable)):
    if identity not in gymnasium.registry:
        gymnasium.register(identity, entry_point=made)


def play(environment, folder):
    lpg.train("a2c", environment, 12, config=CONFIG, out=folder)
    found = replay(*read_agent(folder, 0), jax.random.key(0))
    return found.about, list(found.frames)


def test_an_environment_that_draws_itself_does_so_for_every_state(tmp_path):
    about, frames = play("gymnasium/lpg_test/Painted-v0", tmp_path)
    assert about == "its own pictures"
    # Four steps, and as many are left at each picture; the last one is of the episode's end and not of the next one.
    assert [int(frame.picture[0, 0, 0]) % 60 for frame in frames] == [4, 3, 2, 1, 0]
    assert [frame.is_last for frame in frames] == [False] * 4 + [True]


@pytest.mark.parametrize(
    ("environment", "words"),
    [(NAME, "has no pictures"), ("gymnasium/lpg_test/Unpaintable-v0", "cannot be drawn: brushes are not installed")],
)
def test_others_are_shown_as_the_agent_sees_them(environment, words, tmp_path):
    about, frames = play(environment, tmp_path)
    assert about.startswith("what the agent sees") and words in about
    assert len(frames) == 5 and sum(frame.reward for frame in frames) <= 4
    # Three states, whose cells differ.
    assert frames[0].picture.shape == (106, 318, 3)


@pytest.mark.thorough
def test_of_an_atari_game_the_newest_frame_is_shown(tmp_path):
    lpg.train("a2c", "atari/pong", 6, config=CONFIG, out=tmp_path)
    found = replay(*read_agent(tmp_path, 0), jax.random.key(0))
    pictures = [next(found.frames).picture for _ in range(30)]
    found.frames.close()
    assert pictures[0].shape == (252, 252, 3) and (pictures[0] != pictures[-1]).any()
