"""Figure 3 draws our curves and marks the paper's returns in the colours of the same rules."""

import numpy as np

from lpg.analysis.training_environments.plot import draw, plot
from tests.analysis.training_environments.score_test import NAMES, tables


def test_the_papers_returns_are_marked_at_shares_of_our_range():
    figure = draw(tables(mine=3.0, a2c=2.0))
    panel = figure.axes[0]
    marks = [line for line in panel.lines if line.get_marker() == "s"]
    np.testing.assert_allclose(marks[0].get_xdata(), [250, 500, 750, 1000])  # of 1,000 steps
    np.testing.assert_allclose(marks[0].get_ydata(), [7.07, 9.52, 10.37, 10.43])
    assert marks[0].get_color() == panel.lines[0].get_color()
    unknown = figure.axes[NAMES.index("procedural/grid")]
    assert not [line for line in unknown.lines if line.get_marker() == "s"]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()][-2:] == ["mine, paper", "a2c, paper"]


def test_it_is_saved(tmp_path):
    (path,) = plot(tables(mine=3.0), tmp_path / "figures")
    assert path.read_bytes().startswith(b"\x89PNG")
