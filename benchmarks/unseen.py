"""All environments of families on which no shipped rule was meta-trained or fitted: paired differences from A2C.

Every contestant has one setting for a kind of agent. `benchmarks.results_page` writes the table into docs/results.md
and draws the learning curves.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.markdown import BASELINE, NAMES, interval, table
from benchmarks.measured import MEASURED, SUITES, Suite, rows
from lpg.evaluation.results import REFERENCES, Row
from lpg.evaluation.scores import Difference, differences

RULES = ("lpg-kick-start", "lpg-optimistic", "ppo")
"""Contestants beside A2C."""
DRAWN = ("lpg-kick-start", BASELINE, "ppo")
"""In the figure."""
SEPARATOR = ", "
"""Between an environment and the length of its training."""


def in_markdown(suites: Sequence[Suite] = SUITES, measured: Path = MEASURED) -> str:
    """A line for each environment and length of training, then the differences over all environments.

    There every environment counts once: where trainings have two lengths, with the shorter in one block of lines and
    with the longer in another. Not below: the 95 % interval of the paired difference in area reaches zero. A rule that
    was not measured on all has no numbers over all.
    """
    found = _rows([suite for suite in suites if suite.is_unseen], measured)
    ends: dict[str, int] = {}
    for row in found:
        if row.rule == BASELINE:
            ends[row.environment] = max(row.steps, ends.get(row.environment, 0))
    names, lengths = list(ends), {}
    for name in sorted(names, key=lambda name: ends[name]):
        lengths.setdefault(name.split(SEPARATOR)[0], []).append(name)
    blocks = {"shorter": [of[0] for of in lengths.values()], "longer": [of[-1] for of in lengths.values()]}
    apart = {name: differences([row for row in found if row.environment == name], BASELINE) for name in names}
    lines = [[name, *(_mean(apart[name], rule) for rule in RULES)] for name in names]
    for which, chosen in blocks.items():
        over_all = differences([row for row in found if row.environment in chosen], BASELINE)
        counts, middles, means = [], [], []
        for rule in RULES:
            highs = [apart[name][rule].area.mean.high for name in chosen if rule in apart[name]]
            is_whole = len(highs) == len(chosen)
            counts.append(f"{sum(high >= 0 for high in highs)} of {len(highs)}" if is_whole else "–")
            middles.append(interval(over_all[rule].area.middle, signed=True) if is_whole else "–")
            means.append(_mean(over_all, rule) if is_whole else "–")
        lines += [
            [f"each once, the {which} training: not below A2C", *counts],
            ["… interquartile means", *middles],
            ["… means", *means],
        ]
    return table(["environment, environment steps", *(NAMES.get(rule, f"`{rule}`") for rule in RULES)], lines)


def drawn(suites: Sequence[Suite] = SUITES, measured: Path = MEASURED) -> list[Row]:
    """The curves of the figure: in each environment the longest training in which all of `DRAWN` were measured.

    Reference returns are left out: the best that are known of MinAtar are no optimum, and random ones of CliffWalking
    are so low that nothing else could be seen.
    """
    found = _rows([suite for suite in suites if suite.is_unseen], measured)
    by_name: dict[str, list[Row]] = {}
    for row in found:
        by_name.setdefault(row.environment, []).append(row)
    longest: dict[str, list[Row]] = {}
    for name, own in by_name.items():
        chosen = longest.get(name.split(SEPARATOR)[0], [])
        if {row.rule for row in own} >= set(DRAWN) and _end(own) > _end(chosen):
            longest[name.split(SEPARATOR)[0]] = own
    return [
        dataclasses.replace(row, rule=NAMES.get(rule, rule), environment=name)
        for name, own in longest.items()
        for rule in DRAWN
        for row in own
        if row.rule == rule
    ]


def _end(rows: Sequence[Row]) -> int:
    """Steps of the longest training; 0 without rows."""
    return max((row.steps for row in rows), default=0)


def _mean(apart: Mapping[str, Difference], rule: str) -> str:
    """The difference of the means with its interval; a dash where the rule was not measured."""
    return interval(apart[rule].area.mean, signed=True) if rule in apart else "–"


def _rows(suites: Sequence[Suite], measured: Path) -> list[Row]:
    """The rows of several suites, with the length of a training in the environment's name."""
    found = []
    for suite in suites:
        own = [row for row in rows(suite, measured) if row.rule in (BASELINE, *RULES, *REFERENCES)]
        ends: dict[str, int] = {}
        for row in own:
            ends[row.environment] = max(row.steps, ends.get(row.environment, 0))
        for row in own:
            name = f"{row.environment}{SEPARATOR}{ends[row.environment] / 1e6:.2g} M"
            found.append(dataclasses.replace(row, environment=name))
    return found
