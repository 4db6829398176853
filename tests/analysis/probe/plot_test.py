"""The figures of the probe draw what is in its tables."""

import numpy as np

from lpg.analysis.probe.plot import draw, draw_samples, plot
from tests.analysis.probe.score_test import tables


def test_the_panels_show_the_tables():
    figure = draw(tables())
    assert len(figure.axes) == 6
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    np.testing.assert_allclose(lines["+1 (like 0.90^k)"].get_ydata()[:3], [1, 0.9, 0.81])
    lines = {line.get_label(): line for line in figure.axes[4].lines}
    np.testing.assert_allclose(lines["with predictions"].get_ydata()[-1], 0.8)
    np.testing.assert_allclose(lines["without predictions"].get_ydata()[-1], 0)


def test_the_data_is_drawn_environment_by_environment():
    figure = draw_samples(tables()["samples"])
    assert figure.axes[0].get_title() == "chain  short"
    assert figure.axes[0].lines[0].get_label() == "20 updates, r 1.00"


def test_they_are_saved(tmp_path):
    for path in plot(tables(), tmp_path / "figures"):
        assert path.read_bytes().startswith(b"\x89PNG")
