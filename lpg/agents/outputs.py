"""Agent outputs over batches, with the actions that an instance lacks masked out."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Shaped

from lpg.types import AgentOutput

Agent = Callable[[Shaped[Array, " *obs"]], AgentOutput]
"""θ: a Module whose leaves are float arrays and whose call maps one observation to its outputs."""

MASKED_LOGIT = -1e9
"""Finite, so that a masked action has probability exactly 0 and every gradient through it stays finite."""


def outputs(
    agent: Agent, observation: Shaped[Array, " *batch_obs"], action_mask: Bool[Array, " A"], batch_ndim: int = 2
) -> AgentOutput:
    """The agent's outputs for a batch of observations.

    Args:
        batch_ndim: how many leading axes of `observation` are batch axes, [T, B] by default.
    """
    apply = agent
    for _ in range(batch_ndim):
        apply = jax.vmap(apply)
    output = apply(observation)
    return eqx.tree_at(lambda o: o.logits, output, jnp.where(action_mask, output.logits, MASKED_LOGIT))
