"""Agents of anybody's making: a pair of pure functions, and how Equinox factories and Flax modules become one."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray, PyTree

from lpg.types import AgentOutput


class Agent(NamedTuple):
    """An agent as two pure functions; what `lpg.Learner` makes of whatever it is given."""

    init: Callable[[PRNGKeyArray], PyTree]
    """Key → parameters, a pytree of floating-point arrays."""
    apply: Callable[[PyTree, Any], AgentOutput | tuple[Any, Any]]
    """(Parameters, one observation without a batch axis) → `AgentOutput`, or (logits [A], prediction [P])."""


class Theta(eqx.Module):
    """θ: parameters together with what reads them, as `lpg.update_rules.update.agent_update` wants them."""

    params: PyTree
    apply: Callable = eqx.field(static=True)
    prediction_size: int = eqx.field(static=True)

    def __call__(self, observation: Any) -> AgentOutput:
        """Outputs for one observation.

        Raises:
            ValueError: the agent returns something else than a policy and a prediction of the rule's size. Shapes are
                known while a program is traced, so this is said before anything is computed.
        """
        found = self.apply(self.params, observation)
        if isinstance(found, AgentOutput):
            found = (found.logits, found.prediction)
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise ValueError(f"the agent returned a {_kind(found)}; (logits, prediction) or an AgentOutput is needed")
        logits, prediction = map(jnp.asarray, found)
        if logits.ndim != 1:
            raise ValueError(
                f"the agent returned logits of shape {list(logits.shape)} for an observation of shape "
                f"{list(jnp.shape(observation))}; [actions] is needed, as it is called on one observation, not many"
            )
        if prediction.shape != (self.prediction_size,):
            raise ValueError(
                f"the agent returned a prediction of shape {list(prediction.shape)}; [{self.prediction_size}] is "
                "needed, the size that the rule (and its baseline, if there is one) asks for"
            )
        return AgentOutput(logits=logits, prediction=prediction)


def as_agent(given: Any) -> Agent:
    """An agent from any of the forms that are understood.

    Args:
        given: an `Agent` or any other pair (init, apply) of functions; or a factory of Equinox modules, key → module,
            where the module's call maps one observation to its outputs. Of such a module the floating-point arrays are
            learned; everything else in it (activation functions, integers) is taken to be the same for every key.

    Raises:
        ValueError: it is nothing of the kind, or the factory fails.
    """
    if isinstance(given, tuple) and len(given) == 2 and all(callable(part) for part in given):
        return Agent(*given)
    if callable(given) and not hasattr(given, "apply") and not isinstance(given, eqx.Module):
        return _of_factory(given)
    raise ValueError(
        f"an agent of type {type(given).__name__} given; a pair of functions (init, apply) is needed, or a factory, "
        "key -> Equinox module; of a Flax module give (lambda key: net.init(key, observation), net.apply)"
    )


def checked(params: PyTree) -> PyTree:
    """Parameters of which every leaf can be learned, with dtypes that stay as they are.

    Raises:
        ValueError: a leaf is no floating-point array.
    """

    def check(path: tuple, leaf: Any) -> jax.Array:
        if not eqx.is_inexact_array(leaf):
            name = jax.tree_util.keystr(path, simple=True, separator=".") or "the whole"
            raise ValueError(f"parameter {name} is {_kind(leaf)}; floating-point arrays are needed, because all learn")
        # Without the dtype a weakly typed number would turn into a strong one later, and all would be compiled again.
        return jnp.asarray(leaf, leaf.dtype)

    if not jax.tree.leaves(params):
        raise ValueError("the agent has no parameters; its init must return a pytree with at least one array")
    return jax.tree_util.tree_map_with_path(check, params)


def _of_factory(factory: Callable[[PRNGKeyArray], Any]) -> Agent:
    try:
        module = factory(jax.random.key(0))
    except TypeError as error:
        message = " ".join(str(error).split())
        raise ValueError(f"the agent's factory failed when called with one key ({message})") from error
    if not isinstance(module, eqx.Module) or not callable(module):
        raise ValueError(f"the agent's factory made a {_kind(module)}; an Equinox module that can be called is needed")
    rest = eqx.partition(module, eqx.is_inexact_array)[1]

    def init(key: PRNGKeyArray) -> PyTree:
        return eqx.partition(factory(key), eqx.is_inexact_array)[0]

    def apply(params: PyTree, observation: Any) -> Any:
        return eqx.combine(params, rest)(observation)

    return Agent(init, apply)


def _kind(value: Any) -> str:
    if hasattr(value, "dtype"):
        return f"array {value.dtype}{list(value.shape)}"
    return f"tuple of {len(value)}" if isinstance(value, tuple | list) else type(value).__name__
