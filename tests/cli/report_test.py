"""What is printed and written at the end."""

import dataclasses
import json
import math

import pytest

from lpg.cli.report import make_room, print_table, write_json
from lpg.evaluation.results import Row
from lpg.evaluation.scores import scores
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.tuning_table import ChosenConfig

ROWS = [
    Row("a2c", "chain/short", 0, 10, 100, 0.5, 0.1, 64),
    Row("a2c", "chain/short", 1, 10, 100, math.nan, math.nan, 0),
    Row("random", "chain/short", 0, 0, 0, 0.0, math.nan, 0),
    Row("optimum", "chain/short", 0, 0, 0, 1.0, math.nan, 0),
]
CHOSEN = {"a2c": {"chain/short": ChosenConfig(TrainConfig(learning_rate=40.0), "default")}}


def test_the_file_for_programs_has_the_promised_shape_and_no_nan(tmp_path):
    path = tmp_path / "e.json"
    write_json(path, ROWS, scores(ROWS), CHOSEN, 2.0, 300)
    found = json.loads(path.read_text(), parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))
    assert set(found) == {"rows", "chosen", "normalised", "seconds", "steps_per_second"}
    assert found["steps_per_second"] == 150 and len(found["rows"]) == 2
    assert found["rows"][0]["return_mean"] == 0.5 and found["rows"][1]["return_mean"] is None
    assert found["chosen"]["a2c"]["chain/short"]["learning_rate"] == 40.0
    assert found["normalised"]["a2c"]["end"]["per_environment"] == {"chain/short": 0.5}
    assert set(found["normalised"]["a2c"]["area"]) == {"iqm", "low", "high", "per_environment"}


def test_without_rulers_the_normalised_scores_are_null(tmp_path):
    write_json(tmp_path / "e.json", ROWS[:1], scores(ROWS[:1]), CHOSEN, 2.0, 300)
    assert json.loads((tmp_path / "e.json").read_text())["normalised"] == {"a2c": {"end": None, "area": None}}


def test_the_table_has_a_line_per_environment_and_the_settings(capsys):
    print_table(ROWS[:1] + ROWS[2:], scores(ROWS[:1] + ROWS[2:]), CHOSEN)
    out = capsys.readouterr().out
    line = next(line for line in out.splitlines() if "chain/short" in line)
    assert line.split() == ["chain/short", "0.00", "0.50", "(0.50)", "1.00"]
    assert "normalised IQM" in out and "learning_rate 40" in out and "(default)" in out


def test_the_best_known_is_shown_as_a_lower_bound_of_the_optimum(capsys):
    rows = [*ROWS[:1], ROWS[2], dataclasses.replace(ROWS[3], rule="best known")]
    print_table(rows, scores(rows), CHOSEN)
    out = capsys.readouterr().out
    line = next(line for line in out.splitlines() if "chain/short" in line)
    assert line.split() == ["chain/short", "0.00", "0.50", "(0.50)", "≥", "1.00"]
    assert "≥: no optimum is known" in out
    # The twin: an optimum needs no such words.
    print_table(ROWS[:1] + ROWS[2:], scores(ROWS[:1] + ROWS[2:]), CHOSEN)
    assert "≥" not in capsys.readouterr().out


def test_a_person_is_named_and_what_has_no_rulers_is_told_and_null(tmp_path, capsys):
    other = Row("a2c", "minatar/breakout", 0, 10, 100, 3.0, 0.1, 64)
    rows = [*ROWS[:1], other, ROWS[2], dataclasses.replace(ROWS[3], rule="human")]
    print_table(rows, scores(rows), CHOSEN)
    out = capsys.readouterr().out
    lines = {words[0]: words[1:] for words in map(str.split, out.splitlines()) if words}
    assert lines["chain/short"] == ["0.00", "0.50", "(0.50)", "human", "1.00"]
    assert lines["minatar/breakout"] == ["–", "3.00", "(–)", "–"]
    assert "human: 1 is the score of a person" in out and "to compare with: minatar/breakout." in out
    write_json(tmp_path / "e.json", rows, scores(rows), CHOSEN, 2.0, 300)
    end = json.loads((tmp_path / "e.json").read_text())["normalised"]["a2c"]["end"]
    assert end["per_environment"] == {"chain/short": 0.5, "minatar/breakout": None} and end["iqm"] == 0.5
    # The twin: with reference returns for all nothing is said.
    print_table(ROWS[:1] + ROWS[2:], scores(ROWS[:1] + ROWS[2:]), CHOSEN)
    assert "Not normalised" not in capsys.readouterr().out


def test_a_place_that_cannot_be_written_is_found_before_the_work(tmp_path):
    make_room(tmp_path / "new" / "results.csv", None)
    assert (tmp_path / "new").is_dir()
    (tmp_path / "file").write_text("")
    for bad in (tmp_path, tmp_path / "file" / "results.csv"):
        with pytest.raises(OSError):
            make_room(bad)
