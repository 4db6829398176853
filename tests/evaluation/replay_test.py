"""The loop of a replay: one frame for every state, and the episode is closed at the end."""

import jax
import numpy as np
import pytest

from lpg.evaluation.replay import replay
from lpg.evaluation.training_folder import AgentCard


class Countdown:
    """Three steps; each pays what is left."""

    about = "numbers"

    def __init__(self):
        self.left, self.keys, self.agents, self.is_closed = -1, [], [], False

    def reset(self, key):
        self.left = 3
        self.keys.append(key)

    def step(self, agent, key):
        self.left -= 1
        self.agents.append(agent)
        self.keys.append(key)
        return float(self.left), self.left == 0

    def picture(self):
        return np.full((1, 1, 3), self.left, np.uint8)

    def close(self):
        self.is_closed = True


@pytest.fixture
def episode(monkeypatch):
    made = Countdown()
    monkeypatch.setattr(AgentCard, "backend", lambda card: type("Backend", (), {"episode": lambda self, seed: made})())
    return made


def agent(observation):
    """Any agent."""


CARD = AgentCard(environment="e", agent="a", rule="r", seed=0, prediction_size=1)


def test_there_is_a_frame_of_every_state_and_the_episode_ends_once(episode):
    played = replay(agent, CARD, jax.random.key(0))
    assert played.about == "numbers"
    frames = list(played.frames)
    assert [int(frame.picture[0, 0, 0]) for frame in frames] == [3, 2, 1, 0]
    assert [frame.reward for frame in frames] == [0.0, 2.0, 1.0, 0.0]
    assert [frame.is_last for frame in frames] == [False, False, False, True]
    assert episode.is_closed and episode.agents == [agent] * 3
    assert len({int(jax.random.bits(key)) for key in episode.keys}) == 4


def test_an_episode_that_nobody_watches_to_its_end_is_closed(episode):
    played = replay(agent, CARD, jax.random.key(0))
    next(played.frames)
    assert not episode.is_closed
    played.frames.close()
    assert episode.is_closed
