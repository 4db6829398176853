"""The meta-objective: how good the updated agent is, and the regularisers of η. All of it is minimised."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from lpg.types import AgentOutput, Targets
from lpg.update_rules.losses import entropy, log_prob


class ObjectiveTerms(eqx.Module):
    """The meta-loss of one update, term by term, and what a person watches."""

    policy_gradient: Float[Array, ""]
    policy_entropy: Float[Array, ""]
    """Mean entropy of π_θ, in nats (unweighted)."""
    prediction_entropy: Float[Array, ""]
    """Mean entropy of y_θ, in nats (unweighted); 0 for rules that discover no predictions."""
    pi_hat_square: Float[Array, ""]
    y_hat_square: Float[Array, ""]
    pi_hat_mean: Float[Array, ""]
    """No part of the loss: π̂ with a mean square hardly above its squared mean is the same everywhere."""


def policy_gradient(
    output: AgentOutput, action: Int[Array, " T B"], advantage: Float[Array, " T B"]
) -> Float[Array, ""]:
    """−mean_t log π_θ(a_t|s_t) A_t: its gradient in η is the (advantage) actor-critic meta-gradient.

    Reference: Oh et al. (2020), equation 3; advantages in the place of returns as in its section 3.3.
    """
    return -jnp.mean(log_prob(output.logits, action) * advantage)


def terms(
    output: AgentOutput,
    action: Int[Array, " T B"],
    advantage: Float[Array, " T B"],
    targets: Targets,
    discovers_predictions: bool,
) -> ObjectiveTerms:
    """All terms for one update: the updated agent's outputs on a fresh rollout, and the targets that moved it there.

    The entropies are those of the *updated* agent; they act on η and not on θ.

    Reference: Oh et al. (2020), equation 4.
    """
    zero = jnp.zeros((), advantage.dtype)
    return ObjectiveTerms(
        policy_gradient=policy_gradient(output, action, advantage),
        policy_entropy=jnp.mean(entropy(output.logits)),
        prediction_entropy=jnp.mean(entropy(output.prediction)) if discovers_predictions else zero,
        pi_hat_square=jnp.mean(targets.pi_hat**2),
        y_hat_square=jnp.mean(jnp.sum(targets.y_hat**2, axis=-1)) if discovers_predictions else zero,
        pi_hat_mean=jnp.mean(targets.pi_hat),
    )


def meta_loss(
    per_update: ObjectiveTerms,
    weight: Float[Array, " K"],
    policy_entropy_weight: Float[Array, ""],
    prediction_entropy_weight: float,
    pi_hat_weight: float,
    y_hat_weight: float,
) -> Float[Array, ""]:
    """Weighted sum of the terms of K updates.

        Σ_k w_k [ J_k − β0 H(π_θk) − β1 H(y_θk) ] + mean_k [ β2 π̂_k² + β3 ‖ŷ_k‖² ]

    Args:
        weight: w_k, which rollouts carry the objective; sums to 1.
    """
    after = (
        per_update.policy_gradient
        - policy_entropy_weight * per_update.policy_entropy
        - prediction_entropy_weight * per_update.prediction_entropy
    )
    size = pi_hat_weight * per_update.pi_hat_square + y_hat_weight * per_update.y_hat_square
    return jnp.sum(weight * after) + jnp.mean(size)
