"""Rows of a trajectory that were no step of the environment: nothing is learned from them.

A Gymnasium vector environment with next-step autoreset answers the first action after an episode's end with the next
episode's first observation: it ignores the action, pays nothing and ends nothing. Such a row shows the old episode's
final state as s and the new one's first as s′. Taken for a step, it would teach that the final state is worth as much
as the start of the next episode, and reinforce an action that had no effect.

It cannot be left out, because the other environments did make a step. So it stays in the arrays and weighs nothing:

* the row before it ends an episode, where every rule stops looking ahead (the LSTM begins anew, sums of rewards end),
  so that no target is computed through it;
* its own row of the loss is a constant, so that its gradient is exactly zero;
* means are taken over the other rows only.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from lpg.types import AgentOutput, Hyperparameters, Targets
from lpg.update_rules.base import Rule, RuleInputs


class OnRealSteps(eqx.Module):
    """A rule for one trajectory, some rows of which are no steps."""

    rule: Rule
    is_real: Bool[Array, " T B"]
    """False where nothing may be learned."""

    @property
    def prediction_size(self) -> int:
        """As the rule inside."""
        return self.rule.prediction_size

    @property
    def discovers_predictions(self) -> bool:
        """As the rule inside."""
        return self.rule.discovers_predictions

    def targets(self, inputs: RuleInputs, hyper: Hyperparameters) -> Targets:
        """Those of the rule inside; rows that are no steps get some, too, which nobody uses."""
        return self.rule.targets(inputs, hyper)

    def loss(
        self, output: AgentOutput, inputs: RuleInputs, targets: Targets, hyper: Hyperparameters
    ) -> Float[Array, ""]:
        """The loss of the rule inside, whose gradient is that of a mean over the real steps alone.

        Its value is not that mean, since the other rows add a constant. `output` enters where the row is real, and the
        equal but constant output of `inputs` elsewhere.
        """
        mixed = jax.tree.map(
            lambda moving, constant: jnp.where(self.is_real[..., None], moving, constant), output, inputs.output
        )
        number = jnp.sum(self.is_real)
        share = self.is_real.size / jnp.maximum(number, 1)
        return share * self.rule.loss(mixed, inputs, targets, hyper)
