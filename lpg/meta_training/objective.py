"""The meta-loss, which meta-training minimises: policy-gradient loss of the updated agents, and regularisers."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from lpg.meta_training.own_term import OwnTerm
from lpg.types import AgentOutput, Targets
from lpg.update_rules.losses import entropy, log_prob


class ObjectiveTerms(eqx.Module):
    """Terms of the meta-loss for one agent update, unweighted."""

    policy_gradient: Float[Array, ""]
    """`policy_gradient_loss` (not a gradient) on a fresh rollout; A is scaled if the configuration says so."""
    policy_entropy: Float[Array, ""]
    """Mean entropy of π_θ, in nats."""
    prediction_entropy: Float[Array, ""]
    """Mean entropy of y_θ, in nats; 0 for rules that do not discover predictions."""
    pi_hat_square: Float[Array, ""]
    """Mean of π̂²."""
    y_hat_square: Float[Array, ""]
    """Mean of ‖ŷ‖²; 0 for rules that do not discover predictions."""
    pi_hat_mean: Float[Array, ""]
    """Mean of π̂. A diagnostic, not a term of the loss: if its square is close to `pi_hat_square`, π̂ is constant."""
    own_term: Float[Array, ""]
    """The term of the user's own, weighted as she likes; 0 without one."""


def policy_gradient_loss(
    output: AgentOutput, action: Int[Array, " T B"], advantage: Float[Array, " T B"]
) -> Float[Array, ""]:
    """−mean_t log π_θ(a_t|s_t) A_t; minus its gradient w.r.t. η is that of the expected return.

    Reference: Oh et al. (2020), equation 3, with advantages instead of returns (section 3.3).
    """
    return -jnp.mean(log_prob(output.logits, action) * advantage)


@jax.named_scope("terms")
def terms(
    output: AgentOutput,
    action: Int[Array, " T B"],
    advantage: Float[Array, " T B"],
    targets: Targets,
    discovers_predictions: bool,
    own_term: OwnTerm | None = None,
) -> ObjectiveTerms:
    """Terms of the meta-loss for one agent update.

    The entropies are those of the *updated* agent and regularise η, not θ.

    Args:
        output: the updated agent's outputs on a fresh rollout.
        action: actions of this rollout.
        advantage: advantages of this rollout, by the outer critic.
        targets: π̂ and ŷ of the update that produced this agent.
        discovers_predictions: if false, the terms of y and ŷ are 0.
        own_term: computes one more term.

    Reference: Oh et al. (2020), equation 4.
    """
    zero = jnp.zeros((), advantage.dtype)
    return ObjectiveTerms(
        policy_gradient=policy_gradient_loss(output, action, advantage),
        policy_entropy=jnp.mean(entropy(output.logits)),
        prediction_entropy=jnp.mean(entropy(output.prediction)) if discovers_predictions else zero,
        pi_hat_square=jnp.mean(targets.pi_hat**2),
        y_hat_square=jnp.mean(jnp.sum(targets.y_hat**2, axis=-1)) if discovers_predictions else zero,
        pi_hat_mean=jnp.mean(targets.pi_hat),
        own_term=zero if own_term is None else own_term(output, action, advantage, targets),
    )


def meta_loss(
    per_update: ObjectiveTerms,
    weight: Float[Array, " K"],
    policy_entropy_weight: Float[Array, ""],
    prediction_entropy_weight: float,
    pi_hat_weight: float,
    y_hat_weight: float,
) -> Float[Array, ""]:
    """Weighted sum of the terms of K agent updates.

        Σ_k w_k [ L_k − β0 H(π_θk) − β1 H(y_θk) ] + mean_k [ β2 π̂_k² + β3 ‖ŷ_k‖² + own term ]

    Args:
        per_update: the terms, with a leading axis of K updates; L_k is `policy_gradient`.
        weight: w_k, the weight of the rollout after update k; sums to 1.
        policy_entropy_weight: β0.
        prediction_entropy_weight: β1.
        pi_hat_weight: β2.
        y_hat_weight: β3.

    Reference: Oh et al. (2020), equation 4.
    """
    agent_terms = (
        per_update.policy_gradient
        - policy_entropy_weight * per_update.policy_entropy
        - prediction_entropy_weight * per_update.prediction_entropy
    )
    penalty = pi_hat_weight * per_update.pi_hat_square + y_hat_weight * per_update.y_hat_square
    return jnp.sum(weight * agent_terms) + jnp.mean(penalty + per_update.own_term)
