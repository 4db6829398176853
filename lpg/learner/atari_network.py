"""The convolutional network of the Atari experiments: C(32)-C(64)-C(64)-D(512), π and y on one torso."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Num, PRNGKeyArray

from lpg.layers import Linear, init_linear
from lpg.types import AgentOutput

ENVS = ((32, 8, 4), (64, 4, 2), (64, 3, 1))
"""(channels, side of the kernel, stride) of each convolution."""
UNITS = 512
LEAST_SIDE = 36
"""Pixels: with fewer, nothing is left for the last convolution."""


class Convolution(eqx.Module):
    """A strided convolution without padding."""

    kernel: Float[Array, " K K I O"]
    bias: Float[Array, " O"]
    stride: int = eqx.field(static=True)

    def __call__(self, x: Float[Array, " H W I"]) -> Float[Array, " H2 W2 O"]:
        """Channels last, which is what CPUs like best."""
        strides, layout = (self.stride, self.stride), ("NHWC", "HWIO", "NHWC")
        return jax.lax.conv_general_dilated(x[None], self.kernel, strides, "VALID", dimension_numbers=layout)[0] + (
            self.bias
        )


class AtariNetwork(eqx.Module):
    """θ for images: three strided convolutions, one dense layer, a head for π and one for y.

    Differs from the paper: it gives the widths alone. Kernels and strides are those of Mnih et al. (2015), whose
    network has these widths.
    """

    convolutions: tuple[Convolution, ...]
    dense: Linear
    policy: Linear
    prediction: Linear

    def __call__(self, observation: Num[Array, " C H W"]) -> AgentOutput:
        """Outputs for one stack of frames, channels first; bytes are scaled to [0, 1]."""
        x = jnp.moveaxis(observation, 0, -1)
        x = x.astype(self.dense.bias.dtype) / (255.0 if observation.dtype == jnp.uint8 else 1.0)
        for layer in self.convolutions:
            x = jax.nn.relu(layer(x))
        x = jax.nn.relu(self.dense(x.reshape(-1)))
        return AgentOutput(logits=self.policy(x), prediction=self.prediction(x))


def init_atari(
    key: PRNGKeyArray, *, observation_shape: tuple[int, ...], num_actions: int, prediction_size: int
) -> AtariNetwork:
    """A network with an almost uniform policy and predictions of zero; torso weights as He et al. (2015) advise.

    Args:
        observation_shape: [channels, rows, columns], (4, 84, 84) say.

    Raises:
        ValueError: observations have no channels, rows and columns, or too few of the latter.
    """
    if len(observation_shape) != 3 or min(observation_shape[1:]) < LEAST_SIDE:
        raise ValueError(
            f"observations of shape {list(observation_shape)} given; the Atari network needs [channels, rows, columns] "
            f"with at least {LEAST_SIDE} rows and columns"
        )
    *keys, key_dense, key_policy, key_prediction = jax.random.split(key, len(ENVS) + 3)
    (size, *sides), convolutions = observation_shape, []
    for key_layer, (channels, side, stride) in zip(keys, ENVS, strict=True):
        scale = math.sqrt(2 / (side * side * size))
        kernel = scale * jax.random.normal(key_layer, (side, side, size, channels))
        convolutions.append(Convolution(kernel=kernel, bias=jnp.zeros((channels,)), stride=stride))
        size, sides = channels, [(n - side) // stride + 1 for n in sides]
    return AtariNetwork(
        convolutions=tuple(convolutions),
        dense=init_linear(key_dense, size * math.prod(sides), UNITS, scale=math.sqrt(2)),
        policy=init_linear(key_policy, UNITS, num_actions, scale=0.01),
        prediction=init_linear(key_prediction, UNITS, prediction_size, scale=0.0),
    )
