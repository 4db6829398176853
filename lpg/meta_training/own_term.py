"""A term of the user's own in the meta-loss, `module:function`: found, and checked before anything is compiled."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from lpg.agents.custom import kind_of
from lpg.environments.registry import import_factory
from lpg.places import described
from lpg.types import AgentOutput, Targets

OwnTerm = Callable[[AgentOutput, Int[Array, " T B"], Float[Array, " T B"], Targets], Float[Array, ""]]
"""The first four arguments of `lpg.meta_training.objective.terms`, and a number, which is added to the meta-loss."""


def find_term(name: str | None) -> OwnTerm | None:
    """The function by name; none if there is no name.

    Raises:
        ValueError: there is no such function.
    """
    return None if name is None else import_factory(name)


def check_term(name: str | None, num_actions: int, prediction_size: int) -> None:
    """Traces the function; nothing is computed.

    Raises:
        ValueError: there is no such function, it fails, or does not return a number. One line, with the place.
    """
    if (term := find_term(name)) is None:
        return
    zeros = jnp.zeros((3, 2))
    output = AgentOutput(logits=jnp.zeros((3, 2, num_actions)), prediction=jnp.zeros((3, 2, prediction_size)))
    try:
        found = jax.eval_shape(term, output, zeros.astype(int), zeros, Targets(pi_hat=zeros, y_hat=output.prediction))
    except Exception as error:
        raise ValueError(f"meta_term {name!r} failed: {described(error)}") from error
    if getattr(found, "shape", None) != () or not jnp.issubdtype(found.dtype, jnp.floating):
        raise ValueError(f"meta_term {name!r} returned {kind_of(found)}; a floating-point number is needed")
