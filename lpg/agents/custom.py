"""Agents of one's own, named as `module:factory`."""

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
    """What a factory must know to make an agent."""

    observation_shape: tuple[int, ...]
    """Of one observation; () where observations are the numbers of states."""
    num_states: int | None
    """How many states observations number; none where they are arrays."""
    num_actions: int
    """A: how many preferences the policy has."""
    prediction_size: int
    """P: how many numbers the rule wants predicted. They had better begin at zero, as those of other agents do."""
    is_bytes: bool = False
    """Observations are pixels from 0 to 255, as they come from a game."""


class CustomAgent(eqx.Module):
    """A module of anybody's, as θ: only what can be learned is a leaf."""

    params: PyTree
    """The floating-point arrays of the module."""
    rest: Any = eqx.field(static=True)
    """Everything else in it, activation functions say."""

    def __call__(self, observation: Shaped[Any, " *obs"]) -> AgentOutput:
        """Outputs for one observation."""
        return eqx.combine(self.params, self.rest)(observation)


def is_custom(agent: str) -> bool:
    """Whether an agent's name is `module:factory`."""
    return ":" in agent


def init_custom(key: PRNGKeyArray, name: str, sizes: AgentSizes) -> CustomAgent:
    """A fresh agent of one's own.

    Args:
        name: `module:factory`; the factory is called with a key and `AgentSizes`, and makes an Equinox module whose
            call maps one observation to an `AgentOutput`.

    Raises:
        ValueError: there is no such factory, or what it makes is no agent for this rule and environment.
    """
    module = import_factory(name)(key, sizes)
    if not isinstance(module, eqx.Module) or not callable(module):
        raise ValueError(f"{name!r} made a {type(module).__name__}; an Equinox module that can be called is needed")
    params, rest = eqx.partition(module, eqx.is_inexact_array)
    if arrays := [leaf for leaf in jax.tree.leaves(rest) if eqx.is_array(leaf)]:
        raise ValueError(
            f"{name!r} made an agent with an array of {arrays[0].dtype}; floating-point ones are needed, because all "
            "arrays of an agent learn"
        )
    made = CustomAgent(params=params, rest=rest)
    _check_outputs(made, name, sizes)
    return made


def _check_outputs(made: CustomAgent, name: str, sizes: AgentSizes) -> None:
    """Shapes are known before anything is computed."""
    dtype = jnp.int32 if sizes.num_states is not None else jnp.uint8 if sizes.is_bytes else jnp.float32
    seen = jax.ShapeDtypeStruct(sizes.observation_shape, dtype)
    try:
        output = jax.eval_shape(lambda agent, x: eqx.combine(agent.params, agent.rest)(x), made, seen)
    except TypeError as error:
        where = f"an observation {seen.dtype}{list(seen.shape)}"
        raise ValueError(f"agent {name!r} cannot read {where} ({' '.join(str(error).split())})") from error
    if not isinstance(output, AgentOutput):
        raise ValueError(f"agent {name!r} returned a {type(output).__name__}; an lpg.types.AgentOutput is needed")
    for part, needed, why in (
        ("logits", sizes.num_actions, "one preference for each action of the environment"),
        ("prediction", sizes.prediction_size, "the size that the rule asks for"),
    ):
        shape = getattr(output, part).shape
        if shape != (needed,):
            raise ValueError(f"agent {name!r} returned {part} of shape {list(shape)}; [{needed}] is needed, {why}")
