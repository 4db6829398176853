"""Writes the marked parts of docs/comparison.md anew from docs/measured, and its figure; a test holds the page to them.

    python -m benchmarks.comparison_page

The suites are listed in benchmarks/measured.py. A rule that one of their tables names has a row without being listed
anywhere: scores are from the tables, trials from the tuning tables, steps and origins from the rules' cards.
"""

import argparse
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.comparison_figure import save_figure
from benchmarks.markdown import NAMES, bold, interval, number, table, with_parts
from benchmarks.measured import LEFT_OUT, SUITES, Cell, Suite, cells, command, known_rules, unplaced
from benchmarks.rule_speed import in_markdown, read
from lpg.evaluation.suites import members
from lpg.update_rules.registry import NamedRule
from lpg.update_rules.rule_file import origin

PAGE = Path(__file__).parents[1] / "docs" / "comparison.md"
FIGURE = PAGE.parent / "images" / "comparison.svg"
RESULTS = PAGE.with_name("results.md")
NOT_MEASURED = "–"

Found = Mapping[str, Mapping[str, Cell]]
"""What was measured, by the title of the suite and the name of the rule."""


def main() -> None:
    """Replaces the marked parts and the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=PAGE.parent, help="folder for the page and images/; none: docs")
    folder = parser.parse_args().out
    if names := unplaced():
        raise SystemExit(f"docs/measured: {', '.join(names)} in no suite; a place in SUITES of benchmarks/measured.py, "
                         "or a reason in LEFT_OUT, is needed")  # fmt: skip
    found = measurements()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PAGE.name).write_text(with_measurements(PAGE.read_text(), found))
    save_figure(found, discovered(), folder / "images" / FIGURE.name)


def measurements() -> Found:
    """Everything that the page is about."""
    return {suite.title: cells(suite) for suite in SUITES}


def discovered() -> set[str]:
    """Names of the rules that are not written by hand."""
    return {name for name, rule in known_rules().items() if rule.is_learned}


def with_measurements(page: str, found: Found) -> str:
    """The page with its marked parts made anew."""
    rules = known_rules()
    parts = {"commands": commands, "matrix": lambda: matrix(found, rules), "rest": lambda: rest(found, rules),
             "speed": lambda: in_markdown(read())}  # fmt: skip
    return with_parts(page, lambda name: parts[name]())


def commands() -> str:
    """What measured the tables."""
    lines = [command(suite, folder) for suite in SUITES for folder in suite.folders]
    return "\n".join(["```shell", *lines, "```"])


def matrix(found: Found, rules: Mapping[str, NamedRule], suites: tuple[Suite, ...] = SUITES) -> str:
    """One row for each rule that was measured, one column for each suite.

    Args:
        rules: by name, in the order of the rows; rules that are not among them come last.
    """
    measured = {name for suite in suites for name in found[suite.title]}
    names = [name for name in rules if name in measured] + sorted(measured - set(rules))
    head = ["rule", "began from", "environment steps", "discovered on", *(heading(s, found[s.title]) for s in suites)]
    columns = [column(suite, found[suite.title], names) for suite in suites]
    lines = [
        [f"**{NAMES.get(name, f'`{name}`')}**", *discovery(rules.get(name)), *(own[name] for own in columns)]
        for name in names
    ]
    return table(head, lines)


def column(suite: Suite, by_rule: Mapping[str, Cell], names: list[str]) -> dict[str, str]:
    """The cells of a suite; of several areas over all its environments the largest is bold."""
    total, most = len(members(suite.environments)), max(cell.num_seeds for cell in by_rule.values())
    whole = {name: c.area.iqm for name, c in by_rule.items() if c.area and len(c.environments) == total}
    best = max(whole.values()) if len(whole) > 1 else np.nan
    return {
        name: cell_text(by_rule[name], total, most, is_best=whole.get(name) == best)
        if name in by_rule
        else NOT_MEASURED
        for name in names
    }


def cell_text(cell: Cell, total: int, most: int, *, is_best: bool) -> str:
    """Area, its mean, differences from A2C, trials, and what is missing, each on a line.

    Args:
        total: number of environments of the suite.
        most: seeds that its rules have.
    """
    parts = ["no score"]
    if cell.area is not None:
        parts = [bold(interval(cell.area.middle), is_best), f"mean {number(cell.area.mean.value)}"]
    if cell.apart is not None:
        parts += [interval(cell.apart.middle, signed=True), f"mean {interval(cell.apart.mean, signed=True)}"]
    parts += ["; ".join(cell.searched)]
    parts += [] if len(cell.environments) == total else [f"{len(cell.environments)} of {total} environments"]
    parts += [] if cell.num_seeds == most else [f"{cell.num_seeds} seeds"]
    return "<br>".join(parts)


def heading(suite: Suite, by_rule: Mapping[str, Cell]) -> str:
    """Title, number of seeds and steps of a suite, with a link to its section of the results."""
    ends = min(cell.steps[0] for cell in by_rule.values()), max(cell.steps[1] for cell in by_rule.values())
    amount = " to ".join(dict.fromkeys(f"{number(steps / 1e6)} M" for steps in ends))
    seeds = max(cell.num_seeds for cell in by_rule.values())
    return f"[{suite.title}]({section(suite)})<br>{seeds} seeds, {amount} steps"


def section(suite: Suite) -> str:
    """Where the results of a suite are given environment by environment: the section with the table of its folder."""
    before, marker, _ = RESULTS.read_text().partition(f"<!-- measured: {suite.folders[0]} -->")
    headings = re.findall(r"^## (.*)$", before, re.MULTILINE) if marker else []
    anchor = re.sub(r"[^\w\- ]", "", headings[-1].lower()).replace(" ", "-") if headings else ""
    return f"{RESULTS.name}{'#' if anchor else ''}{anchor}"


def discovery(rule: NamedRule | None) -> tuple[str, str, str]:
    """What the discovery of a rule began from, how many environment steps it took, and on which environments."""
    if rule is None:
        return "not kept", "", ""
    if not rule.is_learned:
        return "hand-written", "", ""
    steps, names = rule.card.get("environment_steps"), rule.card.get("environments", ())
    families = dict.fromkeys(name.partition("/")[0] for name in names)
    return origin(rule.card), "not recorded" if steps is None else f"{steps / 1e6:,.0f} M", ", ".join(families)


def rest(found: Found, rules: Mapping[str, NamedRule]) -> str:
    """What has no row, and what has no column."""
    measured = {name for by_rule in found.values() for name in by_rule}
    names = ", ".join(f"`{name}`" for name in rules if name not in measured)
    lines = [f"- Not measured on any of these suites: {names}."] if names else []
    return "\n".join(lines + [f"- `docs/measured/{folder}` has no column: {why}." for folder, why in LEFT_OUT.items()])


if __name__ == "__main__":
    main()
