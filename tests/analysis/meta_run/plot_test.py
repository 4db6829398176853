"""The figure of a run: drawn from its table alone, also when the run has hardly begun or had accidents."""

import numpy as np
import pytest

from lpg.analysis.meta_run.plot import _running_mean, draw, load, save_figure
from lpg.meta_training.metrics import MetricsFile, row
from tests.tiny_run import report

NAMES = ("a", "b", "c")


def table(path, count: int, **changes):
    """The metrics of so many meta-updates; lifetimes of `a` end at every one, the others' never."""
    file = MetricsFile(path, NAMES, 0)
    for number in range(1, count + 1):
        known = {"environment_steps": 100 * number, "seconds": 1.0 * number, "steps_per_second": 100.0}
        values = row(
            report(final_returns={"a": [float(number)]}, **changes),
            meta_update=number, deterministic_resets=0, dropped=0, **known,
        )  # fmt: skip
        if number % 2 == 0:
            values["validation"] = number / 10
        file.append(values)
    file.close()
    return path


def lines(figure, panel: int):
    return {line.get_label(): line for line in figure.axes[panel].get_lines()}


def test_a_table_is_read_as_numbers_with_empty_cells_as_nan(tmp_path):
    found = load(table(tmp_path / "metrics.csv", 4))
    np.testing.assert_array_equal(found["meta_update"], [1, 2, 3, 4])
    np.testing.assert_array_equal(found["return/a"], [1, 2, 3, 4])
    np.testing.assert_array_equal(found["return/b"], [np.nan] * 4)
    np.testing.assert_array_equal(found["validation"], [np.nan, 0.2, np.nan, 0.4])


@pytest.mark.parametrize("rows", [0, None])
def test_without_rows_there_is_nothing_to_draw(rows, tmp_path):
    path = tmp_path / "metrics.csv"
    if rows is not None:
        table(path, rows)
    with pytest.raises(ValueError, match="has no row yet"):
        load(path)


def test_the_figure_shows_what_is_in_the_table(tmp_path):
    figure = draw(load(table(tmp_path / "metrics.csv", 4)))
    titles = [axes.get_title() for axes in figure.axes]
    assert len(titles) == 6 and "validation (normalised area)" in titles
    # Returns 1, 2, 3, 4: running means 1, 1.5, 2, 2.5, drawn between lowest and highest: 0, ⅓, ⅔, 1. b and c have none.
    returns = lines(figure, 0)
    assert set(returns) == {"a"}
    np.testing.assert_allclose(returns["a"].get_ydata(), [0, 1 / 3, 2 / 3, 1])
    (validation,) = figure.axes[2].get_lines()
    np.testing.assert_allclose(validation.get_xydata(), [[2, 0.2], [4, 0.4]])
    assert "policy π" in lines(figure, 1) and set(NAMES) <= set(lines(figure, 4))


def test_it_is_drawn_after_a_single_meta_update_in_which_nothing_ended(tmp_path):
    path = tmp_path / "metrics.csv"
    file = MetricsFile(path, NAMES, 0)
    known = {"environment_steps": 1, "seconds": 1.0, "steps_per_second": 1.0, "deterministic_resets": 0, "dropped": 0}
    file.append(row(report(), meta_update=1, **known))
    file.close()
    figure = draw(load(path))
    assert not figure.legends
    assert [text.get_text() for text in figure.axes[2].texts] == ["none yet"]


def test_it_is_saved_beside_the_table_and_overwritten(tmp_path):
    table(tmp_path / "metrics.csv", 3)
    for _ in range(2):
        path = save_figure(tmp_path)
        assert path == tmp_path / "figures" / "meta_training.png"
        assert path.read_bytes().startswith(b"\x89PNG")


def test_a_running_mean_is_over_the_last_few():
    np.testing.assert_allclose(_running_mean(np.array([1.0, 2, 3, 4]), 2), [1, 1.5, 2.5, 3.5])
    np.testing.assert_allclose(_running_mean(np.array([1.0, 2, 3, 4]), 9), [1, 1.5, 2, 2.5])


def test_one_bad_number_does_not_blot_out_the_rest_of_the_line():
    # NaN is left out: (1), nothing new, (3), (3 + 5)/2 with a window of 2. Two in a row leave a hole.
    np.testing.assert_allclose(_running_mean(np.array([1.0, np.nan, 3, 5]), 2), [1, 1, 3, 4])
    found = _running_mean(np.array([1.0, np.nan, np.inf, 5]), 2)
    np.testing.assert_array_equal(np.isnan(found), [False, False, True, False])
    # The twin: a plain cumulative sum never recovers.
    assert np.isnan(np.cumsum([1.0, np.nan, 3, 5])[1:]).all()
