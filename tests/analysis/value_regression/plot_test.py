"""The figure of the value regression draws the table, and the paper's numbers beside it."""

import numpy as np

from lpg.analysis.value_regression.plot import draw, plot
from tests.analysis.value_regression.score_test import GOOD, tables


def test_there_is_a_panel_per_discount_with_ours_and_the_papers():
    figure = draw(tables(**GOOD))
    assert [ax.get_title() for ax in figure.axes] == [f"values at γ = {g}" for g in (0.995, 0.99, 0.95, 0.9)]
    lines = {line.get_label(): line for line in figure.axes[3].lines}
    np.testing.assert_allclose(lines["predictions y, ours"].get_ydata(), [1, 0.1])
    np.testing.assert_allclose(lines["TD(λ) value, ours"].get_ydata(), [1, 1])
    np.testing.assert_allclose(lines["predictions y, paper"].get_ydata()[-1], 8.7e-5)
    assert set(np.atleast_1d(lines["best constant, ours"].get_ydata())) == {40.0}


def test_it_is_saved(tmp_path):
    (path,) = plot(tables(**GOOD), tmp_path / "figures")
    assert path.read_bytes().startswith(b"\x89PNG")
