"""Environments that fail: whose fault, where, and in which step."""

import gymnasium
import numpy as np
import pytest

from lpg.learner.collect import Collector
from tests.learner.diary import diaries


class Careless(gymnasium.Env):
    """Misbehaves in step 3."""

    observation_space = gymnasium.spaces.Box(-1, 1, (3,))
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, misbehave):
        self.misbehave = misbehave

    def reset(self, *, seed=None, options=None):
        self.count = 0
        return np.zeros(3, np.float32), {}

    def step(self, action):
        self.count += 1
        fine = np.zeros(3, np.float32), 1.0, False, False, {}
        return self.misbehave(fine) if self.count == 3 else fine


def fail(fine):
    raise ValueError("the door is stuck")


@pytest.mark.parametrize(
    ("misbehave", "words"),
    [
        (fail, r"Maze failed in step 3: ValueError: the door is stuck \(.*failures_test.py, line \d+\)$"),
        (lambda fine: (fine[0], np.nan, *fine[2:]), r"Maze gave the reward nan in step 3 \(copy 1\)"),
        (lambda fine: (fine[0], None, *fine[2:]), "Maze gave the reward nan in step 3"),
        (lambda fine: (fine[0], np.inf, *fine[2:]), "Maze gave the reward inf in step 3"),
        (
            lambda fine: (fine[0] * np.nan, *fine[1:]),
            r"Maze showed an observation with nan; .* \(in step 3 of each copy\)",
        ),
        (lambda fine: fine[:4], "Maze failed in step 3: .*it seems to have the interface of old Gym"),
    ],
)
def test_what_an_environment_does_wrong_is_named_with_its_place(misbehave, words):
    collector = Collector(diaries("SAME_STEP", Careless(lambda fine: fine), Careless(misbehave)), name="Maze")
    act = lambda observation, t: np.zeros(2, int)  # noqa: E731
    collector.collect(act, 2)
    with pytest.raises(RuntimeError, match=words) as caught:
        collector.collect(act, 1)
    assert "\n" not in str(caught.value)


def test_a_reset_of_old_gym_is_recognised():
    class Old(Careless):
        def reset(self):
            return np.zeros(3, np.float32)

    with pytest.raises(RuntimeError, match="x failed in reset: .*interface of old Gym"):
        Collector(diaries("SAME_STEP", Old(None)), name="x")
