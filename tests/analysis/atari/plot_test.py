"""The figure of Atari games is drawn where there is something to draw."""

import numpy as np

from lpg.analysis.atari.plot import draw, plot
from tests.analysis.atari.score_test import tables


def test_bars_are_ours_over_the_papers():
    ax = draw(tables(breakout=150, pong=6.7)).axes[0]
    np.testing.assert_allclose([bar.get_width() for bar in ax.patches], [0.5, 1.0])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["breakout", "pong"]


def test_nothing_is_drawn_without_results(tmp_path):
    assert plot({}, tmp_path) == []
    (path,) = plot(tables(breakout=150), tmp_path)
    assert path.read_bytes().startswith(b"\x89PNG")
