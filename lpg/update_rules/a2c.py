"""Advantage actor-critic (A2C), a hand-written rule with the same interface as the discovered ones."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from lpg.types import AgentOutput, Hyperparameters, Targets
from lpg.update_rules.base import RuleInputs
from lpg.update_rules.losses import entropy, log_prob, value_loss
from lpg.update_rules.returns import advantages


class A2C(eqx.Module):
    """A rule without learned parameters: π̂ is the generalised advantage, ŷ the λ-return.

    Reference: Mnih et al. (2016); advantages by Schulman et al. (2016).
    """

    @property
    def prediction_size(self) -> int:
        """1: the value."""
        return 1

    @property
    def discovers_predictions(self) -> bool:
        """False: the prediction is a value function by definition."""
        return False

    def targets(self, inputs: RuleInputs, hyper: Hyperparameters) -> Targets:
        """Advantages and λ-returns with the agent's value function."""
        advantage = advantages(inputs, hyper)
        return Targets(pi_hat=advantage, y_hat=inputs.output.prediction + advantage[..., None])

    def loss(
        self, output: AgentOutput, inputs: RuleInputs, targets: Targets, hyper: Hyperparameters
    ) -> Float[Array, ""]:
        """mean_t [ −A_t log π_θ(a_t|s_t) + α_y ½ (v_θ(s_t) − G^λ_t)² − w H(π_θ(s_t)) ]."""
        policy = -targets.pi_hat * log_prob(output.logits, inputs.trajectory.action)
        value = hyper.y_weight * value_loss(output, targets.y_hat)
        return jnp.mean(policy + value - hyper.policy_entropy_weight * entropy(output.logits))
