"""Figure 3 draws our curves and marks the paper's returns in the colours of the same rules."""

import numpy as np

from lpg.analysis.training_environments.plot import draw, plot
from tests.analysis.training_environments.score_test import NAMES, tables


def marks(panel, marker):
    return [line for line in panel.lines if line.get_marker() == marker]


def stretched(table, factor):
    """The same curves over so many times the steps."""
    return {"results": {**table["results"], "steps": np.asarray(table["results"]["steps"]) * factor}}


def test_the_papers_returns_stand_at_the_papers_steps():
    # Ours go to 1,000 steps, stretched to 3 M: the whole range of the paper's axis in tabular grids.
    figure = draw(stretched(tables(mine=3.0, a2c=2.0), 3_000))
    panel = figure.axes[NAMES.index("tabular/dense")]
    filled = marks(panel, "s")[0]
    np.testing.assert_allclose(filled.get_xdata(), [0.75e6, 1.5e6, 2.25e6, 3e6])
    np.testing.assert_allclose(filled.get_ydata(), [7.07, 9.52, 10.37, 10.43])
    assert filled.get_color() == panel.lines[0].get_color()
    # The other reading has ten times as many steps: nothing of it fits, so its end stands at the border.
    np.testing.assert_allclose(marks(panel, "<")[0].get_xydata(), [[3e6, 10.43]])
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()][-2:] == ["mine, paper", "a2c, paper"]


def test_where_the_papers_axis_is_doubtful_both_readings_are_drawn():
    panel = draw(stretched(tables(mine=3.0), 30_000)).axes[NAMES.index("tabular/dense")]
    filled, hollow = marks(panel, "s")
    assert filled.get_markerfacecolor() != "white" and hollow.get_markerfacecolor() == "white"
    np.testing.assert_allclose(hollow.get_xdata(), 10 * np.asarray(filled.get_xdata()))
    np.testing.assert_array_equal(hollow.get_ydata(), filled.get_ydata())
    assert marks(panel, "<") == []


def test_what_lies_beyond_our_curves_is_its_last_value_at_the_border():
    figure = draw(tables(mine=3.0))
    panel = figure.axes[NAMES.index("tabular/dense")]
    assert marks(panel, "s") == []
    np.testing.assert_allclose(marks(panel, "<")[0].get_xydata(), [[1000, 10.43]])
    unknown = figure.axes[NAMES.index("procedural/grid")]
    assert marks(unknown, "s") == marks(unknown, "<") == []


def test_it_is_saved(tmp_path):
    (path,) = plot(tables(mine=3.0), tmp_path / "figures")
    assert path.read_bytes().startswith(b"\x89PNG")
