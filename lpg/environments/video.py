"""Animated GIFs of pictures with captions."""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from lpg.files import write_atomic

MILLISECONDS, LAST_MILLISECONDS = 80, 1500
"""How long a picture is shown; the last one longer, so that the end can be seen."""
COLOURS = 64
CAPTION_HEIGHT = 22


def write_gif(path: Path, frames: Iterable[tuple[UInt8[np.ndarray, "H W 3"], str]]) -> int:
    """Writes a video that loops; the file is complete or absent.

    Args:
        frames: pictures of one size, each with a caption, which stands below it. Captions must differ from one frame to
            the next: of two frames that are equal to the last pixel, GIF keeps one.

    Returns:
        How many frames it has.

    Raises:
        ValueError: the file's name does not end in .gif.
        OSError: nothing could be written.
    """
    check_name(path)
    # Imported here: most programs never draw.
    from PIL import Image, ImageDraw

    images: list[Any] = []
    for picture, caption in frames:
        if not images:
            # Later captions have a few digits more.
            text_width = ImageDraw.Draw(Image.new("RGB", (1, 1))).textlength(caption)
            width = max(picture.shape[1], int(1.3 * text_width) + 12)
        canvas = Image.new("RGB", (width, picture.shape[0] + CAPTION_HEIGHT), "white")
        canvas.paste(Image.fromarray(np.ascontiguousarray(picture)), (0, 0))
        ImageDraw.Draw(canvas).text((6, picture.shape[0] + 5), caption, fill="black")
        images.append(canvas.quantize(COLOURS))
    durations = [MILLISECONDS] * (len(images) - 1) + [LAST_MILLISECONDS]
    content = io.BytesIO()
    images[0].save(content, "GIF", save_all=True, append_images=images[1:], duration=durations, loop=0)
    write_atomic(path, content.getvalue())
    return len(images)


def check_name(path: Path) -> None:
    """Checks the name of a video before a long episode is played.

    Raises:
        ValueError: it does not end in .gif.
    """
    if path.suffix.lower() != ".gif":
        raise ValueError(f"{path}: an episode is drawn as an animated GIF; give a name that ends in .gif")
