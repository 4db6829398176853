"""Layers that agents and rules are made of: arrays in, arrays out, any leading axes."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

KERNEL = 3
"""Side of every convolution's kernel; stride 1, zero padding, so that maps keep their size."""


class Linear(eqx.Module):
    """x W + b over the last axis."""

    weight: Float[Array, " I O"]
    bias: Float[Array, " O"]

    def __call__(self, x: Float[Array, " *batch I"]) -> Float[Array, " *batch O"]:
        """Applies the map to the last axis."""
        return x @ self.weight + self.bias


def init_linear(key: PRNGKeyArray, input_size: int, output_size: int, scale: float = 1.0) -> Linear:
    """Weights from N(0, scale²/input_size), zero bias."""
    weight = scale / math.sqrt(input_size) * jax.random.normal(key, (input_size, output_size))
    return Linear(weight=weight, bias=jnp.zeros((output_size,)))


def convolve(linear: Linear, x: Float[Array, " *batch H W I"]) -> Float[Array, " *batch H W O"]:
    """A 3 × 3 convolution as one matrix product over patches.

    With different weights in every lifetime the compiler's own convolution is slow on CPUs: for 16 channels over 1,280
    maps of 11 × 11 its gradient in the weights took twice as long as this one's in a trial on one core.

    Args:
        linear: weight [9 I, O]; rows are offsets (row by row), then input channels.
        x: channels last.
    """
    height, width = x.shape[-3:-1]
    padded = jnp.pad(x, [(0, 0)] * (x.ndim - 3) + [(1, 1), (1, 1), (0, 0)])
    shifted = [
        padded[..., row : row + height, column : column + width, :] for row in range(KERNEL) for column in range(KERNEL)
    ]
    return linear(jnp.concatenate(shifted, axis=-1))
