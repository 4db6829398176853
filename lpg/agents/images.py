"""Images as observations: [channels, rows, columns], [rows, columns, channels] or [rows, columns]."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float, Num

MAX_CHANNELS = 16
"""`has_channels_last` takes an axis for the channels only up to this size."""


def has_channels_last(shape: tuple[int, ...]) -> bool:
    """Where the channels of an image probably are: beside two equal axes, which are rows and columns; else on the
    smaller one of the outer axes, on the last one in a tie.

    Gymnasium's images have their channels last.
    """
    if len(shape) == 3 and shape[1] in (shape[0], shape[2]) and shape[0] != shape[2]:
        return shape[0] == shape[1]
    return len(shape) == 3 and shape[-1] <= min(shape[0], MAX_CHANNELS)


def image_sizes(shape: tuple[int, ...], channels_last: bool) -> tuple[int, int, int]:
    """Channels, rows and columns.

    Raises:
        ValueError: the shape has neither two nor three axes.
    """
    if len(shape) not in (2, 3):
        raise ValueError(
            f"convolutions need observations [planes, rows, columns]; here they are {list(shape)}, so give a dense "
            "network, 'D(32)' say"
        )
    if len(shape) == 2:
        return (1, *shape)  # type: ignore[return-value]
    return (shape[-1], *shape[:-1]) if channels_last else shape  # type: ignore[return-value]


def to_channels_last(
    x: Num[Array, " *batch_image"], image_ndim: int, channels_last: bool
) -> Num[Array, " *batch H W C"]:
    """Images with channels on the last axis; those without channels get one.

    Args:
        image_ndim: axes of one image, 2 or 3.
        channels_last: whether they are there already.
    """
    if image_ndim == 2:
        return x[..., None]
    return x if channels_last else jnp.moveaxis(x, -3, -1)


def as_floats(x: Num[Array, " *any"], dtype: Any) -> Float[Array, " *any"]:
    """Floating-point numbers; bytes are taken as pixels and scaled to [0, 1]."""
    return x.astype(dtype) / 255.0 if x.dtype == jnp.uint8 else x.astype(dtype)
