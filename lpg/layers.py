"""Layers that agents and rules are made of: arrays in, arrays out, any leading axes."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
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
    """A 3 × 3 convolution as one matrix product: three rows of a map to one row, by a banded matrix.

    It multiplies by W/3 times more numbers than it must, zeros outside the band. But the product is large enough to run
    at full speed, rows are copied in one piece, nothing gets slow when every lifetime has weights of its own, and the
    derivatives of all orders are such products too. `benchmarks/convolution.py` compares it with other forms.

    Args:
        linear: weight [9 I, O]; rows are offsets (row by row), then input channels.
        x: channels last.
    """
    *batch, height, width, size = x.shape
    kernel = linear.weight.reshape(KERNEL, KERNEL, size, -1)
    offset = np.arange(width)[:, None] - np.arange(width) + 1
    takes = jnp.asarray(offset[..., None] == np.arange(KERNEL), x.dtype)
    band = jnp.einsum("vwj,ijco->ivcwo", takes, kernel).reshape(KERNEL * width * size, -1)
    padded = jnp.pad(x.reshape(-1, height, width * size), ((0, 0), (1, 1), (0, 0)))
    three = jnp.concatenate([padded[:, row : row + height] for row in range(KERNEL)], axis=-1)
    # On two axes all along: the compiler's loops over five of them are several times slower.
    flat = three.reshape(-1, KERNEL * width * size) @ band + jnp.tile(linear.bias, width)
    return flat.reshape(*batch, height, width, -1)
