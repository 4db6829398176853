"""Observations of Gymnasium's spaces as agents read them: state indices, vectors or images."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lpg.agents.images import has_channels_last
from lpg.packages import import_optional

Read = Callable[[Any], np.ndarray]
"""One of the environment's observations, or a batch of them → a fresh array with the same leading axes."""


@dataclasses.dataclass(frozen=True)
class Observations:
    """What an agent sees of an environment."""

    shape: tuple[int, ...]
    """Of one observation, as the agent reads it; () for state indices."""
    num_states: int | None
    """Number of states where observations are their indices, counted from 0; None where they are arrays."""
    is_bytes: bool
    """Observations are pixels from 0 to 255."""
    channels_last: bool
    """Images are [rows, columns, channels]."""
    read: Read
    """State indices as int32, pixels as bytes, all else as float32."""


def observations_of(space: Any, name: str) -> Observations:
    """How to read observations of a space.

    Discrete spaces are states. A Box or MultiBinary is taken as it is; with four axes it is a stack of pictures, whose
    frames become channels. Everything else is flattened into a vector: numbers in order, choices as one-hot vectors,
    members of Dict and Tuple one after the other, pixels scaled to [0, 1].

    Args:
        name: of the environment, for errors.

    Raises:
        ValueError: the space has a part that is no array of numbers.
    """
    spaces = import_optional("gymnasium", name).spaces
    if isinstance(space, spaces.Discrete):
        count, first = int(space.n), int(space.start)
        return Observations((), count, False, False, lambda seen: _indices(seen, first, count, name))
    if isinstance(space, spaces.Box | spaces.MultiBinary) and np.prod(space.shape):
        return _arrays(tuple(space.shape), space.dtype == np.uint8, name)
    size, flatten = _flattened(space, spaces, name, "")
    if not size:
        raise ValueError(f"{name} has observations {brief(space)} without any number; agents need some")
    return Observations((size,), None, False, False, lambda seen: _finite(flatten(seen), name))


def brief(space: Any) -> str:
    """A space in few words, because a Box prints all its bounds."""
    text = " ".join(str(space).split())
    return text if len(text) <= 80 else f"{type(space).__name__}{getattr(space, 'shape', None) or ''}"


def _arrays(shape: tuple[int, ...], is_bytes: bool, name: str) -> Observations:
    dtype = np.uint8 if is_bytes else np.float32

    def read(seen: Any) -> np.ndarray:
        # Always a copy: some environments write every step into the same array.
        return _finite(np.array(seen, dtype), name)

    if len(shape) != 4:
        return Observations(shape, None, is_bytes, has_channels_last(shape), read)
    frames, *picture = shape
    if has_channels_last(tuple(picture)):
        rows, columns, channels = picture
        stacked: tuple[int, ...] = (rows, columns, frames * channels)

        def stack(seen: Any) -> np.ndarray:
            values = np.moveaxis(read(seen), -4, -2)
            return values.reshape(*values.shape[:-4], *stacked)

        return Observations(stacked, None, is_bytes, True, stack)
    channels, rows, columns = picture
    planes = (frames * channels, rows, columns)

    def join(seen: Any) -> np.ndarray:
        values = read(seen)
        return values.reshape(*values.shape[:-4], *planes)

    return Observations(planes, None, is_bytes, False, join)


def _flattened(space: Any, spaces: Any, name: str, where: str) -> tuple[int, Read]:
    """How many numbers a space has, and how to read them: observations → [..., numbers]."""
    if isinstance(space, spaces.Discrete):
        count, first = int(space.n), int(space.start)
        return count, lambda seen: _one_hot(_indices(seen, first, count, name), count)
    if isinstance(space, spaces.MultiDiscrete):
        counts, first = [int(count) for count in np.ravel(space.nvec)], space.start

        def choices(seen: Any) -> np.ndarray:
            values = np.asarray(np.asarray(seen) - first)
            flat = values.reshape(*values.shape[: values.ndim - space.nvec.ndim], -1)
            return np.concatenate([
                _one_hot(_indices(flat[..., part], 0, count, name), count) for part, count in enumerate(counts)
            ], axis=-1)  # fmt: skip

        return sum(counts), choices
    if isinstance(space, spaces.Box | spaces.MultiBinary):
        size, ndim, scale = int(np.prod(space.shape)), len(space.shape), 255 if space.dtype == np.uint8 else 1

        def numbers(seen: Any) -> np.ndarray:
            values = np.asarray(seen, np.float32)
            return values.reshape(*values.shape[: values.ndim - ndim], size) / scale

        return size, numbers
    if isinstance(space, spaces.Dict):
        return _joined({key: part for key, part in space.spaces.items()}, spaces, name, where)
    if isinstance(space, spaces.Tuple):
        return _joined(dict(enumerate(space.spaces)), spaces, name, where)
    part = f" in {where!r}" if where else ""
    raise ValueError(
        f"{name} has observations {brief(space)}{part}; numbers are needed: leave that part out by a wrapper, "
        "gymnasium.wrappers.FilterObservation say"
    )


def _joined(parts: dict[Any, Any], spaces: Any, name: str, where: str) -> tuple[int, Read]:
    """Members of a Dict or a Tuple, one after the other."""
    found = {key: _flattened(part, spaces, name, f"{where}.{key}".strip(".")) for key, part in parts.items()}

    def read(seen: Any) -> np.ndarray:
        return np.concatenate([flatten(seen[key]) for key, (_, flatten) in found.items()], axis=-1)

    return sum(size for size, _ in found.values()), read


def _one_hot(index: np.ndarray, count: int) -> np.ndarray:
    return (index[..., None] == np.arange(count)).astype(np.float32)


def _indices(seen: Any, first: int, count: int, name: str) -> np.ndarray:
    """Counted from 0.

    Raises:
        ValueError: one is not of its space.
    """
    values = np.asarray(np.asarray(seen) - first, np.int32)
    if values.size and not 0 <= values.min() <= values.max() < count:
        wrong = values[(values < 0) | (values >= count)].flat[0] if values.ndim else values
        raise ValueError(
            f"{name} showed state {wrong + first}; its space has the numbers {first} to {first + count - 1}"
        )
    return values


def _finite(values: np.ndarray, name: str) -> np.ndarray:
    """The same array.

    Raises:
        ValueError: a number is not finite.
    """
    if values.dtype != np.uint8 and not np.isfinite(values).all():
        bad: Sequence = values[~np.isfinite(values)]
        raise ValueError(f"{name} showed an observation with {bad[0]}; all numbers of observations must be finite")
    return values
