"""How the table over all rules is made from what was measured, and that the page has what is measured today."""

import csv
import dataclasses
import json
import os
import re
import shlex
import subprocess
import sys

import pytest
from safetensors import safe_open

from benchmarks import comparison_page, measured
from benchmarks.comparison_figure import description, draw, points, save_figure
from benchmarks.comparison_page import FIGURE, PAGE, column, with_measurements
from benchmarks.markdown import MARKED, interval, number
from benchmarks.measured import LEFT_OUT, MEASURED, SUITES, Cell, Suite, cells, known_rules, searched, unplaced
from lpg.cli.evaluate import Arguments
from lpg.cli.parsing import parse
from lpg.evaluation import results, tuning_table
from lpg.evaluation.aggregates import Aggregate, Estimate
from lpg.evaluation.results import REFERENCES, Row
from lpg.evaluation.scores import differences, scores
from lpg.evaluation.suites import members
from lpg.update_rules.registry import find_algorithm
from tests.end_to_end.readme_test import ROOT

CATCH = Suite(title="catch", folders=("one", "two"), environments="bsuite/catch", labels={"mine": "own"})
AREA = Aggregate(0.5, 0.4, 0.6, {"bsuite/catch": 0.5}, Estimate(0.55, 0.45, 0.65))
CELL = Cell(AREA, None, ("40 trials",), ("bsuite/catch",), 8, (100, 200))
UPDATES, STEPS = 781, 781 * 128
"""Of the general setting below, of 16 × 8 steps, in the budget of catch, 100,000 steps."""
TUNED = {
    "format_version": 1,
    "general": {"dense": {"setting": {"num_envs": 16, "num_steps": 8}, "trials": 40}},
    "environments": {
        "bsuite/catch": [{"updates": 1562, "setting": {"num_envs": 8, "num_steps": 8}, "trials": 16}],
        "bsuite/deep_sea": [
            {"updates": 781, "setting": {"num_envs": 16, "num_steps": 8}, "trials": 12, "confirms": 400}
        ],
    },
}
"""A tuning table of A2C."""


