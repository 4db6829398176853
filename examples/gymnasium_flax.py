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
parser.add_argument("--rule", default="lpg-kick-start", help="a name, a rule file or a run folder")
parser.add_argument("--quick", action="store_true", help="three updates")
arguments = parser.parse_args()
rule = lpg.load_rule(arguments.rule)
net = Agent(rule.prediction_size)
agent = (lambda key: net.init(key, np.zeros(4)), net.apply)
learner = lpg.Learner(agent, rule, optimizer=optax.adam(3e-3), y_weight=0.5, gamma=0.99)
state = learner.init(jax.random.key(0))

collector = lpg.Collector(gymnasium.make_vec("CartPole-v1", B), seed=0)
for number in range(3 if arguments.quick else 1000):
    keys = jax.random.split(jax.random.key(number), T)
    # Steps of all environments, with the states where they led to before any reset.
    collected = collector.collect(lambda seen, t, state=state, keys=keys: learner.act(state, seen, keys[t]), T)
    state, info = learner.update(state, collected.trajectory, collected.is_real)
    if number % 100 == 0:
        steps = collected.num_steps / max(len(collected.returns), 1)
        print(f"update {number}: {steps:.0f} steps an episode, entropy {info.policy_entropy:.2f}")
