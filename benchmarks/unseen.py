"""All environments of families on which no shipped rule was meta-trained or fitted: paired differences from A2C.

Every contestant has one setting for a kind of agent. `benchmarks.results_page` writes the table into docs/results.md.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from benchmarks.markdown import BASELINE, NAMES, interval, table
from benchmarks.measured import MEASURED, SUITES, Suite, rows
from lpg.evaluation.results import REFERENCES, Row
from lpg.evaluation.scores import differences

RULES = ("lpg-kick-start", "lpg-optimistic", "ppo")
"""Contestants beside A2C."""


def in_markdown(suites: Sequence[Suite] = SUITES, measured: Path = MEASURED) -> str:
    """A line for each environment, then how often a rule is not below A2C, and its differences over all of them.

    Not below: the 95 % interval of the paired difference in area reaches zero. The last two lines are over all runs of
    those environments on which the rule was measured, which the line before counts.
    """
    found = _rows([suite for suite in suites if suite.is_unseen], measured)
    names = list(dict.fromkeys(row.environment for row in found if row.rule == BASELINE))
    apart = {name: differences([row for row in found if row.environment == name], BASELINE) for name in names}
    lines, over_all = [], differences(found, BASELINE)
    for name in names:
        areas = [apart[name][rule].area.mean if rule in apart[name] else None for rule in RULES]
        lines.append([name, *("–" if area is None else interval(area, signed=True) for area in areas)])
    counts, middles, means = (
        ["not below A2C, of those measured"],
        ["all these, interquartile means"],
        ["all these, means"],
    )
    for rule in RULES:
        highs = [of[rule].area.mean.high for of in apart.values() if rule in of]
        counts.append(f"{sum(high >= 0 for high in highs)} of {len(highs)}")
        area = over_all[rule].area if rule in over_all else None
        middles.append("–" if area is None else interval(area.middle, signed=True))
        means.append("–" if area is None else interval(area.mean, signed=True))
    head = ["environment, environment steps", *(NAMES.get(rule, f"`{rule}`") for rule in RULES)]
    return table(head, [*lines, counts, middles, means])


def _rows(suites: Sequence[Suite], measured: Path) -> list[Row]:
    """The rows of several suites, with the length of a training in the environment's name."""
    found = []
    for suite in suites:
        own = [row for row in rows(suite, measured) if row.rule in (BASELINE, *RULES, *REFERENCES)]
        ends: dict[str, int] = {}
        for row in own:
            ends[row.environment] = max(row.steps, ends.get(row.environment, 0))
        for row in own:
            name = f"{row.environment}, {ends[row.environment] / 1e6:.2g} M"
            found.append(dataclasses.replace(row, environment=name))
    return found
