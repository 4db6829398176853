"""Rows of a trajectory that are not steps of the environment: nothing is learned from them.

A Gymnasium vector environment with next-step autoreset returns the first observation of the next episode for the first
action after an episode's end; it ignores the action. The row has the final state of the old episode as s and the first
state of the new one as s′. As a step, it would teach that the final state has the value of the next episode's start,
and reinforce an action without effect.

The row stays in the arrays, because the other environments made a step, and has weight zero:

* the row before it ends an episode, where every rule stops looking ahead (the LSTM is reset, sums of rewards end), so
  that no target depends on it;
* its own row of the loss is a constant, so that its gradient is exactly zero;
* means are taken over the other rows only, and so are statistics (`lpg.update_rules.learning`).
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from lpg.types import AgentOutput, Hyperparameters, Targets
from lpg.update_rules.base import RuleInputs, RuleWrapper


class OnRealSteps(RuleWrapper):
    """A rule for one trajectory, of which some rows are not steps."""

    is_real: Bool[Array, " T B"]
    """False in rows that are not steps."""

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
