"""Whether a training still has finite numbers, and if not, whose they are."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from lpg.evaluation.backend import BatchState


class NotFiniteError(RuntimeError):
    """A training's numbers are not finite any more."""


class FiniteCheck:
    """A check that is begun on the devices at once, and waits for them only when it is asked."""

    def __init__(self, state: BatchState) -> None:
        """Begins it. The state's arrays may be deleted afterwards."""
        rollout = getattr(state.tree, "rollout", None)
        learner = getattr(state.tree, "learner", state.tree)
        # [environments, agents]; of Gymnasium's environments the collector has looked at every number.
        self._flags = _all_finite(getattr(rollout, "env_state", ())), _all_finite(learner)
        self._totals, self._num_updates = state.totals, state.num_updates

    def raise_if_not(self, environment: str) -> None:
        """Waits for the devices.

        Raises:
            NotFiniteError: a number is not finite; names what made it.
        """
        after = f"after {self._num_updates:,} updates"
        if self._totals and not np.isfinite(np.asarray(self._totals[-1][0], float)).all():
            raise NotFiniteError(
                f"{environment} gave rewards whose sum is not finite, {after}; all rewards must be finite numbers"
            )
        if not bool(self._flags[1]):
            # A state may well have infinite numbers; those of an agent that has become NaN point at the cause.
            why = (
                "a smaller learning rate may help"
                if bool(self._flags[0])
                else "so has the state of the environment, whose observations may be the cause"
            )
            raise NotFiniteError(f"the agent on {environment} has numbers that are not finite, {after}; {why}")


@jax.jit
def _of(leaves: list[Array]) -> Bool[Array, ""]:
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in leaves]))


def _all_finite(tree: Any) -> Bool[Any, ""]:
    leaves = [leaf for leaf in jax.tree.leaves(tree) if eqx.is_inexact_array(leaf)]
    return _of(leaves) if leaves else np.asarray(True)
