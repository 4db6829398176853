"""Losses, divergences and entropies: arrays in, arrays or scalars out."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def log_prob(logits: Float[Array, " *batch A"], action: Int[Array, " *batch"]) -> Float[Array, " *batch"]:
    """log π(a|s), picked by comparing rather than gathering: its gradient is then no scatter, which is slow on CPUs."""
    chosen = jnp.arange(logits.shape[-1]) == action[..., None]
    return jnp.sum(jnp.where(chosen, jax.nn.log_softmax(logits), 0.0), axis=-1)


def entropy(logits: Float[Array, " *batch A"]) -> Float[Array, " *batch"]:
    """−Σ p log p in nats, of softmax(logits); categories with a large negative logit do not count."""
    log_p = jax.nn.log_softmax(logits)
    return -jnp.sum(jnp.exp(log_p) * log_p, axis=-1)


def kl_divergence(
    logits: Float[Array, " *batch M"], target: Float[Array, " *batch M"], floor: float = 1e-8
) -> Float[Array, " *batch"]:
    """KL(softmax(logits) ‖ target) in nats; the agent's own prediction is the first argument.

    Args:
        target: probabilities; numbers below `floor` count as `floor`, so that an empty category costs at most
            −log(floor) nats.
    """
    log_p = jax.nn.log_softmax(logits)
    return jnp.sum(jnp.exp(log_p) * (log_p - jnp.log(jnp.maximum(target, floor))), axis=-1)
