"""An agent as a pair of pure functions, and how factories of Equinox modules become such a pair."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray, PyTree

from lpg.agents.custom import check_prediction, kind_of, split_module, to_output
from lpg.types import AgentOutput


class AgentFns(NamedTuple):
    """An agent as two pure functions, the form that `lpg.Learner` uses."""

    init: Callable[[PRNGKeyArray], PyTree]
    """Key → parameters, a pytree of floating-point arrays."""
    apply: Callable[[PyTree, Any], AgentOutput | tuple[Any, Any]]
    """(Parameters, one observation without a batch axis) → `AgentOutput`, or (logits [A], prediction [P])."""


class BoundAgent(eqx.Module):
    """θ: parameters with the function that applies them, as `lpg.update_rules.update.agent_update` needs them."""

    params: PyTree
    apply: Callable = eqx.field(static=True)
    prediction_size: int = eqx.field(static=True)

    def __call__(self, observation: Any) -> AgentOutput:
        """Outputs for one observation.

        Raises:
            ValueError: the agent does not return a policy and a prediction of the rule's size. Raised while tracing,
                before anything is computed.
        """
        output = to_output(self.apply(self.params, observation), observation, "the agent")
        check_prediction(output, self.prediction_size, "the agent")
        return output


def as_agent(given: Any) -> AgentFns:
    """An agent from one of two forms.

    Args:
        given: a pair (init, apply) of functions; or a factory of Equinox modules, key → module, where the module's call
            maps one observation to its outputs. The floating-point arrays of such a module are learned; everything else
            in it (activation functions, integers) must be the same for every key.

    Raises:
        ValueError: it has neither form, or the factory fails.
    """
    if isinstance(given, tuple) and len(given) == 2 and all(callable(part) for part in given):
        return AgentFns(*given)
    if _is_nnx(given):
        raise ValueError(
            "a module of flax.nnx given; a pair of functions (init, apply) is needed: of a module `net` give "
            "init = lambda key: nnx.state(Net(nnx.Rngs(params=key))), "
            "apply = lambda state, observation: nnx.merge(nnx.graphdef(net), state)(observation)"
        )
    if callable(given) and not hasattr(given, "apply") and not isinstance(given, eqx.Module):
        return _of_factory(given)
    raise ValueError(
        f"an agent of type {type(given).__name__} given; a pair of functions (init, apply) is needed, or a factory, "
        "key -> Equinox module; of a Flax module give (lambda key: net.init(key, observation), net.apply)"
    )


def _is_nnx(given: Any) -> bool:
    """Whether it is a module or a class of modules of flax.nnx, which need not be installed."""
    kinds = (given if isinstance(given, type) else type(given)).__mro__
    return any(kind.__name__ == "Module" and kind.__module__.startswith("flax.nnx") for kind in kinds)


def checked(params: PyTree) -> PyTree:
    """Parameters of which every leaf is a floating-point array with a dtype that updates keep.

    Raises:
        ValueError: there are none, or a leaf is something else.
    """

    def check(path: tuple, leaf: Any) -> jax.Array:
        if not eqx.is_inexact_array(leaf):
            name = jax.tree_util.keystr(path, simple=True, separator=".") or "as a whole"
            raise ValueError(
                f"parameter {name} is {kind_of(leaf)}; floating-point arrays are needed, because all learn"
            )
        # Without the dtype a weakly typed number would turn into a strong one later, and all would be compiled again.
        return jnp.asarray(leaf, leaf.dtype)

    if not jax.tree.leaves(params):
        raise ValueError("the agent has no parameters; its init must return a pytree with at least one array")
    return jax.tree_util.tree_map_with_path(check, params)


def _of_factory(factory: Callable[[PRNGKeyArray], Any]) -> AgentFns:
    try:
        module = factory(jax.random.key(0))
    except TypeError as error:
        message = " ".join(str(error).split())
        raise ValueError(f"the agent's factory failed when called with one key ({message})") from error
    _, rest = split_module(module, "the agent's factory")

    def init(key: PRNGKeyArray) -> PyTree:
        return split_module(factory(key), "the agent's factory")[0]

    def apply(params: PyTree, observation: Any) -> Any:
        return eqx.combine(params, rest)(observation)

    return AgentFns(init, apply)
