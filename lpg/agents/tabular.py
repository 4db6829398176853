"""A tabular agent: one row of logits and prediction per state, read by index."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from lpg.types import AgentOutput


class Table(eqx.Module):
    """θ as one table. Policy and prediction share a row, so that one gather reads both."""

    rows: Float[Array, " S W"]
    """W = A + P numbers per state: logits first."""
    num_actions: int = eqx.field(static=True)

    def __call__(self, observation: Int[Array, ""]) -> AgentOutput:
        """Outputs in one state, given its index."""
        return self.split(self.rows[observation])

    def split(self, rows: Float[Array, " *batch W"]) -> AgentOutput:
        """Outputs in the states whose rows are given."""
        return AgentOutput(logits=rows[..., : self.num_actions], prediction=rows[..., self.num_actions :])


def init_table(*, num_states: int, num_actions: int, prediction_size: int) -> Table:
    """A table of zeros: the policy is uniform in every state, and so are categorical predictions; values are zero.

    Differs from the paper: it does not say how tables begin. A uniform prediction marks a state that was never visited;
    a random one would be noise that the rule must first overwrite.
    """
    return Table(rows=jnp.zeros((num_states, num_actions + prediction_size)), num_actions=num_actions)
