"""The figure of the diversity draws means and environments, and the paper's counts."""

import numpy as np

from lpg.analysis.diversity.plot import draw, plot
from tests.analysis.diversity.score_test import tables


def test_bars_are_means_and_dots_environments():
    left, right = draw(tables(0.1, 0.2, 0.4)).axes
    np.testing.assert_allclose([bar.get_height() for bar in left.patches], [0.1, 0.2, 0.4])
    np.testing.assert_allclose(left.lines[0].get_ydata(), [0.2, 0.0], atol=1e-9)
    assert [bar.get_height() for bar in right.patches] == [5, 7, 14]


def test_it_is_saved(tmp_path):
    (path,) = plot(tables(0.1, 0.2, 0.4), tmp_path / "figures")
    assert path.read_bytes().startswith(b"\x89PNG")
