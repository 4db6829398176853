"""Outputs of an agent for batches of observations; unavailable actions are masked."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Shaped

from lpg.types import AgentOutput, Trajectory

Agent = Callable[[Shaped[Array, " *obs"]], AgentOutput]
"""θ: a Module whose leaves are float arrays and whose call maps one observation to its outputs.

If it has an attribute `takes_batches` that is true, its call accepts any leading axes, which is faster for networks.
"""

MASKED_LOGIT = -1e9
"""Low enough for a probability of exactly 0, and finite, so that all gradients are finite."""


def outputs(
    agent: Agent,
    observation: Shaped[Array, " *batch_obs"],
    action_mask: Bool[Array, " *batch A"] | None,
    batch_ndim: int = 2,
) -> AgentOutput:
    """The agent's outputs for a batch of observations.

    Args:
        agent: θ.
        observation: with `batch_ndim` leading axes, [T, B] by default.
        action_mask: True for the actions that are available: [A], or with the batch axes; none: all are.
        batch_ndim: number of batch axes.
    """
    apply = agent
    if not getattr(agent, "takes_batches", False):
        for _ in range(batch_ndim):
            apply = jax.vmap(apply)
    output = apply(observation)
    return output if action_mask is None else masked(output, action_mask)


def masked(output: AgentOutput, action_mask: Bool[Array, " *batch A"]) -> AgentOutput:
    """The same with a policy that never takes unavailable actions."""
    return eqx.tree_at(lambda o: o.logits, output, jnp.where(action_mask, output.logits, MASKED_LOGIT))


def mask_of(action_mask: Bool[Array, " A"], trajectory: Trajectory) -> Bool[Array, " *T_B A"]:
    """Actions that exist and that each state of a trajectory allows."""
    return action_mask if trajectory.action_mask is None else action_mask & trajectory.action_mask


def next_rows(current: Shaped[Array, " T B *row"], after: Shaped[Array, " R B *row"]) -> Shaped[Array, " T B *row"]:
    """Outputs (or values) for s_1 … s_T, from those for `observation` and for `next_observation`.

    If a trajectory keeps only the last row of `next_observation`, the others are the next rows of `current`. At the end
    of an episode such a row belongs to the next episode; callers must mask it by `terminated`.

    Args:
        current: for `observation`, s_0 … s_{T−1}.
        after: for `next_observation`, with R = T rows or R = 1.
    """
    return jnp.concatenate([current[after.shape[0] :], after])
