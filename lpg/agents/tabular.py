"""An agent that is a table: one row of policy preferences and prediction per state, read by index."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from lpg.types import AgentOutput


class Table(eqx.Module):
    """θ as one table. Policy and prediction share a row, so that one gather reads both."""

    rows: Float[Array, " S W"]
    """W = A + P numbers per state: preferences first."""
    num_actions: int = eqx.field(static=True)

    def __call__(self, observation: Int[Array, ""]) -> AgentOutput:
        """Outputs in one state, given its index."""
        row = self.rows[observation]
        return AgentOutput(logits=row[: self.num_actions], prediction=row[self.num_actions :])


def init_table(
    key: PRNGKeyArray, *, num_states: int, num_actions: int, prediction_size: int, prediction_scale: float
) -> Table:
    """A table with a uniform policy and predictions drawn from N(0, prediction_scale²).

    Differs from the paper: it does not say how tables begin; random predictions tell states apart from the start.
    """
    prediction = prediction_scale * jax.random.normal(key, (num_states, prediction_size))
    return Table(
        rows=jnp.concatenate([jnp.zeros((num_states, num_actions), prediction.dtype), prediction], axis=1),
        num_actions=num_actions,
    )
