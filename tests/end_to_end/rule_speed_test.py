"""The benchmark of the rules' speed: what it times, by a clock of its own, and that the page has what was measured."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from benchmarks.rule_speed import RULES, STEPS, Point, in_markdown, measure, read, write
from lpg.update_rules.registry import find_rule

ROOT = Path(__file__).parents[2]


@pytest.mark.thorough
def test_the_median_round_counts_and_the_one_that_compiles_does_not():
    # Two rules take turns in four rounds. Begin and end of each training are read off this clock: 100 s in the first
    # round of each, then 2, 8 and 4 s for the first rule and 1, 1 and 50 s for the second: medians of 4 and 1 s.
    times = np.cumsum([0, 100, 0, 100, 0, 2, 0, 1, 0, 8, 0, 1, 0, 4, 0, 50])
    ticks = iter([float(at) for at in times])
    rules = [find_rule("a2c"), find_rule("lpg")]
    found = measure(rules, "chain/short", 640, num_agents=2, rounds=3, clock=lambda: next(ticks))
    assert [point.rule for point in found] == ["a2c", "lpg"]
    for point, seconds in zip(found, (4, 1), strict=True):
        num_updates = max(1, round(640 / point.steps_per_update))
        assert point.steps_per_second == 2 * num_updates * point.steps_per_update / seconds
        assert point.environment == "chain/short" and point.num_epochs == 1


def test_a_table_comes_back_and_has_a_row_for_each_rule(tmp_path):
    points = [
        Point("tabular/dense", "a2c", 1280, 1, 250_400.0),
        Point("tabular/dense", "lpg", 160, 4, 99_000.0),
        Point("classic/CartPole-v1", "a2c", 256, 1, 1_250_000.0),
    ]
    write(tmp_path / "new" / "speed.csv", points)
    assert read(tmp_path / "new" / "speed.csv") == points
    head, _, a2c, lpg = in_markdown(points).splitlines()
    assert head == "| rule | tabular/dense | classic/CartPole-v1 |"
    assert a2c == "| **A2C** | 250<br>1280 steps an update | 1,250<br>256 steps an update |"
    assert lpg == "| **`lpg`** | 99<br>160 steps an update, 4 times | – |"


def test_every_rule_was_measured_on_every_environment_and_the_page_says_what():
    points = read()
    assert [(point.environment, point.rule) for point in points] == [(name, rule) for name in STEPS for rule in RULES]
    assert all(dataclasses.astuple(point)[-1] > 0 for point in points)
    assert in_markdown(points) in (ROOT / "docs" / "comparison.md").read_text()
