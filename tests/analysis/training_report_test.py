"""What is reported and written at the end."""

import dataclasses
import json
import math

import pytest

from lpg.analysis.training_report import Report, check_writable, write_files, write_json
from lpg.evaluation.chosen_config import ChosenConfig
from lpg.evaluation.final import Final
from lpg.evaluation.results import Row
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.training_plan import make_plan
from lpg.update_rules.registry import find_rule

ROWS = [
    Row("a2c", "chain/short", 0, 10, 100, 0.5, 0.1, 64),
    Row("a2c", "chain/short", 1, 10, 100, math.nan, math.nan, 0),
    Row("random", "chain/short", 0, 0, 0, 0.0, math.nan, 0),
    Row("optimum", "chain/short", 0, 0, 0, 1.0, math.nan, 0),
]
ALONE = [ROWS[0], *ROWS[2:]]
"""One seed and its reference returns."""


def plan_of(spec="a2c", level="default", environment="chain/short", label=None):
    config = TrainConfig(learning_rate=40.0, num_envs=8)
    chosen = ChosenConfig(config, "its source", level)
    rule = find_rule(spec)
    return make_plan(
        dataclasses.replace(rule, label=label or rule.label), environment, num_steps=1600, chosen=chosen
    )  # fmt: skip


def report_of(rows, plans=None, finals=(), **changes):
    return Report(rows=rows, finals=finals, plans=plans or {"a2c": [plan_of()]}, steps=300, seconds=2.0, **changes)


def final_of(rule, seed=0, environment="chain/short", **changes):
    values = {"greedy_mean": 0.5, "greedy_stderr": 0.0, "episodes": 20, "steps_to_threshold": 900.0, "seconds": 2.0}
    return Final(rule, environment, seed, **{**values, "steps_per_second": 150.0, **changes})


def two_rules(ends):
    """Curves of one point under two rules, seed by seed, with reference returns 0 and 1."""
    rows = [
        Row(rule, "chain/short", seed, 10, 100, end, 0.1, 64) for rule, e in ends.items() for seed, end in enumerate(e)
    ]
    seeds = range(max(map(len, ends.values())))
    reference = [
        Row(n, "chain/short", s, 0, 0, v, math.nan, 0) for s in seeds for n, v in (("random", 0.0), ("optimum", 1.0))
    ]
    return rows + reference


def test_the_file_for_programs_has_the_promised_shape_and_no_nan(tmp_path):
    path = tmp_path / "e.json"
    write_json(path, report_of(ROWS, finals=[final_of("a2c", steps_to_threshold=math.nan)]))
    found = json.loads(path.read_text(), parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))
    assert set(found) == {
        "rows", "final", "chosen", "normalised", "differences", "warnings", "seconds", "steps_per_second",
    }  # fmt: skip
    assert found["steps_per_second"] == 150 and len(found["rows"]) == 2
    assert found["rows"][0]["return_mean"] == 0.5 and found["rows"][1]["return_mean"] is None
    assert found["final"][0]["greedy_mean"] == 0.5 and found["final"][0]["steps_to_threshold"] is None
    assert found["chosen"]["a2c"]["chain/short"]["learning_rate"] == 40.0
    assert found["chosen"]["a2c"]["chain/short"]["source"] == "its source"
    assert found["normalised"]["a2c"]["end"]["per_environment"] == {"chain/short": 0.5}
    area = found["normalised"]["a2c"]["area"]
    assert set(area) == {"iqm", "low", "high", "per_environment", "mean"}
    assert area["mean"] == {"value": area["iqm"], "low": area["iqm"], "high": area["iqm"]}  # of one run
    assert found["differences"] == {"against": None} and found["warnings"] == []


def test_without_reference_returns_the_normalised_scores_are_null(tmp_path):
    write_json(tmp_path / "e.json", report_of(ROWS[:1]))
    assert json.loads((tmp_path / "e.json").read_text())["normalised"] == {"a2c": {"end": None, "area": None}}


def test_an_environment_without_reference_returns_is_null(tmp_path):
    other = Row("a2c", "minatar/breakout", 0, 10, 100, 3.0, 0.1, 64)
    write_json(tmp_path / "e.json", report_of([*ALONE, other]))
    end = json.loads((tmp_path / "e.json").read_text())["normalised"]["a2c"]["end"]
    assert end["per_environment"] == {"chain/short": 0.5, "minatar/breakout": None} and end["iqm"] == 0.5


@pytest.mark.parametrize(
    ("labels", "against"),
    [(["lpg", "a2c"], "a2c"), (["a2c", "lpg"], "a2c"), (["lpg", "lpg-v"], "lpg-v"), (["a2c", "again=a2c"], "a2c"),
     (["lpg"], None)],
)  # fmt: skip
def test_rules_are_compared_with_the_first_hand_written_one_or_the_last(labels, against):
    plans = {}
    for label in labels:
        name, _, spec = label.partition("=")
        plans[name] = [plan_of(spec or name, label=name)]
    assert report_of(ALONE, plans).against == against


def test_differences_are_paired_and_in_the_file(tmp_path):
    # Seeds differ by 0.6; the rule is ahead by 0.1 in both.
    plans = {"lpg": [plan_of("lpg")], "a2c": [plan_of()]}
    write_json(tmp_path / "e.json", report_of(two_rules({"lpg": [0.3, 0.9], "a2c": [0.2, 0.8]}), plans))
    found = json.loads((tmp_path / "e.json").read_text())["differences"]
    assert set(found) == {"against", "lpg"} and found["against"] == "a2c"
    for what in ("end", "area"):
        values = found["lpg"][what]
        assert [values[name] for name in ("iqm", "low", "high")] == pytest.approx([0.1] * 3)


def test_rules_that_are_not_tuned_alike_are_named():
    def warnings(lpg, a2c):
        names = ("chain/short", "chain/long")
        plans = {rule: [plan_of(rule, level, name) for name in names] for rule, level in (("lpg", lpg), ("a2c", a2c))}
        return report_of(ALONE, plans).warnings

    (line,) = warnings("tuned", "default")
    assert line.startswith("hyper-parameters on chain/short, chain/long: lpg is tuned, a2c is not tuned (its source)")
    assert "--tune" in line
    assert "lpg is not tuned (its source), a2c is not tuned" in warnings("default", "default")[0]
    assert "lpg is not tuned (its source), a2c is tuned" in warnings("general", "tuned")[0]
    # The twin: nothing is said of rules that are tuned alike, nor of one alone.
    assert warnings("tuned", "tuned") == warnings("general", "general") == warnings("given", "given") == []
    assert report_of(ALONE).warnings == []


def test_files_are_written_side_by_side(tmp_path):
    written = write_files(report_of(ALONE, finals=[final_of("a2c")]), tmp_path / "results.csv", tmp_path / "e.json")
    assert [path.relative_to(tmp_path).as_posix() for path in written] == [
        "results.csv", "final.csv", "figures/learning_curves.png", "e.json",
    ]  # fmt: skip
    assert all(path.is_file() for path in written)
    assert (tmp_path / "final.csv").read_text().splitlines()[1] == "a2c,chain/short,0,0.5,0,20,900,2,150"
    assert write_files(report_of(ALONE), None, None) == []


def test_a_place_that_cannot_be_written_is_found_before_the_work(tmp_path):
    check_writable(tmp_path / "new" / "results.csv", None)
    assert (tmp_path / "new").is_dir()
    (tmp_path / "file").write_text("")
    for bad in (tmp_path, tmp_path / "file" / "results.csv"):
        with pytest.raises(OSError):
            check_writable(bad)
