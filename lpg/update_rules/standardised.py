"""π̂ with mean 0 and standard deviation 1 over each batch: advantage normalisation, for any rule."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from lpg.types import AgentOutput, Hyperparameters, Targets
from lpg.update_rules.base import Rule, RuleInputs


class Standardised(eqx.Module):
    """A rule whose π̂ is centred and scaled over the T × B steps of an update; ŷ and the loss are unchanged."""

    rule: Rule
    is_real: Bool[Array, " T B"] | None = None
    """Which rows are steps, see `lpg.update_rules.real_steps`; None: all."""

    @property
    def prediction_size(self) -> int:
        """As the inner rule."""
        return self.rule.prediction_size

    @property
    def discovers_predictions(self) -> bool:
        """As the inner rule."""
        return self.rule.discovers_predictions

    def targets(self, inputs: RuleInputs, hyper: Hyperparameters) -> Targets:
        """(π̂ − mean) / (standard deviation + 1e-8), and ŷ of the inner rule."""
        targets = self.rule.targets(inputs, hyper)
        # A trajectory without any step has no mean; its π̂ are not used.
        where = None if self.is_real is None else self.is_real | ~jnp.any(self.is_real)
        centred = targets.pi_hat - jnp.mean(targets.pi_hat, where=where)
        return Targets(pi_hat=centred / (jnp.std(targets.pi_hat, where=where) + 1e-8), y_hat=targets.y_hat)

    def loss(
        self, output: AgentOutput, inputs: RuleInputs, targets: Targets, hyper: Hyperparameters
    ) -> Float[Array, ""]:
        """The loss of the inner rule."""
        return self.rule.loss(output, inputs, targets, hyper)
