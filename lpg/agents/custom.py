"""Agents given by users as Equinox modules: what of them learns, and checks of what they return."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray, PyTree, Shaped

from lpg.environments.registry import import_factory
from lpg.types import AgentOutput


@dataclasses.dataclass(frozen=True, kw_only=True)
class AgentSizes:
    """What fixes the shapes of an agent."""

    observation_shape: tuple[int, ...]
    """Of one observation; () where observations are state indices."""
    num_states: int | None
    """Number of states where observations are their indices; None where observations are arrays."""
    num_actions: int
    """A, the size of the policy's logits."""
    prediction_size: int
    """P, the size of the prediction. It should begin at zero, as it does in the other agents."""
    is_bytes: bool = False
    """Observations are pixels from 0 to 255."""
    channels_last: bool = False
    """Images are [rows, columns, channels] and not [channels, rows, columns]."""


class CustomAgent(eqx.Module):
    """θ as any Equinox module; only arrays that learn are leaves."""

    params: PyTree
    """The floating-point arrays of the module."""
    rest: Any = eqx.field(static=True)
    """Everything else in it, activation functions for example."""

    def __call__(self, observation: Shaped[Any, " *obs"]) -> AgentOutput:
        """Outputs for one observation."""
        return to_output(eqx.combine(self.params, self.rest)(observation), observation, "the agent")


def is_custom(agent: str) -> bool:
    """Whether an agent's name is `module:factory`."""
    return ":" in agent


def init_custom(key: PRNGKeyArray, name: str, sizes: AgentSizes) -> CustomAgent:
    """A fresh custom agent.

    Args:
        name: `module:factory`. The factory takes a key and `AgentSizes` and returns an Equinox module whose call maps
            one observation to an `AgentOutput` or a pair (logits [A], prediction [P]).

    Raises:
        ValueError: there is no such factory, or the module does not fit the rule and the environment.
    """
    params, rest = split_module(import_factory(name)(key, sizes), repr(name))
    if arrays := [leaf for leaf in jax.tree.leaves(rest) if eqx.is_array(leaf)]:
        raise ValueError(
            f"{name!r} made an agent with an array of {arrays[0].dtype}; floating-point ones are needed, because all "
            "arrays of an agent learn"
        )
    made = CustomAgent(params=params, rest=rest)
    _check(made, f"agent {name!r}", sizes)
    return made


def split_module(module: Any, source: str) -> tuple[PyTree, Any]:
    """The floating-point arrays of an Equinox module, and the rest of it, for `eqx.combine`.

    Args:
        source: what made the module, for errors.

    Raises:
        ValueError: it is not a callable Equinox module.
    """
    if not isinstance(module, eqx.Module) or not callable(module):
        raise ValueError(f"{source} made a {kind_of(module)}; an Equinox module that can be called is needed")
    return eqx.partition(module, eqx.is_inexact_array)


def to_output(found: Any, observation: Any, agent: str) -> AgentOutput:
    """What an agent returned for one observation, as an `AgentOutput`.

    Args:
        agent: what to call the agent in errors.

    Raises:
        ValueError: it is neither an `AgentOutput` nor a pair (logits, prediction), or it has batch axes.
    """
    if isinstance(found, AgentOutput):
        found = (found.logits, found.prediction)
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise ValueError(
            f"{agent} returned a {kind_of(found)}; (logits, prediction) or an lpg.types.AgentOutput is needed"
        )
    logits, prediction = map(jnp.asarray, found)
    for name, value, needed in (("logits", logits, "actions"), ("a prediction", prediction, "prediction_size")):
        if value.ndim != 1:
            raise ValueError(
                f"{agent} returned {name} of shape {list(value.shape)} for an observation of shape "
                f"{list(jnp.shape(observation))}; [{needed}] is needed: it is called on one observation, not on a batch"
            )
    return AgentOutput(logits=logits, prediction=prediction)


def check_prediction(output: AgentOutput, prediction_size: int, agent: str) -> None:
    """Whether an agent predicts as many numbers as the rule needs.

    Raises:
        ValueError: it does not.
    """
    shape = list(output.prediction.shape)
    if shape != [prediction_size]:
        raise ValueError(
            f"{agent} returned a prediction of shape {shape}; [{prediction_size}] is needed, the size that the rule "
            "(and its baseline, if there is one) asks for"
        )


def kind_of(value: Any) -> str:
    """A value's type in few words, with shapes of arrays and lengths of tuples."""
    if hasattr(value, "dtype"):
        return f"array {value.dtype}{list(value.shape)}"
    return f"tuple of {len(value)}" if isinstance(value, tuple | list) else type(value).__name__


def _check(made: CustomAgent, agent: str, sizes: AgentSizes) -> None:
    """Traces the agent on one observation; nothing is computed."""
    dtype = jnp.int32 if sizes.num_states is not None else jnp.uint8 if sizes.is_bytes else jnp.float32
    seen = jax.ShapeDtypeStruct(sizes.observation_shape, dtype)
    try:
        output = jax.eval_shape(lambda made, x: to_output(eqx.combine(made.params, made.rest)(x), x, agent), made, seen)
    except TypeError as error:
        where = f"an observation {seen.dtype}{list(seen.shape)}"
        raise ValueError(f"{agent} cannot read {where} ({' '.join(str(error).split())})") from error
    if output.logits.shape != (sizes.num_actions,):
        raise ValueError(
            f"{agent} returned logits of shape {list(output.logits.shape)}; [{sizes.num_actions}] is needed, one for "
            "each action of the environment"
        )
    check_prediction(output, sizes.prediction_size, agent)
