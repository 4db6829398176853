"""The figure of convergence draws the table, and the paper's curve beside it."""

import numpy as np

from lpg.analysis.convergence.plot import draw, plot
from tests.analysis.convergence.score_test import tables


def test_left_are_the_beginnings_and_the_papers_curve_right_the_change():
    left, right = draw(tables()).axes
    lines = {line.get_label(): line for line in left.lines}
    np.testing.assert_allclose(lines["ours"].get_xydata()[2], [100, 0.08])
    np.testing.assert_allclose(lines["paper"].get_xydata()[0], [0, 0.41])
    lines = {line.get_label(): line for line in right.lines}
    np.testing.assert_allclose(lines["to predictions of the new policy"].get_ydata(), [0.4, 0.02])
    assert left.get_yscale() == right.get_yscale() == "log"


def test_it_is_saved(tmp_path):
    (path,) = plot(tables(), tmp_path / "figures")
    assert path.read_bytes().startswith(b"\x89PNG")
