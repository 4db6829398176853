"""Convolutional networks for Atari, with π and y on one torso: that of the paper, and one of a third of its work."""

import dataclasses
import functools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Num, PRNGKeyArray

from lpg.agents.images import as_floats, image_sizes, to_channels_last
from lpg.agents.network import ATARI, ATARI_SMALL
from lpg.layers import Linear, init_linear
from lpg.types import AgentOutput


@dataclasses.dataclass(frozen=True)
class Torso:
    """Convolutions without padding, then one dense layer."""

    convolutions: tuple[tuple[int, int, int], ...]
    """(channels, side of the kernel, stride) of each."""
    units: int


TORSOS = {
    ATARI: Torso(((32, 8, 4), (64, 4, 2), (64, 3, 1)), 512),
    ATARI_SMALL: Torso(((16, 8, 4), (32, 4, 2)), 256),
}
"""By the agent's name.

Differs from the paper: it gives only the widths C(32)-C(64)-C(64)-D(512). Kernels and strides are those of Mnih et al.
(2015), whose network has these widths. The small one, C(16)-C(32)-D(256), is that of Mnih et al. (2016): 3.0 million
multiplications for four frames of 84 × 84 pixels in place of 9.3 million.
"""
LEAST_SIDE = 36
"""Pixels; smaller images leave no pixel for the last convolution of the larger one."""


class Convolution(eqx.Module):
    """A strided convolution without padding, as one matrix product.

    The compiler's own convolution falls back to a form fifteen times slower inside of a loop on CPUs, as in several
    epochs for each rollout, and its gradient in the weights of the first layer takes five times as long as the layer.
    Products are fast in both.
    """

    kernel: Float[Array, " K K I O"]
    bias: Float[Array, " O"]
    stride: int = eqx.field(static=True)

    def __call__(self, x: Float[Array, " N H W I"]) -> Float[Array, " N H2 W2 O"]:
        """Channels are last; K is a multiple of the stride."""
        form = self._of_neighbourhoods if self.stride == 1 else self._of_blocks
        return form(x) + self.bias

    def _of_blocks(self, x: Float[Array, " N H W I"]) -> Float[Array, " N H2 W2 O"]:
        """Blocks of stride × stride pixels are the rows of the product. A kernel covers n × n of them; their shares of
        the result are shifted and summed, so that no pixel is copied more than once.
        """
        side, _, size, channels = self.kernel.shape
        num, n = x.shape[0], side // self.stride
        rows, columns = ((length - side) // self.stride + 1 for length in x.shape[1:3])
        high, wide = rows + n - 1, columns + n - 1
        blocks = x[:, : high * self.stride, : wide * self.stride]
        blocks = blocks.reshape(num, high, self.stride, wide, self.stride * size).swapaxes(2, 3)
        kernel = self.kernel.reshape(n, self.stride, n, self.stride, size, channels).transpose(1, 3, 4, 0, 2, 5)
        shares = blocks.reshape(-1, self.stride**2 * size) @ kernel.reshape(self.stride**2 * size, -1)
        # Not an axis more than necessary: XLA's loops over six axes are half as fast.
        shares = shares.reshape(num, high, wide, -1)
        places = [(i, j) for i in range(n) for j in range(n)]
        parts = [
            shares[:, i : i + rows, j : j + columns, k * channels : (k + 1) * channels]
            for k, (i, j) in enumerate(places)
        ]
        return functools.reduce(jnp.add, parts)

    def _of_neighbourhoods(self, x: Float[Array, " N H W I"]) -> Float[Array, " N H2 W2 O"]:
        """Every pixel's neighbourhood is copied out; with blocks of one pixel, edges would have many unused shares."""
        side, _, size, channels = self.kernel.shape
        rows, columns = (length - side + 1 for length in x.shape[1:3])
        shifted = [x[:, i : i + rows, j : j + columns] for i in range(side) for j in range(side)]
        product = jnp.concatenate(shifted, axis=-1).reshape(-1, side**2 * size) @ self.kernel.reshape(-1, channels)
        return product.reshape(x.shape[0], rows, columns, channels)


class AtariNetwork(eqx.Module):
    """θ for images: strided convolutions, one dense layer, heads for π and y. Bytes are scaled to [0, 1]."""

    convolutions: tuple[Convolution, ...]
    dense: Linear
    policy: Linear
    prediction: Linear
    image_ndim: int = eqx.field(static=True, default=3)
    channels_last: bool = eqx.field(static=True, default=False)

    takes_batches = True

    def __call__(self, observation: Num[Array, " *batch_image"]) -> AgentOutput:
        """Outputs for images with any leading axes, a stack of frames each for example."""
        batch = observation.shape[: observation.ndim - self.image_ndim]
        x = observation.reshape(-1, *observation.shape[len(batch) :])
        x = to_channels_last(x, self.image_ndim, self.channels_last)
        x = as_floats(x, self.dense.bias.dtype)
        for layer in self.convolutions:
            x = jax.nn.relu(layer(x))
        x = jax.nn.relu(self.dense(x.reshape(x.shape[0], -1))).reshape(*batch, -1)
        return AgentOutput(logits=self.policy(x), prediction=self.prediction(x))


def init_atari(
    key: PRNGKeyArray,
    torso: Torso,
    *,
    observation_shape: tuple[int, ...],
    num_actions: int,
    prediction_size: int,
    channels_last: bool = False,
) -> AtariNetwork:
    """A network with an almost uniform policy and predictions of zero; torso weights as He et al. (2015) recommend.

    Args:
        torso: one of `TORSOS`.
        observation_shape: [C, H, W] or [H, W], (4, 84, 84) for example.
        num_actions: A, the size of the policy's head.
        prediction_size: P, the size of the prediction's head.
        channels_last: images are [H, W, C].

    Raises:
        ValueError: observations are not images, or too small ones.
    """
    size, *sides = image_sizes(observation_shape, channels_last)
    if min(sides) < LEAST_SIDE:
        raise ValueError(
            f"observations of shape {list(observation_shape)} given; the Atari network needs images with at least "
            f"{LEAST_SIDE} rows and columns"
        )
    *keys, key_dense, key_policy, key_prediction = jax.random.split(key, len(torso.convolutions) + 3)
    convolutions = []
    for key_layer, (channels, side, stride) in zip(keys, torso.convolutions, strict=True):
        scale = math.sqrt(2 / (side * side * size))
        kernel = scale * jax.random.normal(key_layer, (side, side, size, channels))
        convolutions.append(Convolution(kernel=kernel, bias=jnp.zeros((channels,)), stride=stride))
        size, sides = channels, [(n - side) // stride + 1 for n in sides]
    return AtariNetwork(
        convolutions=tuple(convolutions),
        dense=init_linear(key_dense, size * math.prod(sides), torso.units, scale=math.sqrt(2)),
        policy=init_linear(key_policy, torso.units, num_actions, scale=0.01),
        prediction=init_linear(key_prediction, torso.units, prediction_size, scale=0.0),
        image_ndim=len(observation_shape),
        channels_last=channels_last,
    )
