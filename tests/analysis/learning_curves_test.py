"""The figure of learning curves draws what the table says."""

import math

import numpy as np
import pytest

from lpg.analysis.learning_curves import draw, save_figure
from lpg.evaluation.results import Row


def table(names=("chain/short", "tabular/long_dense")):
    rows = [
        Row(rule, name, seed, at, 100 * at, float(at + seed), 0.0, 64)
        for rule in ("a2c", "lpg") for name in names for seed in (0, 1) for at in (1, 2, 3)
    ]  # fmt: skip
    return rows + [Row("optimum", name, 0, 0, 0, 9.0, math.nan, 0) for name in names]


def test_there_is_a_panel_per_environment_and_a_line_per_rule_at_the_means():
    figure = draw(table())
    panels = [ax for ax in figure.axes if ax.axison]
    assert [ax.get_title(loc="left") for ax in panels] == ["chain/short", "tabular/long_dense"]
    lines = {line.get_label(): line for line in panels[0].lines}
    assert set(lines) == {"a2c", "lpg", "optimum"}
    np.testing.assert_allclose(lines["a2c"].get_xdata(), [100, 200, 300])
    np.testing.assert_allclose(lines["a2c"].get_ydata(), [1.5, 2.5, 3.5])  # seeds 0 and 1
    assert set(np.atleast_1d(lines["optimum"].get_ydata())) == {9.0}
    assert [text.get_text() for text in figure.legends[0].texts] == ["a2c", "lpg", "optimum"]


def test_rulers_of_all_panels_are_named():
    rows = [r for r in table() if (r.rule, r.environment) != ("optimum", "tabular/long_dense")]
    figure = draw([*rows, Row("best known", "tabular/long_dense", 0, 0, 0, 8.0, 0.1, 0)])
    assert [text.get_text() for text in figure.legends[0].texts] == ["a2c", "lpg", "optimum", "best known"]
    lines = [{line.get_label(): line for line in ax.lines} for ax in figure.axes if ax.axison]
    assert set(np.atleast_1d(lines[1]["best known"].get_ydata())) == {8.0} and "best known" not in lines[0]


@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_any_number_of_environments_has_room(count, tmp_path):
    path = save_figure(table([f"chain/{i}" for i in range(count)]), tmp_path / "figures" / "f.svg")
    assert path.stat().st_size > 1000


def test_a_table_without_curves_is_refused():
    with pytest.raises(ValueError, match="no learning curve"):
        draw([Row("optimum", "chain/short", 0, 0, 0, 1.0, math.nan, 0)])
