"""Terms of losses: log-probability, entropy and KL divergence of distributions given by logits; the value loss."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from lpg.types import AgentOutput


def log_prob(logits: Float[Array, " *batch A"], action: Int[Array, " *batch"]) -> Float[Array, " *batch"]:
    """log π(a|s), selected by a mask instead of a gather, because the gradient of a gather is slow on CPUs."""
    chosen = jnp.arange(logits.shape[-1]) == action[..., None]
    return jnp.sum(jnp.where(chosen, jax.nn.log_softmax(logits), 0.0), axis=-1)


def entropy(logits: Float[Array, " *batch A"]) -> Float[Array, " *batch"]:
    """−Σ p log p of softmax(logits), in nats; masked categories (large negative logits) contribute nothing."""
    log_p = jax.nn.log_softmax(logits)
    return -jnp.sum(jnp.exp(log_p) * log_p, axis=-1)


def kl_divergence(
    logits: Float[Array, " *batch M"], target: Float[Array, " *batch M"], floor: float = 1e-8
) -> Float[Array, " *batch"]:
    """KL(softmax(logits) ‖ target), in nats.

    Args:
        logits: the agent's prediction, the first argument of the divergence.
        target: probabilities.
        floor: smaller target probabilities count as `floor`, so that the divergence is at most −log(floor).
    """
    log_p = jax.nn.log_softmax(logits)
    return jnp.sum(jnp.exp(log_p) * (log_p - jnp.log(jnp.maximum(target, floor))), axis=-1)


def value_loss(output: AgentOutput, target: Float[Array, " T B P"]) -> Float[Array, " T B"]:
    """½ (v(s_t) − target_t)²."""
    return 0.5 * jnp.sum((output.prediction - target) ** 2, axis=-1)
