"""PPO's clipped objective with π̂ in the place of the advantage: several updates on a rollout, for any rule."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from lpg.types import AgentOutput, Hyperparameters, Targets
from lpg.update_rules.base import RuleInputs, RuleWrapper
from lpg.update_rules.proximal import PPO


class Clipped(RuleWrapper):
    """A rule whose agents' policy is held near the one that acted; targets are unchanged.

    With r = π_θ(a|s) / π_old(a|s), −min(r π̂, clip(r, 1 − ε, 1 + ε) π̂) replaces −π̂ log π_θ(a|s). Both have the same
    gradient at r = 1, so that the first update on a rollout is that of the rule inside. ε is the hyper-parameter
    `clip`. The loss of the rule inside has the term −π̂ log π_θ(a|s) and no other with π̂. `Clipped(A2C())` is PPO.

    Reference: Schulman et al. (2017), equation 7.
    """

    def loss(
        self, output: AgentOutput, inputs: RuleInputs, targets: Targets, hyper: Hyperparameters
    ) -> Float[Array, ""]:
        """The loss of the rule inside, with the clipped objective of π̂."""
        without = Targets(pi_hat=jnp.zeros_like(targets.pi_hat), y_hat=targets.y_hat)
        policy = PPO().policy_loss(output, inputs, targets, hyper)
        return self.rule.loss(output, inputs, without, hyper) + jnp.mean(policy)
