"""progress.csv as it grows."""

import pytest

from lpg.evaluation import progress_file
from lpg.evaluation.log import log_rows
from lpg.evaluation.progress_file import TABLE, ProgressFile, StepsFile, read_progress, read_steps
from lpg.evaluation.results import Row
from lpg.sinks import Sinks

NAN = float("nan")


def test_every_point_is_there_at_once_and_other_rows_are_none(tmp_path):
    assert read_progress(tmp_path) == ({}, [])
    with Sinks([ProgressFile(tmp_path)], print) as sinks:
        sinks.start({"rejax/ppo": {"chain/short": {}}, "rejax": {}})
        assert read_progress(tmp_path)[1] == []
        log_rows(sinks, [Row("rejax/ppo", "gymnasium/ns/X-v0?a=1", 3, 2, 640, 0.123456789, NAN, 5)])
        sinks.row(640, {"greedy_return": 1.0}, "rejax/ppo/chain/short/seed-3")
        log_rows(sinks, [Row("rejax/ppo", "chain/short", 3, 4, 1280, NAN, NAN, 0)])
        config, (row,) = read_progress(tmp_path)
    assert list(config) == ["rejax/ppo", "rejax"]
    assert (row["rule"], row["environment"], row["seed"]) == ("rejax/ppo", "gymnasium/ns/X-v0?a=1", "3")
    assert row["steps"] == "640" and row["return_mean"] == "0.12345679" and row["episodes"] == "5"
    assert row["return_stderr"] == "" and float(row["seconds"]) >= 0


def test_rows_of_an_interrupted_training_are_kept_and_an_incomplete_line_is_not_read(tmp_path):
    for steps in (100, 200):
        with Sinks([ProgressFile(tmp_path)], print) as sinks:
            sinks.start({"rule": "a2c"})
            log_rows(sinks, [Row("a2c", "chain/short", 0, 1, steps, 0.5, 0.1, 5)])
    with open(tmp_path / TABLE, "a") as file:
        file.write("a2c,chain/short,0,3,30")
    assert [row["steps"] for row in read_progress(tmp_path)[1]] == ["100", "200"]


class Told:
    """A bar that writes down what it is told."""

    def __init__(self):
        self.calls = []

    def __call__(self, what, total):
        self.calls.append((what, total))
        return self

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.calls.append(error[0])

    def advance(self, steps):
        self.calls.append(steps)


def test_the_steps_of_an_evaluation_count_the_rules_that_are_still_to_come(tmp_path, monkeypatch):
    monkeypatch.setattr(progress_file, "SECONDS_BETWEEN_WRITES", -1.0)
    told = Told()
    bars = StepsFile(tmp_path, told, 3)
    assert read_steps(tmp_path) is None
    with bars("a", 100) as bar:
        assert read_steps(tmp_path)["done"] == 0
        bar.advance(30)
        counts = read_steps(tmp_path)
        # 30 of 100 steps of this rule, and two rules as long.
        assert (counts["done"], counts["total"]) == (30, 300) and counts["seconds"] >= 0
    with bars("b", 50) as bar:
        bar.advance(20)
    assert (read_steps(tmp_path)["done"], read_steps(tmp_path)["total"]) == (150, 200)
    with pytest.raises(RuntimeError), bars("c", 50) as bar:
        bar.advance(20)
        raise RuntimeError
    # Nothing is said to be done that was not.
    assert (read_steps(tmp_path)["done"], read_steps(tmp_path)["total"]) == (170, 200)
    assert told.calls == [("a", 100), 30, None, ("b", 50), 20, None, ("c", 50), 20, RuntimeError]


def test_steps_are_not_written_more_often_than_somebody_looks(tmp_path, monkeypatch):
    monkeypatch.setattr(progress_file, "SECONDS_BETWEEN_WRITES", 1e9)
    with StepsFile(tmp_path, Told(), 1)("a", 100) as bar:
        bar.advance(30)
        assert read_steps(tmp_path)["done"] == 0
    assert read_steps(tmp_path)["done"] == 100
