"""A Gymnasium environment in which no two observations are equal, so that a leak between episodes is seen."""

import gymnasium
import numpy as np


class Diary(gymnasium.Env):
    """Shows (episode, steps done in it); pays 1 in episode 0, 11 in episode 1, 21 in episode 2, …"""

    observation_space = gymnasium.spaces.Box(0, 1000, (2,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, lengths=(2,), is_cut=(False,)):
        self.lengths, self.is_cut = lengths, is_cut
        self.episode, self.step_number = -1, 0
        self.actions = []

    def _observation(self):
        return np.array([self.episode, self.step_number], np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.episode, self.step_number = self.episode + 1, 0
        return self._observation(), {}

    def step(self, action):
        self.actions.append(int(action))
        self.step_number += 1
        ends = self.step_number == self.lengths[self.episode % len(self.lengths)]
        is_cut = ends and self.is_cut[self.episode % len(self.is_cut)]
        return self._observation(), 1.0 + 10 * self.episode, ends and not is_cut, is_cut, {}


def diaries(mode: str, *copies: Diary) -> gymnasium.vector.SyncVectorEnv:
    """A vector environment of these, with same-step or next-step autoreset."""
    return gymnasium.vector.SyncVectorEnv(
        [lambda copy=copy: copy for copy in copies], autoreset_mode=gymnasium.vector.AutoresetMode[mode]
    )


def make_diary(**options) -> Diary:
    """For registration."""
    return Diary(**options)
