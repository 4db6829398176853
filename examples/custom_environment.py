"""A custom environment in JAX: a corridor, learned by any rule. The whole training is one compiled program.

python examples/custom_environment.py [--rule RULE] [--quick]
"""

import argparse
import dataclasses

import jax
import jax.numpy as jnp

import lpg
from lpg.environments.base import StepResult


@dataclasses.dataclass(frozen=True)
class CorridorEnv:
    """Walk to the right end (action 1) within 20 steps; `env_params` is the probability of slipping."""

    num_states: int = 8
    num_actions = 2
    observation_shape = ()  # observations are state indices, so a table can learn

    def reset(self, key, env_params):
        return jnp.array([0, 0])  # position, time

    def step(self, key, state, action, env_params):
        moves_right = jnp.where(jax.random.bernoulli(key, env_params), 1 - action, action)
        position, time = jnp.clip(state[0] + 2 * moves_right - 1, 0, self.num_states - 1), state[1] + 1
        terminated = position == self.num_states - 1
        truncated = (time >= 20) & ~terminated
        result = StepResult(reward=terminated.astype(float), terminated=terminated, truncated=truncated)
        return jnp.array([position, time]), result

    def observe(self, state, env_params):
        return state[0]

    def action_mask(self, env_params):
        return jnp.ones(self.num_actions, bool)


class Corridor:
    """What `module:factory` makes: the environment, and the distribution of its parameters."""

    env = CorridorEnv()

    def sample(self, key, num_actions=None):
        return jnp.asarray(0.1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rule", default="a2c", help="a name, a rule file or a run folder")
    parser.add_argument("--quick", action="store_true", help="a short training")
    arguments = parser.parse_args()
    steps = 16_000 if arguments.quick else 256_000
    result = lpg.train(arguments.rule, f"{__name__}:Corridor", steps)
    print(f"return at first {result.curve[0].return_mean:.2f}, at last {result.curve[-1].return_mean:.2f}")
