"""Films: as many frames as were given, each with its caption, or no file at all."""

import numpy as np
import pytest
from PIL import Image

from lpg.environments.video import CAPTION_HEIGHT, write_gif

BLANK = np.full((40, 120, 3), 200, np.uint8)


def frames_of(path):
    with Image.open(path) as video:
        for number in range(video.n_frames):
            video.seek(number)
            yield np.asarray(video.convert("RGB")).astype(int)


def test_no_frame_is_lost_even_if_only_the_caption_differs(tmp_path):
    path = tmp_path / "video.gif"
    assert write_gif(path, ((BLANK, f"step {number}") for number in range(5))) == 5
    found = list(frames_of(path))
    assert len(found) == 5 and found[0].shape == (40 + CAPTION_HEIGHT, 120, 3)
    assert all((one != other).any() for one, other in zip(found, found[1:], strict=False))
    # The pictures above the captions are all alike; colours of a GIF are a choice of 64.
    assert all(np.abs(one[:40] - 200).max() <= 8 for one in found)
    assert [file.name for file in tmp_path.iterdir()] == ["video.gif"]


def test_the_last_frame_stays_longer(tmp_path):
    path = tmp_path / "video.gif"
    write_gif(path, [(BLANK, "a"), (BLANK, "b")])
    with Image.open(path) as video:
        durations = []
        for number in (0, 1):
            video.seek(number)
            durations.append(video.info["duration"])
    assert durations == [80, 1500]


def test_another_kind_of_file_is_refused_before_anything_is_drawn(tmp_path):
    def never():
        raise AssertionError("drawn")
        yield

    with pytest.raises(ValueError, match=r"video.png: .* ends in .gif"):
        write_gif(tmp_path / "video.png", never())


def test_a_caption_that_is_wider_than_the_picture_is_not_cut(tmp_path):
    path, caption = tmp_path / "video.gif", "step 1: return 123.4, " * 3
    write_gif(path, [(BLANK[:, :30], caption), (BLANK[:, :30], caption + "5")])
    for frame in frames_of(path):
        assert frame.shape[1] > 300
        # Letters, and then white up to the edge.
        is_dark = (frame[40:] < 100).any(axis=(0, 2))
        assert is_dark.any() and not is_dark[-6:].any()
