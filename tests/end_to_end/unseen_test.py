"""The table of environments that no rule was made with, worked by hand."""

import dataclasses
import re

import pytest

from benchmarks.curves_figure import digest, save_figure
from benchmarks.measured import SUITES, Suite, known_rules
from benchmarks.results_page import figures
from benchmarks.unseen import RULES, drawn, in_markdown
from lpg.evaluation import results
from lpg.evaluation.results import Row
from lpg.evaluation.suites import members
from lpg.update_rules.rule_paths import shipped


def row(rule: str, environment: str, seed: int, mean: float, steps: int = 320_000) -> Row:
    return Row(rule, environment, seed, steps, steps, mean, 0.0, 1000)


def suite(name: str, *, is_unseen: bool = True) -> Suite:
    return Suite(title=name, folders=(name,), environments="bsuite/catch", is_unseen=is_unseen)


@pytest.fixture
def measured(tmp_path):
    """Returns are 0 to 1 and normalised: between a random policy of 0 and an optimum of 1."""
    tables = {
        # Ahead by .25 with both seeds; PPO is behind by .5 and ahead by .25, so that its interval has zero in it.
        "one": [row("a2c", "x", 0, 0.5), row("a2c", "x", 1, 0.25), row("lpg-kick-start", "x", 0, 0.75),
                row("lpg-kick-start", "x", 1, 0.5), row("ppo", "x", 0, 0.0), row("ppo", "x", 1, 0.5)]
        + [row(rule, "y", seed, mean) for rule, mean in (("a2c", 0.5), ("lpg-kick-start", 0.625), ("ppo", 0.75))
           for seed in (0, 1)],
        # The same environment for longer: behind by .5 with both; PPO was not measured.
        "two": [row("a2c", "x", seed, 0.75, 960_000) for seed in (0, 1)]
        + [row("lpg-kick-start", "x", seed, 0.25, 960_000) for seed in (0, 1)],
        "seen": [row("a2c", "z", 0, 0.5), row("ppo", "z", 0, 1.0)],
    }  # fmt: skip
    for name, found in tables.items():
        environments = {one.environment for one in found}
        found += [row(reference, environment, seed, mean, 0) for reference, mean in (("random", 0.0), ("optimum", 1.0))
                  for environment in environments for seed in (0, 1)]  # fmt: skip
        results.write(tmp_path / name / "results.csv", found)
    return tmp_path


def test_lines_counts_and_means(measured):
    head, _, x, y, longer_x, *over_all = in_markdown(
        [suite("one"), suite("seen", is_unseen=False), suite("two")], measured
    ).splitlines()
    assert head == "| environment, environment steps | `lpg-kick-start` | `lpg-optimistic` | PPO |"
    assert x == "| x, 0.32 M | +.250 [+.250, +.250] | – | −.125 [−.500, +.250] |"
    assert y == "| y, 0.32 M | +.125 [+.125, +.125] | – | +.250 [+.250, +.250] |"
    assert longer_x == "| x, 0.96 M | −.500 [−.500, −.500] | – | – |"
    # The middle two of four runs. Shorter: .5, .625, .625, .75 and .25, .5, .5, .5; longer: .25, .25, .625, .625 and
    # .5, .5, .75, .75. Means: (.25 + .125) / 2 and (−.5 + .125) / 2. PPO was not measured for longer.
    assert [line.split(" | ")[0].lstrip("| ") for line in over_all] == [
        "each once, the shorter training: not below A2C", "… interquartile means", "… means",
        "each once, the longer training: not below A2C", "… interquartile means", "… means",
    ]  # fmt: skip
    cells = [line.strip("| ").split(" | ")[1:] for line in over_all]
    assert cells[0] == ["2 of 2", "–", "2 of 2"] and cells[3] == ["1 of 2", "–", "–"]
    assert cells[1][0].startswith("+.125 [") and cells[4][0].startswith("−.188 [")
    assert cells[2] == ["+.188 [+.188, +.188]", "–", "+.062 [−.125, +.250]"]
    assert cells[5] == ["−.188 [−.188, −.188]", "–", "–"]


def test_the_figure_has_the_longest_training_that_all_were_measured_in(measured):
    suites = [suite("one"), suite("seen", is_unseen=False), suite("two")]
    found = drawn(suites, measured)
    assert {(row.environment, row.rule, row.steps) for row in found} == {
        (name, rule, 320_000) for name in "xy" for rule in ("lpg-kick-start", "A2C", "PPO")
    }
    longer = [row("ppo", "x", seed, 0.5, 960_000) for seed in (0, 1)]
    results.write(
        measured / "two" / "results.csv", [*results.read(measured / "two" / "results.csv"), *longer], replace=True
    )
    assert {(row.environment, row.steps) for row in drawn(suites, measured)} == {("x", 960_000), ("y", 320_000)}


def test_the_figures_of_the_page_are_drawn_from_todays_tables(tmp_path, measured):
    for path, rows in figures().items():
        assert re.search(r"<dc:description>(.*?)</dc:description>", path.read_text())[1] == digest(rows)
    found = drawn([suite("one")], measured)
    save_figure(found, tmp_path / "figure.svg")
    assert digest(found) in (tmp_path / "figure.svg").read_text()
    assert digest([dataclasses.replace(found[0], return_mean=0.0), *found[1:]]) != digest(found)


def test_no_contestant_and_no_rule_that_ships_was_made_with_these_families():
    unseen = [one for one in SUITES if one.is_unseen]
    families = {name.split("/")[0] for one in unseen for name in members(one.environments)}
    assert families == {"toy_text", "classic", "bsuite", "minatar"}
    learned = {name: rule for name, rule in known_rules().items() if name in shipped() or name in RULES}
    assert set(RULES) <= set(learned)
    for rule in (rule for rule in learned.values() if rule.is_learned):
        made_with = {name.split("/")[0] for name in members(rule.card["config"]["suite"])}
        assert made_with and not made_with & families
    assert all(one.settings == "general" for one in unseen)
