"""A training as it is watched."""

import csv
import json

from lpg.analysis.watch.training import TrainingView
from lpg.evaluation.progress_file import ABOUT, HEADER, STEPS, TABLE
from lpg.evaluation.results import Row, write

CONFIG = {"rule": "a2c", "environment": "chain/short", "steps": 1000, "seeds": [0, 1]}


def append(folder, seed, steps, seconds, mean=0.5):
    is_new = not (folder / TABLE).exists()
    with open(folder / TABLE, "a", newline="") as file:
        writer = csv.writer(file)
        if is_new:
            writer.writerow(HEADER)
        writer.writerow(["a2c", "chain/short", seed, steps // 100, steps, mean, 0.1, 8, seconds])


def test_two_agents_one_after_the_other(tmp_path):
    (tmp_path / ABOUT).write_text(json.dumps(CONFIG))
    view = TrainingView(tmp_path)
    first, status = view.version(), view.status()
    assert status.share == 0 and status.seconds_left is None and not view.has_figure()
    assert status.title.endswith(": a2c on chain/short")
    append(tmp_path, 0, 500, 5.0)
    append(tmp_path, 0, 1000, 10.0, 0.75)
    status = view.status()
    # 1,000 of 2,000 steps in ten seconds.
    assert view.version() != first and status.share == 0.5 and status.seconds_left == 10 and view.has_figure()
    assert status.facts == {"a2c on chain/short, seed 0": "return 0.75 after 1,000 steps"}
    append(tmp_path, 1, 1000, 20.0)
    write(tmp_path / "results.csv", [Row("a2c", "chain/short", 0, 10, 1000, 0.75, 0.1, 8)])
    status = view.status()
    assert status.share == 1 and status.seconds_left == 0 and len(status.facts) == 2
    assert len(view.figure().axes) == 1


def test_after_an_interruption_the_clock_begins_anew(tmp_path):
    (tmp_path / ABOUT).write_text(json.dumps({**CONFIG, "seeds": [0]}))
    append(tmp_path, 0, 200, 100.0)
    append(tmp_path, 0, 400, 200.0)
    append(tmp_path, 0, 500, 1.0)
    append(tmp_path, 0, 600, 2.0)
    # 200 steps in two seconds; 400 are left.
    assert TrainingView(tmp_path).status().seconds_left == 4


def test_results_alone_are_shown_and_reference_returns_are_no_trainings(tmp_path):
    rows = [Row("random", "chain/short", 0, 0, 0, 0.1, 0.0, 0), Row("a2c", "chain/short", 0, 10, 1000, 0.75, 0.1, 8)]
    write(tmp_path / "results.csv", rows)
    status = TrainingView(tmp_path).status()
    assert status.share == 1 and list(status.facts) == ["a2c on chain/short, seed 0"]


def test_an_evaluation_tells_the_time_left_from_its_steps(tmp_path):
    (tmp_path / ABOUT).write_text(json.dumps({"a2c": {"chain/short": {"steps": 1000}}}))
    view = TrainingView(tmp_path)
    assert (view.status().share, view.status().seconds_left) == (None, None)
    (tmp_path / STEPS).write_text(json.dumps({"done": 0, "total": 400, "seconds": 3.0}))
    assert (view.status().share, view.status().seconds_left) == (0, None)
    version = view.version()
    (tmp_path / STEPS).write_text(json.dumps({"done": 100, "total": 400, "seconds": 6.0}))
    # 100 steps in six seconds; 300 are left. Results of an earlier evaluation in the folder change nothing.
    write(tmp_path / "results.csv", [Row("ppo", "chain/short", 0, 10, 1000, 0.75, 0.1, 8)])
    assert view.version() != version
    assert (view.status().share, view.status().seconds_left) == (0.25, 18)
    (tmp_path / STEPS).write_text(json.dumps({"done": 400, "total": 400, "seconds": 20.0}))
    assert (view.status().share, view.status().seconds_left) == (1, 0)
