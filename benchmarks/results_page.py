"""Writes the measured tables of docs/results.md anew from docs/measured, and its figures; a test compares them.

    python -m benchmarks.results_page

A table stands between `<!-- measured: FOLDER -->` and `<!-- end -->`. Its columns are the rules of FOLDER/results.csv,
in their order; where there is a FOLDER/final.csv, the returns are those of the trained agents' most probable actions.
The table of `benchmarks.unseen` is called unseen.
"""

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks import unseen
from benchmarks.curves_figure import save_figure
from benchmarks.markdown import BASELINE, NAMES, bold, interval, number, plus_minus, table, with_parts
from lpg.evaluation import results
from lpg.evaluation.aggregates import Aggregate
from lpg.evaluation.results import REFERENCES, Row
from lpg.evaluation.scores import RuleScores, differences, scores

PAGE = Path(__file__).parents[1] / "docs" / "results.md"
IMAGES = PAGE.parent / "images"
MEASURED = PAGE.parent / "measured"
UNSEEN = "unseen"
"""The part that is no folder but the table of `benchmarks.unseen`."""


def main() -> None:
    """Replaces every marked table and the figures."""
    PAGE.write_text(with_tables(PAGE.read_text()))
    for path, rows in figures().items():
        save_figure(rows, path)


def figures(measured: Path = MEASURED) -> dict[Path, list[Row]]:
    """The learning curves of each figure."""
    atari = results.read(measured / "atari-breakout" / "results.csv")
    return {
        IMAGES / "unseen.svg": unseen.drawn(measured=measured),
        IMAGES / "atari.svg": [row for row in atari if row.rule not in REFERENCES],
    }


def with_tables(page: str, measured: Path = MEASURED) -> str:
    """The page with its tables made anew."""
    return with_parts(
        page, lambda name: unseen.in_markdown(measured=measured) if name == UNSEEN else table_of(measured / name)
    )


def table_of(folder: Path) -> str:
    """One table in Markdown: for each rule a return and an area, then the aggregates over environments.

    Args:
        folder: with results.csv and perhaps final.csv.
    """
    rows = results.read(folder / "results.csv")
    found = scores(rows)
    against = differences(rows, BASELINE) if BASELINE in found else {}
    finals = final_returns(folder / "final.csv")
    rules = list(found)
    what = "greedy return" if finals else "return"
    head = ["environment", *(f"{NAMES.get(rule, rule)}, {part}" for rule in rules for part in (what, "area"))]
    lines = []
    for name in dict.fromkeys(row.environment for row in rows):
        areas = [area_of(found[rule], name) for rule in rules]
        best = max((value for value in areas if np.isfinite(value)), default=np.nan)
        cells = [name]
        for rule, value in zip(rules, areas, strict=True):
            cells += [return_cell(found[rule], finals.get((rule, name)), name), bold(number(value), value == best)]
        lines.append(cells)
    lines += [
        ["interquartile mean [95 %]", *aggregates(rules, {rule: found[rule].area for rule in rules}, "middle")],
        ["mean [95 %]", *aggregates(rules, {rule: found[rule].area for rule in rules}, "mean")],
    ]
    if against:
        name, areas = f"difference from {NAMES[BASELINE]}, paired", {rule: of.area for rule, of in against.items()}
        lines += [
            [f"{name}, of the interquartile means", *aggregates(rules, areas, "middle", signed=True)],
            [f"{name}, of the means", *aggregates(rules, areas, "mean", signed=True)],
        ]
    return table(head, lines)


def aggregates(
    rules: list[str], found: Mapping[str, Aggregate | None], which: str, *, signed: bool = False
) -> list[str]:
    """The two cells of each rule in the line of an aggregate, of which the first is empty; both if it has none."""
    areas = [found.get(rule) for rule in rules]
    texts = ["" if area is None else interval(getattr(area, which), signed=signed) for area in areas]
    return [cell for text in texts for cell in ("", text)]


def final_returns(path: Path) -> dict[tuple[str, str], np.ndarray]:
    """Greedy returns by rule and environment, one for each agent; empty without a file."""
    found: dict[tuple[str, str], list[float]] = {}
    if path.is_file():
        for row in csv.DictReader(path.read_text().splitlines()):
            found.setdefault((row["rule"], row["environment"]), []).append(float(row["greedy_mean"] or "nan"))
    return {key: np.array(values) for key, values in found.items()}


def area_of(found: RuleScores, name: str) -> float:
    """Mean normalised area of a rule in an environment; NaN if there is none."""
    return np.nan if found.area is None else found.area.per_environment.get(name, np.nan)


def return_cell(found: RuleScores, finals: np.ndarray | None, name: str) -> str:
    """Mean ± standard error over agents, of the greedy returns if there are any."""
    if finals is not None and np.isfinite(finals).all():
        return plus_minus(float(finals.mean()), float(finals.std(ddof=1) / np.sqrt(len(finals))))
    if name not in found.raw_end:
        return ""
    mean, error = found.raw_end[name], found.raw_end_stderr[name]
    return plus_minus(mean, error) if np.isfinite(mean) else "no episode ends"


if __name__ == "__main__":
    main()
