"""Pictures of observations, for environments that `render` does not draw: planes, pixels, numbers, state indices."""

import math
from typing import Any

import numpy as np
from jaxtyping import UInt8

SIDE = 320
"""Pixels of the longer side, about."""
FLOOR, INK, LINE = (247, 248, 249), (31, 41, 51), (221, 226, 231)
PLANES = ((19, 128, 106), (209, 73, 91), (47, 109, 181), (201, 120, 29), (156, 61, 122), (91, 140, 42), (31, 162, 166))
"""Colours of planes, from the first; later ones lie on top."""

Pixels = UInt8[np.ndarray, "H W 3"]


def observation_image(observation: Any, num_states: int | None = None) -> Pixels:
    """A picture of one observation.

    Args:
        observation: a state index; numbers [N]; planes [C, rows, columns]; or pixels, which are bytes: grey
            [H, W], coloured [H, W, 3], or a stack of grey ones [C, H, W], of which the last and newest is shown.
        num_states: number of states, if the observation is a state index.
    """
    seen = np.asarray(observation)
    if seen.ndim == 0:
        return _enlarged(_state(int(seen), num_states or int(seen) + 1))
    if seen.dtype == np.uint8 and seen.ndim >= 2:
        return _enlarged(_pixels(seen))
    if seen.ndim == 3:
        return _enlarged(_planes(seen))
    return _bars(seen.reshape(-1).astype(float))


def _state(number: int, num_states: int) -> Pixels:
    """The states side by side, in rows as long as there are rows where they are many; the one is dark."""
    columns = num_states if num_states <= 40 else math.ceil(math.sqrt(num_states))
    cells = np.full((math.ceil(num_states / columns) * columns, 3), LINE, np.uint8)
    cells[:num_states:2], cells[1:num_states:2] = FLOOR, LINE
    cells[number] = INK
    return cells.reshape(-1, columns, 3)


def _pixels(seen: np.ndarray) -> Pixels:
    if seen.ndim == 3 and seen.shape[-1] == 3:
        return seen
    grey = seen if seen.ndim == 2 else seen[-1]
    return np.repeat(grey[..., None], 3, axis=-1)


def _planes(seen: np.ndarray) -> Pixels:
    """A colour for each plane, the paler the smaller its number in a cell is."""
    picture = np.full((*seen.shape[1:], 3), FLOOR, float)
    strength = np.clip(np.abs(seen) / max(float(np.abs(seen).max()), 1.0), 0, 1)[..., None]
    for number, plane in enumerate(strength):
        picture = (1 - plane) * picture + plane * PLANES[number % len(PLANES)]
    return picture.astype(np.uint8)


def _bars(numbers: np.ndarray) -> Pixels:
    """A bar for each number, up or down from the middle; x/(1 + |x|) keeps all of them inside and the scale fixed."""
    half, width = SIDE // 4, max(SIDE // max(len(numbers), 1), 2)
    picture = np.full((2 * half + 1, width * len(numbers), 3), FLOOR, np.uint8)
    for number, height in enumerate(np.nan_to_num(numbers / (1 + np.abs(numbers))) * half):
        low, high = sorted((half, half - round(height)))
        picture[low : high + 1, number * width + 1 : (number + 1) * width] = PLANES[2] if height > 0 else PLANES[1]
    picture[half] = INK
    return picture


def _enlarged(cells: UInt8[np.ndarray, "rows columns 3"]) -> Pixels:
    times = max(SIDE // max(cells.shape[:2]), 1)
    return np.repeat(np.repeat(cells, times, axis=0), times, axis=1)
