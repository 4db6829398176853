"""A small agent, another one as its target, and trajectories in which episodes end."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from lpg.agents.disco import init_disco_agent
from lpg.agents.network import parse_architecture
from lpg.update_rules.disco.update import DiscoTrajectory

ACTIONS = 3
GAMMA, LAMBDA = 0.9, 0.8


def small_agent(seed, num_actions=ACTIONS, prediction_size=600):
    """Reads five numbers; its heads are not small, so that policies and predictions differ."""
    agent = init_disco_agent(
        jax.random.key(seed), parse_architecture("D(7)"), observation_shape=(5,), num_states=None,
        num_actions=num_actions, prediction_size=prediction_size,
    )  # fmt: skip
    heads = lambda a: (a.network.policy.weight, a.network.prediction.weight, a.q.out.weight)  # noqa: E731
    return eqx.tree_at(heads, agent, tuple(40 * w for w in heads(agent)[:2]) + (5 * heads(agent)[2],))


def trajectory(seed=0, num_steps=4, num_envs=2):
    """The first environment's episode ends after its second step; all environments' rewards are large and small."""
    rng = np.random.default_rng(seed)
    at_end = np.zeros((num_steps + 1, num_envs), bool)
    at_end[2, 0] = True
    reward = rng.normal(size=(num_steps, num_envs)) * 3
    reward[2, 0] = 0
    return DiscoTrajectory(
        observation=jnp.asarray(rng.normal(size=(num_steps + 1, num_envs, 5)), jnp.float32),
        at_end=jnp.asarray(at_end),
        action=jnp.asarray(rng.integers(ACTIONS, size=(num_steps, num_envs)), jnp.int32),
        reward=jnp.asarray(reward, jnp.float32),
        logits=jnp.asarray(rng.normal(size=(num_steps, num_envs, ACTIONS)), jnp.float32),
    )
