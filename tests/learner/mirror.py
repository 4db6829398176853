"""A Gymnasium environment that is learned in seconds: name the state that is shown. Registered on import."""

import gymnasium
import numpy as np


class Mirror(gymnasium.Env):
    """Three states; naming the one that is shown pays 1. Four steps, then a time limit."""

    observation_space = gymnasium.spaces.Discrete(3)
    action_space = gymnasium.spaces.Discrete(3)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.state, self.left = int(self.np_random.integers(3)), 4
        return np.int64(self.state), {}

    def step(self, action):
        reward = float(action == self.state)
        self.state, self.left = int(self.np_random.integers(3)), self.left - 1
        return np.int64(self.state), reward, False, self.left == 0, {}


class Continuous(Mirror):
    """One that nobody here can act in."""

    action_space = gymnasium.spaces.Box(-1, 1, (1,))


NAME = "gymnasium/lpg_test/Mirror-v0"
CONTINUOUS = "gymnasium/lpg_test/Continuous-v0"
for identity, made in (("lpg_test/Mirror-v0", Mirror), ("lpg_test/Continuous-v0", Continuous)):
    if identity not in gymnasium.registry:
        gymnasium.register(identity, entry_point=made)
