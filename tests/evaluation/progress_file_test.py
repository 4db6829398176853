"""progress.csv as it grows."""

from lpg.evaluation.log import log_rows
from lpg.evaluation.progress_file import TABLE, ProgressFile, read_progress
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
