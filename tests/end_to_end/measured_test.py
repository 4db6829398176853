"""What `docs/results.md` says is what `docs/measured` holds, and its figures can be redrawn from there."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from lpg.analysis.study import SETTINGS
from lpg.analysis.table import read_table, select
from lpg.cli.main import main
from lpg.evaluation import results
from lpg.evaluation.scores import scores

DOCS = Path(__file__).parents[2] / "docs"
VARIANTS = {
    "LPG-V": "lpg-v", "no bootstrapping (ours)": "no-bootstrap", "**LPG**": "lpg", "y ∈ ℝ^m": "no-softmax",
    "no L2": "no-l2", "fixed hyper-parameters": "fixed-hyper", "no entropy of y": "no-entropy",
    "no recurrence (ours)": "no-recurrence",
}  # fmt: skip


def rows_under(heading):
    """The first table under a heading, without its head: cells by row."""
    text = (DOCS / "results.md").read_text().split(f"{heading}\n", 1)[1]
    lines = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def number(cell):
    return float(cell.strip("*").replace("−", "-").split(" ")[0])


@pytest.mark.thorough
@pytest.mark.parametrize(("heading", "folder"), [
    ("### … with the paper's step", "full"),
])  # fmt: skip
def test_the_tables_of_the_shipped_rules_are_what_was_measured(heading, folder):
    rules = ("lpg", "lpg-v", "a2c")
    found = scores(results.read(DOCS / "measured" / folder / "results.csv"))
    *rows, middle, interval, means = rows_under(heading)
    assert len(rows) == 10
    for position, rule in enumerate(rules):
        end, area = 1 + position, 2 + len(rules) + position
        per_environment = found[rule].area.per_environment
        for row in rows:
            assert np.mean(found[rule].raw_end[row[0]]) == pytest.approx(number(row[end]), abs=0.051), (row[0], rule)
            assert per_environment[row[0]] == pytest.approx(number(row[area]), abs=0.0051), (row[0], rule)
        for column, score in ((end, found[rule].end), (area, found[rule].area)):
            assert score.iqm == pytest.approx(number(middle[column]), abs=0.0006)
            ends = [float(part) for part in interval[column].strip("[]").split(", ")]
            assert (score.low, score.high) == pytest.approx(ends, abs=0.0006)
        assert np.mean(list(per_environment.values())) == pytest.approx(number(means[area]), abs=0.0051)


@pytest.mark.thorough
def test_the_rules_of_the_readme_have_what_was_measured():
    table = re.search(r"^\| rule \| meta-trained on.*?\n\n", (DOCS.parent / "README.md").read_text(), re.M | re.S)[0]
    cells = [line.strip("|").split("|") for line in table.splitlines()[2:] if "hand-written" not in line]
    found = [float(value) for row in cells for value in re.findall(r"\.\d+", row[-1])]
    more, general, tuned, control, toy, pictures, longer = (
        scores(results.read(DOCS / "measured" / name / "results.csv"))
        for name in ("tables-general-32", "tables-general", "tables-tuned", "control-general",
                     "toy-text", "minatar-general", "minatar-general-long")
    )  # fmt: skip
    pairs = [(more, "lpg"), (tuned, "lpg"), (general, "lpg-v"), (tuned, "lpg-v")]
    wanted = [of[rule].area.iqm for of, name in pairs for rule in (name, "a2c")]
    wanted += [
        of[rule].area.per_environment[environment]
        for of, name, environment in (
            (control, "lpg-networks", "classic/CartPole-v1"), (control, "lpg-networks", "bsuite/catch"),
        )
        for rule in (name, "a2c")
    ]  # fmt: skip
    every = (control, more, toy, pictures, longer)
    wanted += [of[rule].area.iqm for of in every for rule in ("lpg-kick-start", "a2c")]
    wanted += [of[rule].area.iqm for of in (control, more) for rule in ("lpg-optimistic", "a2c")]
    np.testing.assert_allclose(found, wanted, atol=0.0051)


def test_the_table_of_figure_7_is_what_was_measured():
    table = read_table(DOCS / "measured/ablation/validations.csv")
    rows = rows_under("### Figure 7 at our budget")
    assert {VARIANTS[row[0]] for row in rows} == set(table["variant"])
    for variant, *means, seeds, _ in rows:
        own = select(table, variant=VARIANTS[variant])
        for at, cell in zip((100, 200, 300), means, strict=True):
            assert select(own, meta_update=at)["score"].mean() == pytest.approx(number(cell), abs=0.0051)
        at_the_end = select(own, meta_update=300)["score"]
        np.testing.assert_allclose([number(cell) for cell in seeds.split(", ")], at_the_end, atol=0.0051)


def test_the_table_of_figure_9_is_what_was_measured():
    table = read_table(DOCS / "measured/diversity/scores.csv")
    rows = rows_under("### Figure 9 at our budget")
    names = list(dict.fromkeys(table["environment"].tolist()))
    for variant, (_, *cells, seeds) in zip(("tabular", "tabular-random", "tabular-random-chain"), rows, strict=True):
        own = select(table, variant=variant)
        by_name = [select(own, environment=name)["score"].mean() for name in names]
        np.testing.assert_allclose([number(cell) for cell in cells], [*by_name, own["score"].mean()], atol=0.0051)
        by_seed = [select(own, meta_seed=seed)["score"].mean() for seed in (0, 1, 2)]
        np.testing.assert_allclose([number(cell) for cell in seeds.split(", ")], by_seed, atol=0.0051)


@pytest.mark.parametrize(("figure", "option", "folder"), [
    ("figure-7", "--ablation", "ablation"), ("figure-9", "--diversity", "diversity"),
])  # fmt: skip
def test_figures_are_redrawn_from_what_was_measured(figure, option, folder, tmp_path, capsys):
    shutil.copytree(DOCS / "measured" / folder, tmp_path / folder)
    assert main(["reproduce", figure, option, str(tmp_path / folder), "--out", str(tmp_path / "out")]) == 0
    assert "NO RESULTS YET" not in capsys.readouterr().out
    assert list((tmp_path / folder / "figures").glob("*.png")) and (tmp_path / folder / SETTINGS).is_file()
