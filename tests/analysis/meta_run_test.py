"""The figure and the description of a run: made from its tables alone, from the first meta-update on."""

import json

import numpy as np
import pytest

from lpg.analysis.meta_run import _running_mean, describe, draw, load, save_figure, write_report
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
    # Returns 1, 2, 3, 4: running means 1, 1.5, 2, 2.5, drawn as shares of 2.5. b and c have none.
    returns = lines(figure, 0)
    assert set(returns) == {"a (1 is 2.5)"} and figure.axes[0].get_ylim()[0] == 0
    np.testing.assert_allclose(returns["a (1 is 2.5)"].get_ydata(), [0.4, 0.6, 0.8, 1])
    (validation,) = figure.axes[2].get_lines()
    np.testing.assert_allclose(validation.get_xydata(), [[2, 0.2], [4, 0.4]])
    assert validation.get_linestyle() == "None" and figure.axes[2].get_ylim() == (0, 1)
    assert "policy π" in lines(figure, 1) and set(NAMES) <= set(lines(figure, 4))


def test_nothing_is_drawn_of_predictions_that_a_rule_does_not_discover(tmp_path):
    figure = draw(load(table(tmp_path / "metrics.csv", 6, prediction_entropy=0.0)))
    assert "prediction y" not in lines(figure, 1) and figure.axes[1].get_title() == "entropy of policies"
    assert "prediction y" in lines(draw(load(table(tmp_path / "other.csv", 6))), 1)
    # Three validations make a course.
    assert figure.axes[2].get_lines()[0].get_linestyle() == "-"


def test_it_is_drawn_after_a_single_meta_update_in_which_nothing_ended(tmp_path):
    path = tmp_path / "metrics.csv"
    file = MetricsFile(path, NAMES, 0)
    known = {"environment_steps": 1, "seconds": 1.0, "steps_per_second": 1.0, "deterministic_resets": 0, "dropped": 0}
    file.append(row(report(), meta_update=1, **known))
    file.close()
    figure = draw(load(path))
    assert not figure.legends
    assert [text.get_text() for text in figure.axes[2].texts] == ["none yet"]


@pytest.mark.thorough
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


CONFIG = {"rule": "lpg", "suite": "a,b", "meta_updates": 1500}


@pytest.fixture
def run(tmp_path):
    """A run of thirty meta-updates: returns 1 … 30 in a, none in b; validated at 10 and 20."""
    folder = tmp_path / "my-run"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"config": CONFIG, "seed": 3}))
    file = MetricsFile(folder / "metrics.csv", ("a", "b"), 0)
    for number in range(1, 31):
        one = report(("a", "b"), final_returns={"a": [float(number)]}, environment_norms={"a": 2.0, "b": 0.5})
        known = {"environment_steps": 10**5 * number, "seconds": 2.0 * number, "steps_per_second": 5e4}
        values = row(one, meta_update=number, deterministic_resets=4, dropped=1, **known)
        if number in (10, 20):
            values["validation"] = {10: 0.75, 20: 0.5}[number]
        file.append(values)
    file.close()
    return folder


def test_a_run_is_described_by_its_numbers(run):
    text = describe(run)
    assert text.startswith("# Run my-run\n\nRule `lpg` on `a,b`, seed 3.\n")
    # 30 · 100,000 steps; 30 · 2 s.
    assert "30 of 1,500 meta-updates, 3.0 M environment steps in 60 s (median 50,000 steps/s)" in text
    assert "4 deterministic, 1 diverged" in text
    assert "best validation 0.750, at meta-update 10" in text
    # The last ten returns 21 … 30 have mean 25.5.
    assert "| a | 25.50 | 2 |" in text and "| b | none ended yet | 0.5 |" in text


def test_the_audit_is_there_where_it_is_known(run):
    assert "Audit" not in describe(run)
    assert "## Audit\n\nNo warnings." in describe(run, [])
    assert "## Audit\n\n- one thing\n- another" in describe(run, ["one thing", "another"])


def test_the_figure_is_shown_where_there_is_one(run):
    assert "![" not in describe(run)
    save_figure(run)
    assert "(figures/meta_training.png)" in describe(run)


def test_the_report_is_the_description(run):
    path = write_report(run, [])
    assert path == run / "report.md"
    assert path.read_text() == describe(run, [])


def test_a_run_without_a_meta_update_says_so(run):
    (run / "metrics.csv").unlink()
    assert describe(run).endswith("No meta-update yet.\n")


@pytest.mark.parametrize("content", [None, "{", "[]", "{}", '{"config": {}, "seed": 0}', '{"config": 3, "seed": 0}'])
def test_a_folder_that_holds_no_run_is_refused(content, tmp_path):
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(ValueError, match="holds no run: its config.json cannot be read"):
        describe(tmp_path)
