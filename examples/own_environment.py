"""One's own environment in JAX: a corridor, learned by any rule. The whole training is one compiled program.

python examples/own_environment.py [--rule RULE] [--quick]
"""

import argparse
import dataclasses

import jax.numpy as jnp

import lpg
from lpg.environments.base import StepResult


@dataclasses.dataclass(frozen=True)
class Corridor:
    """Walk to the right end (action 1) within 20 steps; the instance is the chance to slip."""

    num_states: int = 8
    num_actions = 2
    num_noise = 1  # uniform numbers that a step consumes
    num_reset_noise = 0
    observation_shape = ()  # observations number the states, so a table can learn

    def action_mask(self, env_params):
        return jnp.ones(2, bool)

    def reset(self, env_params, noise):
        return jnp.array([0, 0])  # place, and steps done

    def step(self, env_params, state, action, noise):
        right = jnp.where(noise[0] < env_params, 1 - action, action)
        place = jnp.clip(state[0] + 2 * right - 1, 0, self.num_states - 1)
        at_end, out_of_time = place == self.num_states - 1, state[1] + 1 >= 20
        result = StepResult(reward=at_end.astype(float), terminated=at_end, truncated=out_of_time & ~at_end)
        return jnp.array([place, state[1] + 1]), result

    def observe(self, env_params, state):
        return state[0]


class Corridors:
    """What `module:factory` makes: a shape, and a distribution over instances of it."""

    env = Corridor()

    def sample(self, key, num_actions=None):
        return jnp.asarray(0.1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rule", default="a2c", help="a name, a rule file or a run folder")
    parser.add_argument("--quick", action="store_true", help="a short training")
    arguments = parser.parse_args()
    steps = 64_000 if arguments.quick else 256_000
    result = lpg.train(arguments.rule, f"{__name__}:Corridors", steps, config=lpg.TrainConfig(learning_rate=20.0))
    print(f"return at first {result.curve[0].return_mean:.2f}, at last {result.curve[-1].return_mean:.2f}")
