"""metrics.csv: one row per meta-update, none lost and none repeated, whenever the process is killed."""

import csv

import numpy as np
import pytest

from lpg.meta_training.metrics import MetricsFile, columns, read_metrics, row
from tests.tiny_run import report

NAMES = ("a", "b")
KNOWN = {"environment_steps": 100, "seconds": 2.5, "steps_per_second": 40.0, "deterministic_resets": 0, "dropped": 0}


def values(meta_update: int, **changes):
    return row(report(NAMES, **changes), meta_update=meta_update, **KNOWN)


def write(path, *meta_updates, resumed_at: int = 0):
    file = MetricsFile(path, NAMES, resumed_at)
    for number in meta_updates:
        file.append(values(number))
    file.close()


def meta_updates(path) -> list[str]:
    return [line["meta_update"] for line in read_metrics(path)]


def test_a_row_has_the_mean_over_lifetimes_of_all_environments():
    # Two lifetimes each: a loses 1, b loses 4: (1 + 1 + 4 + 4) / 4 = 2.5. Critic: (0.2/1 + 0.6/2) / 2 = 0.25.
    found = values(3, loss={"a": 1.0, "b": 4.0}, error={"a": 0.2, "b": 0.6}, variance={"a": 1.0, "b": 2.0})
    assert (found["meta_update"], found["meta_loss"]) == (3, 2.5)
    np.testing.assert_allclose(found["critic_error"], 0.25, rtol=1e-6)
    assert (found["gradient_norm/a"], found["gradient_norm"]) == (1, 0.5)


def test_diverged_lifetimes_are_left_out_of_the_means():
    found = values(1, loss={"a": np.nan, "b": 4.0}, is_finite={"a": False, "b": True})
    assert found["meta_loss"] == 4
    # The twin: with them, all means would be NaN.
    assert np.isnan(values(1, loss={"a": np.nan, "b": 4.0})["meta_loss"])
    # No lifetime left: NaN, and no NumPy warning.
    assert np.isnan(values(1, loss=np.nan, is_finite=False)["meta_loss"])


def test_returns_are_present_only_for_ended_lifetimes():
    found = row(report(NAMES, final_returns={"a": [1.0, 4.0], "b": [np.nan]}), meta_update=1, **KNOWN)
    assert found["return/a"] == 2.5
    assert "return/b" not in found


def test_every_value_of_a_row_has_its_column(tmp_path):
    assert set(values(1)) <= set(columns(NAMES))
    write(tmp_path / "metrics.csv", 1)
    (line,) = read_metrics(tmp_path / "metrics.csv")
    assert list(line) == columns(NAMES)
    assert (line["meta_loss"], line["return/a"], line["validation"]) == ("0.25", "", "")


def test_rows_after_the_resumed_meta_update_are_dropped(tmp_path):
    path = tmp_path / "metrics.csv"
    write(path, 1, 2, 3, 4)
    write(path, 3, resumed_at=2)
    assert meta_updates(path) == ["1", "2", "3"]
    # The twin: a run that is resumed at its end keeps all rows.
    write(path, resumed_at=3)
    assert meta_updates(path) == ["1", "2", "3"]


def test_an_incomplete_last_line_is_dropped(tmp_path):
    path = tmp_path / "metrics.csv"
    write(path, 1, 2)
    whole = path.read_bytes()
    last = len(whole) - whole.rstrip().rfind(b"\n") - 1
    for cut in range(1, last):
        path.write_bytes(whole[:-cut])
        assert meta_updates(path) == ["1"], whole[:-cut][-20:]
    # A number without its last digits is still a number, so only the end of the line shows that a row is complete.
    path.write_bytes(whole[:-3])
    with open(path, newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 2


def test_a_file_with_an_incomplete_line_is_continued_with_complete_lines(tmp_path):
    path = tmp_path / "metrics.csv"
    write(path, 1, 2)
    path.write_bytes(path.read_bytes()[:-5])
    write(path, 2, 3, resumed_at=1)
    assert meta_updates(path) == ["1", "2", "3"]
    assert path.read_bytes().count(b"meta_update,") == 1


def test_each_row_is_in_the_file_before_the_next_meta_update(tmp_path):
    path = tmp_path / "metrics.csv"
    file = MetricsFile(path, NAMES, 0)
    for number in (1, 2):
        file.append(values(number))
        assert meta_updates(path)[-1] == str(number)
    file.close()


def test_without_a_file_there_are_no_rows(tmp_path):
    assert read_metrics(tmp_path / "metrics.csv") == []


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"meta_update,x\r\n,\r\n"])
def test_a_damaged_file_has_no_rows(content, tmp_path):
    (tmp_path / "metrics.csv").write_bytes(content)
    assert read_metrics(tmp_path / "metrics.csv") == []
