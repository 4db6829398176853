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


class Shifted(Mirror):
    """States 5, 6, 7 and actions 10, 11, 12."""

    observation_space = gymnasium.spaces.Discrete(3, start=5)
    action_space = gymnasium.spaces.Discrete(3, start=10)

    def reset(self, *, seed=None, options=None):
        state, info = super().reset(seed=seed, options=options)
        return state + 5, info

    def step(self, action):
        state, *rest = super().step(action - 10)
        return state + 5, *rest


NAME = "gymnasium/lpg_test/Mirror-v0"
SHIFTED = "gymnasium/lpg_test/Shifted-v0"
CONTINUOUS = "gymnasium/lpg_test/Continuous-v0"
for identity, made in (("lpg_test/Mirror-v0", Mirror), ("lpg_test/Continuous-v0", Continuous),
                       ("lpg_test/Shifted-v0", Shifted)):  # fmt: skip
    if identity not in gymnasium.registry:
        gymnasium.register(identity, entry_point=made)
