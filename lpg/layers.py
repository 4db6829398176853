"""Layers shared by agents and rules; all accept any leading batch axes."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

KERNEL = 3
"""Kernel size of every convolution; stride 1 and zero padding keep height and width."""


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
    """A 3 × 3 convolution as one matrix product with a banded matrix that maps three rows of a map to one row.

    It does W/3 times as many multiplications as necessary (zeros outside the band). On a CPU it is still the fastest
    form here: the product is large, rows are copied contiguously, a batch of lifetimes with different weights stays
    fast, and derivatives of all orders are again such products. `benchmarks/convolution.py` compares the alternatives.

    Args:
        linear: weight [9 I, O]; rows are ordered by offset (row by row), then by input channel.
        x: channels last.

    Returns:
        Map of the same height and width, plus bias.
    """
    *batch, height, width, size = x.shape
    kernel = linear.weight.reshape(KERNEL, KERNEL, size, -1)
    offset = np.arange(width)[:, None] - np.arange(width) + 1
    is_tap = jnp.asarray(offset[..., None] == np.arange(KERNEL), x.dtype)
    band = jnp.einsum("vwj,ijco->ivcwo", is_tap, kernel).reshape(KERNEL * width * size, -1)
    padded = jnp.pad(x.reshape(-1, height, width * size), ((0, 0), (1, 1), (0, 0)))
    three = jnp.concatenate([padded[:, row : row + height] for row in range(KERNEL)], axis=-1)
    # Two axes throughout: XLA's loops over five axes are several times slower.
    flat = three.reshape(-1, KERNEL * width * size) @ band + jnp.tile(linear.bias, width)
    return flat.reshape(*batch, height, width, -1)