def row(rule, seed, share, mean, environment="bsuite/catch"):
    return Row(rule, environment, seed, int(UPDATES * share), int(STEPS * share), mean, 0.0, 1000)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Catch: −1 + 2 · normalised return. Two agents of A2C in one folder, and of another rule in a second one."""
    (tmp_path / "a2c.json").write_text(json.dumps(TUNED))
    monkeypatch.setattr(tuning_table, "TUNED_FOLDER", tmp_path)
    references = [row(name, seed, 0, mean) for name, mean in (("random", -1.0), ("optimum", 1.0)) for seed in (0, 1)]
    a2c = [row("a2c", seed, share, mean) for seed, ends in ((0, (0.0, 0.5)), (1, (-0.5, 0.5)))
           for share, mean in zip((0.5, 1), ends, strict=True)]  # fmt: skip
    own = [row("mine", seed, share, 0.75) for seed in (0, 1) for share in (0.5, 1)]
    (tmp_path / "docs/measured/one").mkdir(parents=True)
    (tmp_path / "docs/measured/two").mkdir()
    results.write(tmp_path / "docs/measured/one/results.csv", [*references, *a2c])
    results.write(tmp_path / "docs/measured/two/results.csv", [*references, *own])
    return tmp_path / "docs/measured"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with the page and its figure as the command makes them; outside, because type checks are slow here."""
    folder = tmp_path_factory.mktemp("made")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.comparison_page", "--out", str(folder)], cwd=ROOT,
        env={**os.environ, "JAX_PLATFORMS": "cpu"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def part(name, page=None):
    """A marked part of the page."""
    return next(match[3].strip() for match in MARKED.finditer(page or PAGE.read_text()) if match[2] == name)


def parsed(table):
    """Cells of a table in Markdown, its head first."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def test_cells_worked_by_hand(folder):
    # A2C: mean over the curve .25 and 0, normalised .625 and .5, mean .5625; own: .75 → .875, apart by .25 and .375.
    general = dataclasses.replace(CATCH, settings="general")
    found = cells(general, folder)
    assert list(found) == ["a2c", "own"]
    a2c, own = found["a2c"], found["own"]
    assert a2c.area.iqm == 0.5625 and own.area.iqm == 0.875 and a2c.apart is None
    assert own.apart.iqm == 0.3125 and (own.apart.low, own.apart.high) == (0.25, 0.375)
    assert own.num_seeds == 2 and own.environments == ("bsuite/catch",) and own.steps == (STEPS, STEPS)
    texts = column(general, found, ["a2c", "own", "lpg"])
    apart = "+.312 [+.250, +.375]"
    assert texts["own"] == f"**.875 [.875, .875]**<br>mean .88<br>{apart}<br>mean {apart}<br>rule not kept"
    assert texts["lpg"] == "–"
    assert column(general, {"own": own}, ["own"])["own"].startswith(".875")  # of one alone nothing is the largest
    # Where only a part of the environments was measured this is said, and nothing is the largest of the suite.
    wider = dataclasses.replace(general, environments="bsuite/catch,bsuite/deep_sea")
    text = column(wider, found, ["own"])["own"]
    assert text.startswith(".875 [") and text.endswith("<br>1 of 2 environments")


def test_trials_are_those_of_the_tuning_table_whose_setting_the_runs_have(folder):
    general = dataclasses.replace(CATCH, settings="general")
    assert cells(general, folder)["a2c"].searched == ("40 trials",)
    # The twin: the setting tuned on catch has updates of another size, so that the runs were not made with it.
    assert cells(CATCH, folder)["a2c"].searched == ("setting not recorded any more",)
    # On deep_sea, whose budget is the same, the best of an earlier search were tried again.
    own = [row("a2c", 0, 1, 0.5), row("a2c", 0, 1, 0.5, "bsuite/deep_sea")]
    assert searched(CATCH, find_algorithm("a2c"), own) == ("setting not recorded any more", "12 tried again")


def test_each_point_of_a_curve_counts_once(folder):
    twice = dataclasses.replace(CATCH, folders=("one", "two", "one"))
    assert measured.rows(twice, folder) == measured.rows(CATCH, folder)


def test_rule_files_beside_the_results_are_rules_with_a_name():
    known = known_rules()
    for name, file in (("lpg, stage 1", "lpg-stages/1"), ("lpg-networks, stage 2", "networks-stages/2"),
                       ("from-scratch", "from-scratch/rule-002000")):  # fmt: skip
        assert known[name].path == MEASURED / f"{file}.safetensors"
    assert {"a2c", "rejax/ppo", "lpg-v"} <= set(known)
    with safe_open(ROOT / "lpg/rules/lpg.safetensors", "np") as file:
        card = json.loads(file.metadata()["card"])
    origin, steps, families = comparison_page.discovery(known["lpg"])
    assert origin == card["origin"] and steps == f"{card['environment_steps'] / 1e6:.0f} M"
    assert families == "tabular, procedural, chain" and comparison_page.discovery(known["a2c"])[0] == "hand-written"
    assert comparison_page.discovery(None) == ("not kept", "", "")


def test_the_commands_measure_what_the_tables_hold():
    lines = part("commands").splitlines()[1:-1]
    assert len(lines) == sum(len(suite.folders) for suite in SUITES)
    for line in lines:
        program, name, *words = shlex.split(line)
        arguments = parse(Arguments, words, "lpg evaluate")
        with (MEASURED / arguments.out.name / "results.csv").open() as file:
            table = [one for one in csv.DictReader(file) if one["rule"] not in REFERENCES]
        assert (program, name) == ("lpg", "evaluate")
        assert set(members(arguments.suite)) == {one["environment"] for one in table}
        assert arguments.seeds == len({one["seed"] for one in table})
        rules = [one.partition("=") for one in arguments.rule]
        assert [label for label, _, _ in rules] == list(dict.fromkeys(one["rule"] for one in table))
        for label, _, spec in rules:
            assert find_algorithm(ROOT / spec if spec else label)


def test_every_measured_folder_has_a_place(folder):
    assert unplaced() == [] and all((MEASURED / name / "results.csv").is_file() for name in LEFT_OUT)
    assert unplaced(folder) == ["one", "two"]


@pytest.mark.thorough
def test_the_page_and_its_figure_have_what_is_measured_today(made):
    assert (made / PAGE.name).read_text() == PAGE.read_text(), "python -m benchmarks.comparison_page makes it anew"
    numbers = [re.search(r"<dc:description>(.*?)</dc:description>", path.read_text())[1]
               for path in (FIGURE, made / "images" / FIGURE.name)]  # fmt: skip
    assert numbers[0] == numbers[1] and len(numbers[0]) > 200, "python -m benchmarks.comparison_page draws it anew"


def test_what_is_not_between_marks_stays_and_what_is_does_not():
    found = {suite.title: {"a2c": CELL} for suite in SUITES}
    page = "before\n<!-- measured: matrix -->\nold\n<!-- end -->\nafter\n"
    made = with_measurements(page, found)
    assert made.startswith("before\n<!--") and made.endswith("<!-- end -->\nafter\n") and "old" not in made
    assert with_measurements(made, found) == made and ".500 [.400, .600]<br>mean .55<br>40 trials" in made


def test_the_figure_has_the_numbers_and_the_same_bytes_every_time(tmp_path):
    better = dataclasses.replace(CELL, area=dataclasses.replace(AREA, iqm=0.75, low=0.7, high=0.8))
    found = {"one": {"a2c": CELL, "lpg": better}, "alone": {"a2c": CELL}}
    panels = points(found)
    better, worse = Estimate(0.75, 0.7, 0.8), Estimate(0.5, 0.4, 0.6)
    assert panels == {"one": {"lpg": (better, AREA.mean), "a2c": (worse, AREA.mean)}}
    mean = "0.550 0.450 0.650"
    assert description(panels) == f"one: lpg 0.750 0.700 0.800 {mean}, a2c 0.500 0.400 0.600 {mean}"
    (ax,) = draw(panels, {"lpg"}).axes
    drawn = [list(line.get_xdata()) for line in ax.lines]
    assert drawn == [[0.7, 0.8], [0.75], [0.45, 0.65], [0.55], [0.4, 0.6], [0.5], [0.45, 0.65], [0.55]]
    rows = [round(line.get_ydata()[0]) for line in ax.lines]
    assert rows == [0] * 4 + [1] * 4
    assert [label.get_text() for label in ax.get_yticklabels()] == ["lpg", "A2C"]
    assert len({line.get_color() for line in ax.lines}) == 2
    for name in ("a.svg", "b.svg"):
        save_figure(found, {"lpg"}, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_the_matrix_says_what_a_table_says():
    lines = parsed(part("matrix"))
    at = next(place for place, head in enumerate(lines[0]) if "whole lifetimes, one setting" in head)
    rows = results.read(MEASURED / "full-general-24" / "results.csv")
    own, apart = scores(rows)["lpg"].area, differences(rows, "a2c")["lpg"].area
    general = json.loads((ROOT / "lpg/rules/lpg.tuned.json").read_text())["general"]["table"]
    line = next(line for line in lines if line[0] == "**`lpg`**")
    assert line[at].replace("**", "").split("<br>") == [
        interval(own.middle), f"mean {number(own.mean.value)}", interval(apart.middle, signed=True),
        f"mean {interval(apart.mean, signed=True)}",
        f"{general['trials']} tried again" if "confirms" in general else f"{general['trials']} trials",
    ]  # fmt: skip
    assert {len(line) for line in lines} == {4 + len(SUITES)}
    rules = {line[0] for line in lines[2:]}
    assert len(rules) == len(lines) - 2 and all(set(line[4:]) != {"–"} for line in lines[2:])
