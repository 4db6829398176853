"""An agent that is a network: convolutions, then dense layers, then one head for π and one for y."""

import dataclasses
import math
import re
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Num, PRNGKeyArray

from lpg.agents.images import as_floats, image_sizes, to_channels_last
from lpg.layers import KERNEL, Linear, convolve, init_linear
from lpg.types import AgentOutput

ATARI, ATARI_SMALL = "atari", "atari-small"
"""The names of the networks in `lpg.agents.atari`."""

Activation = Literal["relu", "tanh"]
_ACTIVATIONS = {"relu": jax.nn.relu, "tanh": jnp.tanh}


@dataclasses.dataclass(frozen=True)
class Architecture:
    """Widths of a torso: C(16)-D(32) has one 3 × 3 convolution of 16 channels and one dense layer of 32 units."""

    channels: tuple[int, ...]
    units: tuple[int, ...]
    activation: Activation = "relu"
    """Of the dense layers: D(32) has ReLU, T(32) tanh. Convolutions have ReLU."""


def parse_architecture(text: str) -> Architecture:
    """Reads `C(32-16-16)-D(256)`, `D(32)`, `T(64-64)` and the like.

    Raises:
        ValueError: the text has another form, or a width is zero.
    """
    matched = re.fullmatch(r"(?:C\((\d+(?:-\d+)*)\)-)?([DT])\((\d+(?:-\d+)*)\)", text)
    if matched is None:
        raise ValueError(
            f"agent {text!r} given; 'tabular', or a network such as 'D(32)', 'T(32)' or 'C(16)-D(32)' is needed"
        )
    channels, units = (tuple(int(n) for n in part.split("-")) if part else () for part in matched.group(1, 3))
    if 0 in channels + units:
        raise ValueError(f"agent {text!r} given; a layer needs at least one unit")
    return Architecture(channels=channels, units=units, activation="tanh" if matched[2] == "T" else "relu")


def is_faster_unbatched(agent: str) -> bool:
    """Whether agents run faster one after the other than batched: those with convolutions do so on CPUs.

    XLA's convolution on CPUs is up to ten times as fast with one kernel as with a batch of kernels.
    """
    return ("C(" in agent or agent in (ATARI, ATARI_SMALL)) and jax.default_backend() == "cpu"


class Network(eqx.Module):
    """θ as a network; π and y share the torso. Bytes are scaled to [0, 1]."""

    convolutions: tuple[Linear, ...]
    dense: tuple[Linear, ...]
    policy: Linear
    prediction: Linear
    observation_ndim: int = eqx.field(static=True)
    channels_last: bool = eqx.field(static=True, default=False)
    activation: Activation = eqx.field(static=True, default="relu")

    takes_batches = True

    def __call__(self, observation: Num[Array, " *batch_obs"]) -> AgentOutput:
        """Outputs for observations with any leading axes: images, or arrays that are read as a vector."""
        batch = observation.shape[: observation.ndim - self.observation_ndim]
        return jax.tree.map(lambda y: y.reshape(*batch, -1), self.heads(self._rows(observation)))

    def features(self, observation: Num[Array, " *batch_obs"]) -> Float[Array, " *batch F"]:
        """The last layer before the heads, for observations with any leading axes."""
        return self._rows(observation).reshape(*observation.shape[: observation.ndim - self.observation_ndim], -1)

    def _rows(self, observation: Num[Array, " *batch_obs"]) -> Float[Array, " N F"]:
        """The same with one leading axis."""
        shape = observation.shape[observation.ndim - self.observation_ndim :]
        x = as_floats(observation, self.policy.bias.dtype).reshape(-1, *shape)
        if self.convolutions:
            x = to_channels_last(x, self.observation_ndim, self.channels_last)
            for layer in self.convolutions:
                x = jax.nn.relu(convolve(layer, x))
        x = x.reshape(x.shape[0], -1)
        for layer in self.dense:
            x = _ACTIVATIONS[self.activation](layer(x))
        return x

    def heads(self, features: Float[Array, " *batch F"]) -> AgentOutput:
        """Outputs for what `features` gave."""
        return AgentOutput(logits=self.policy(features), prediction=self.prediction(features))


def init_network(
    key: PRNGKeyArray,
    architecture: Architecture,
    *,
    observation_shape: tuple[int, ...],
    num_actions: int,
    prediction_size: int,
    channels_last: bool = False,
) -> Network:
    """A network with an almost uniform policy and predictions of zero, for the reason that `init_table` gives.

    Torso weights are as He et al. (2015) recommend for ReLU.

    Args:
        observation_shape: of one observation; for convolutions [C, H, W] or [H, W].
        num_actions: A, the size of the policy's head.
        prediction_size: P, the size of the prediction's head.
        channels_last: images are [H, W, C].

    Raises:
        ValueError: convolutions are given, and observations have no rows and columns.
    """
    keys = iter(jax.random.split(key, len(architecture.channels) + len(architecture.units) + 2))
    convolutions: list[Linear] = []
    size = math.prod(observation_shape)
    if architecture.channels:
        size, *rows_and_columns = image_sizes(observation_shape, channels_last)
    for width in architecture.channels:
        convolutions.append(init_linear(next(keys), KERNEL**2 * size, width, scale=math.sqrt(2)))
        size = width
    if architecture.channels:
        size *= math.prod(rows_and_columns)
    dense = []
    for width in architecture.units:
        dense.append(init_linear(next(keys), size, width, scale=math.sqrt(2)))
        size = width
    return Network(
        convolutions=tuple(convolutions),
        dense=tuple(dense),
        policy=init_linear(next(keys), size, num_actions, scale=0.01),
        prediction=init_linear(next(keys), size, prediction_size, scale=0.0),
        observation_ndim=len(observation_shape),
        channels_last=channels_last,
        activation=architecture.activation,
    )
