"""How the tables of docs/results.md are made from what was measured."""

import re

import pytest

from benchmarks.markdown import MARKED
from benchmarks.results_page import MEASURED, PAGE, UNSEEN, table_of, with_tables
from lpg.evaluation import results
from lpg.evaluation.results import Row

HEAD = "| environment | A2C, return | A2C, area | own, return | own, area |"


def row(rule: str, seed: int, steps: int, mean: float, environment: str = "bsuite/catch") -> Row:
    return Row(rule, environment, seed, steps, steps, mean, 0.0, 1000)


@pytest.fixture
def folder(tmp_path):
    """Catch: −1 + 2 · normalised return. Two agents each, two points of the curve."""
    rows = [row("a2c", seed, steps, mean) for seed, ends in ((0, (0.0, 0.5)), (1, (-0.5, 0.5)))
            for steps, mean in zip((10, 20), ends, strict=True)]  # fmt: skip
    rows += [row("own", seed, steps, 0.75) for seed in (0, 1) for steps in (10, 20)]
    rows += [row(reference, seed, 0, mean) for reference, mean in (("random", -1.0), ("optimum", 1.0))
             for seed in (0, 1)]  # fmt: skip
    results.write(tmp_path / "results.csv", rows)
    return tmp_path


def test_a_table_worked_by_hand(folder):
    # A2C: mean over the curve .25 and 0, normalised .625 and .5, mean .5625; own: .75 → .875.
    head, _, catch, middle, mean, apart, apart_in_the_mean = table_of(folder).splitlines()
    assert head == HEAD
    assert catch == "| bsuite/catch | .50 ± .00 | .56 | .75 ± .00 | **.88** |"
    assert mean == "| mean [95 %] |  | .562 [.500, .625] |  | .875 [.875, .875] |"
    assert re.fullmatch(
        r"\| interquartile mean \[95 %\] \|  \| \.562 \[\.5.*\] \|  \| \.875 \[\.875, \.875\] \|", middle
    )
    assert apart == ("| difference from A2C, paired, of the interquartile means |  |  |  | +.312 [+.250, +.375] |")
    assert apart_in_the_mean == "| difference from A2C, paired, of the means |  |  |  | +.312 [+.250, +.375] |"


def test_greedy_returns_take_the_place_of_training_returns_where_there_are_any(folder):
    lines = "rule,environment,seed,greedy_mean\na2c,bsuite/catch,0,1\na2c,bsuite/catch,1,0\n"
    (folder / "final.csv").write_text(lines)
    text = table_of(folder)
    assert "A2C, greedy return" in text and "| .50 ± .50 | .56 | .75 ± .00 |" in text


def test_marked_tables_alone_are_replaced(folder):
    page = f"before\n<!-- measured: {folder.name} -->\nold\n<!-- end -->\nafter\n"
    found = with_tables(page, folder.parent)
    assert found.startswith("before\n<!--") and found.endswith("<!-- end -->\nafter\n") and "old" not in found
    assert table_of(folder) in found and with_tables(found, folder.parent) == found


@pytest.mark.thorough
def test_the_page_says_what_was_measured():
    page = PAGE.read_text()
    assert with_tables(page) == page, "python -m benchmarks.results_page makes the tables anew"
    named = [match[2] for match in MARKED.finditer(page) if match[2] != UNSEEN]
    assert (
        f"<!-- measured: {UNSEEN} -->" in page
        and len(named) >= 4
        and all((MEASURED / name / "results.csv").is_file() for name in named)
    )
    # A twin with another number in one table is told apart.
    table = next(MARKED.finditer(page))
    wrong = page[: table.start(3)] + table[3].replace("± ", "± 1", 1) + page[table.end(3) :]
    assert with_tables(wrong) == page != wrong
