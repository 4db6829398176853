"""Agents ready to use: a table, a network with or without small convolutions, and the network of the Atari games."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Num, PRNGKeyArray

from lpg.agents.network import Network, init_network, parse_architecture
from lpg.agents.tabular import Table, init_table
from lpg.learner.agent import Agent
from lpg.learner.atari_network import LEAST_SIDE, AtariNetwork, init_atari
from lpg.types import AgentOutput
from lpg.update_rules.base import Rule

ATARI = "atari"
"""The name of the Atari network among agents, beside 'tabular' and 'C(16)-D(32)'."""
MAX_CHANNELS = 16
"""An axis is taken for the channels of an image only up to this size."""


def table(rule: Rule, *, num_states: int, num_actions: int, baseline: bool = False) -> Agent:
    """A row of preferences and predictions per state; for observations that number states.

    Args:
        rule: says how many predictions there are; all begin at zero.
        baseline: one prediction more, see `lpg.learner.baseline`.
    """

    def init(key: PRNGKeyArray) -> Table:
        del key
        return init_table(
            num_states=num_states, num_actions=num_actions, prediction_size=rule.prediction_size + baseline
        )

    return Agent(init, _call)


def network(
    rule: Rule, architecture: str, *, observation_shape: tuple[int, ...], num_actions: int, baseline: bool = False
) -> Agent:
    """A network by its widths, `D(64-64)` or `C(16)-D(32)`, or `atari`; for observations that are arrays.

    Images are those with three axes (or two: a single channel); their channels may come first or last. Bytes are
    scaled to [0, 1].

    Args:
        rule: says how many predictions there are; all begin at zero.
        observation_shape: of one observation.
        baseline: one prediction more, see `lpg.learner.baseline`.

    Raises:
        ValueError: the name is none of these, or convolutions were asked for where there is no image.
    """
    wants_image = architecture == ATARI or bool(parse_architecture(architecture).channels)
    if wants_image and len(observation_shape) not in (2, 3):
        raise ValueError(
            f"agent {architecture!r} has convolutions; observations here have shape {list(observation_shape)} and no "
            "rows and columns, so give a dense one, 'D(64-64)' say"
        )
    shape = _planes(observation_shape) if wants_image else (math.prod(observation_shape),)

    def init(key: PRNGKeyArray) -> Network | AtariNetwork:
        sizes = {
            "observation_shape": shape,
            "num_actions": num_actions,
            "prediction_size": rule.prediction_size + baseline,
        }
        if architecture == ATARI:
            return init_atari(key, **sizes)  # type: ignore[arg-type]
        return init_network(key, parse_architecture(architecture), **sizes)  # type: ignore[arg-type]

    jax.eval_shape(init, jax.random.key(0))  # says now what does not fit

    def apply(params: Callable, observation: Num[Array, " *obs"]) -> AgentOutput:
        x = to_planes(observation) if wants_image else observation.reshape(-1)
        return params(x if architecture == ATARI else as_floats(x))

    return Agent(init, apply)


def fitting_architecture(observation_shape: tuple[int, ...]) -> str:
    """The network that one would try first: the Atari one for large images, small convolutions for small ones."""
    if len(observation_shape) not in (2, 3):
        return "D(64-64)"
    return ATARI if min(_planes(observation_shape)[1:]) >= LEAST_SIDE else "C(16)-D(32)"


def to_planes(image: Num[Array, " *image"]) -> Num[Array, " C H W"]:
    """An image with its channels first. One without channels gets a single one."""
    if image.ndim == 2:
        return image[None]
    return jnp.moveaxis(image, -1, 0) if _channels_last(image.shape) else image


def as_floats(x: Num[Array, " *obs"]) -> Num[Array, " *obs"]:
    """Floating-point numbers; bytes are taken for pixels and scaled to [0, 1]."""
    floats = x.astype(jnp.result_type(float))
    return floats / 255.0 if x.dtype == jnp.uint8 else floats


def _channels_last(shape: tuple[int, ...]) -> bool:
    """The channels are the smaller one of the outer axes; Gymnasium's images have them last, so they win a tie."""
    return shape[-1] <= min(shape[0], MAX_CHANNELS)


def _planes(shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(shape) == 2:
        return (1, *shape)
    return (shape[-1], *shape[:-1]) if _channels_last(shape) else shape


def _call(params: Callable, observation: Array) -> AgentOutput:
    return params(observation)
