"""π̂ with mean 0 and standard deviation 1 over each batch: advantage normalisation, for any rule."""

import jax.numpy as jnp
from jaxtyping import Array, Bool

from lpg.types import Hyperparameters, Targets
from lpg.update_rules.base import RuleInputs, RuleWrapper


class Standardised(RuleWrapper):
    """A rule whose π̂ is centred and scaled over the T × B steps of an update; ŷ and the loss are unchanged."""

    is_real: Bool[Array, " T B"] | None = None
    """Which rows are steps, see `lpg.update_rules.real_steps`; None: all."""

    def targets(self, inputs: RuleInputs, hyper: Hyperparameters) -> Targets:
        """(π̂ − mean) / (standard deviation + 1e-8), and ŷ of the inner rule."""
        targets = self.rule.targets(inputs, hyper)
        # A trajectory without any step has no mean; its π̂ are not used.
        where = None if self.is_real is None else self.is_real | ~jnp.any(self.is_real)
        centred = targets.pi_hat - jnp.mean(targets.pi_hat, where=where)
        return Targets(pi_hat=centred / (jnp.std(targets.pi_hat, where=where) + 1e-8), y_hat=targets.y_hat)
