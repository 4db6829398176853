"""The maps show what is in the tables; the animation has a frame for every recorded iteration."""

import numpy as np
import pytest
from PIL import Image

from lpg.analysis.predictions.plot import draw, plot
from lpg.analysis.predictions.score import components


@pytest.fixture
def tables():
    """A grid of three by three with a wall in the middle, and two components at three times."""
    place = [(r, c) for r in range(3) for c in range(3) if (r, c) != (1, 1)]
    size = len(place)
    cells = {
        "row": np.array([r for r, _ in place], float), "column": np.array([c for _, c in place], float),
        "goal": np.eye(size)[0] - np.eye(size)[-1], "visits": np.ones(size),
        **{f"pi_{a}": np.full(size, float(a == 5)) for a in range(18)},
        "value_0.9": np.linspace(-1, 1, size), "value_0.995": np.linspace(0, 1, size),
    }  # fmt: skip
    y = {"iteration": np.repeat([0.0, 5, 9], size), "cell": np.tile(np.arange(size), 3)}
    y["y_0"] = np.concatenate([np.zeros(size), np.ones(size), np.linspace(0.2, 0.4, size)])
    y["y_1"] = np.random.default_rng(0).random(3 * size)
    return {"cells": cells, "y": y}


def test_every_map_has_its_numbers_in_their_places(tables):
    figure = draw(tables)
    titles = [ax.get_title() or ax.get_title("left") for ax in figure.axes]
    assert titles[:3] == ["policy (P +1, N −1)", "value, γ = 0.9", "value, γ = 0.995"]
    best = figure.axes[titles.index("y[0]  R² 1.00 (γ 0.9)")]
    shown = best.images[0].get_array()
    np.testing.assert_allclose(shown[0, 0], 0.2)
    np.testing.assert_allclose(shown[2, 2], 0.4)
    assert np.ma.is_masked(shown[1, 1]) or np.isnan(shown[1, 1])
    assert [text.get_text() for text in best.texts] == ["P", "N"]


def test_the_files_are_drawn_and_the_animation_moves(tables, tmp_path):
    image, animation = plot(tables, tmp_path / "figures")
    assert image.read_bytes().startswith(b"\x89PNG")
    with Image.open(animation) as video:
        assert video.n_frames == 3
        frames = []
        for index in range(3):
            video.seek(index)
            frames.append(np.asarray(video.convert("L")))
    assert np.any(frames[0] != frames[2])


def test_components_are_the_columns_of_y(tables):
    assert components(tables["y"]) == ["y_0", "y_1"]
