"""A Gymnasium environment, one's own agent in Flax, one's own loop: `lpg.Learner` brings the update rule.

python examples/gymnasium_flax.py [--rule RULE] [--quick]
"""

import argparse

import gymnasium
import jax
import numpy as np
import optax
from flax import linen

import lpg

T, B = 20, 16  # steps and environments of a trajectory


class Agent(linen.Module):
    """Policy preferences, and as many predictions as the rule asks for, which begin at zero."""

    prediction_size: int

    @linen.compact
    def __call__(self, x):
        for _ in range(2):
            x = linen.relu(linen.Dense(64)(x))
        return linen.Dense(2)(x), linen.Dense(self.prediction_size, kernel_init=linen.initializers.zeros)(x)


parser = argparse.ArgumentParser()
parser.add_argument("--rule", default="lpg-control", help="a name, a rule file or a run folder")
parser.add_argument("--quick", action="store_true", help="three updates")
arguments = parser.parse_args()
rule = lpg.load_rule(arguments.rule)
net = Agent(rule.prediction_size)
agent = (lambda key: net.init(key, np.zeros(4)), net.apply)
learner = lpg.Learner(agent, rule, optimizer=optax.adam(3e-3), y_weight=0.5, gamma=0.99)
state = learner.init(jax.random.key(0))

same_step = {"autoreset_mode": gymnasium.vector.AutoresetMode.SAME_STEP}
envs = gymnasium.make_vec("CartPole-v1", B, vectorization_mode="sync", vector_kwargs=same_step)
observation, _ = envs.reset(seed=0)
for number in range(3 if arguments.quick else 1000):
    rows = []
    for key in jax.random.split(jax.random.key(number), T):
        action = np.asarray(learner.act(state, observation, key))
        following, reward, terminated, truncated, info = envs.step(action)
        is_last, arrived = terminated | truncated, following.copy()
        for b in np.flatnonzero(is_last):
            arrived[b] = info["final_obs"][b]  # where the step led to; `following` begins the next episode there
        rows.append((observation, arrived, action, reward, terminated, is_last))
        observation = following
    trajectory = lpg.Trajectory(*(np.stack(column) for column in zip(*rows, strict=True)))
    state, info = learner.update(state, trajectory)
    if number % 100 == 0:
        ends = int(np.sum(trajectory.is_last))
        print(f"update {number}: {T * B / max(ends, 1):.0f} steps an episode, entropy {info.policy_entropy:.2f}")
