"""On how many environments the discovered rule ends above A2C and above LPG-V; and its returns beside the paper's."""

import math

import numpy as np

from lpg.analysis.claims import Claim, judge, missing
from lpg.analysis.paper_numbers import FIGURE_3
from lpg.analysis.study import Tables
from lpg.analysis.table import Table
from lpg.evaluation.results import BEST_KNOWN, OPTIMUM, RANDOM, REFERENCES, Row, curves, end_row

A2C, LPG_V = "a2c", "lpg-v"
SAYS = "Agents end at higher returns under LPG than under {}."
CRITERION = (
    "LPG's mean return in the last tenth of the learning curve is above {}'s on at least 80 % of the environments that "
    "were measured under both (paper: {} of 15); on at least half is partly."
)


def rows_of(table: Table) -> list[Row]:
    """A results table as rows."""
    columns = zip(*(table[name].tolist() for name in Row.__dataclass_fields__), strict=True)
    return [
        Row(str(rule), str(name), int(seed), int(updates), int(steps), float(mean), float(error), int(episodes))
        for rule, name, seed, updates, steps, mean, error, episodes in columns
    ]


def discovered(rules: list[str]) -> str | None:
    """Which of the rules in a table is the LPG: the first that is neither a baseline nor a reference return."""
    return next((rule for rule in rules if rule not in (A2C, LPG_V, *REFERENCES)), None)


def ends(rows: list[Row]) -> dict[str, dict[str, float]]:
    """Mean return at the end, by rule and environment; reference returns included."""

    def end(rule: str, curve: list[Row]) -> float:
        # A reference return is one exact number, of no episodes.
        return curve[-1].return_mean if rule in REFERENCES else end_row(curve).return_mean

    return {
        rule: {
            name: float(np.mean([end(rule, curve) for curve in seeds.values()]))
            for name, seeds in by_environment.items()
        }
        for rule, by_environment in curves(rows).items()
    }


def beside_paper(rows: list[Row]) -> list[list[str]]:
    """A line per environment: ours and the paper's returns at the end, under LPG, LPG-V and A2C; `–` where unknown."""
    found = ends(rows)
    ours = {"lpg": discovered(list(found)), LPG_V: LPG_V, A2C: A2C}
    names = dict.fromkeys(row.environment for row in rows if row.rule not in REFERENCES)
    lines = [["environment", "LPG", "paper", "LPG-V", "paper", "A2C", "paper", "random", "optimum or best known"]]
    for name in names:
        cells = []
        for of_paper, label in ours.items():
            cells.append(_number(found.get(label or "", {}).get(name)))
            cells.append(_number(FIGURE_3[name][of_paper][-1] if name in FIGURE_3 else None))
        random, optimum, best_known = (
            found.get(reference, {}).get(name) for reference in (RANDOM, OPTIMUM, BEST_KNOWN)
        )
        lines.append([name, *cells, _number(random), _number(best_known if optimum is None else optimum)])
    return lines


def score(tables: Tables) -> list[Claim]:
    """The two claims of figure 3."""
    found = ends(rows_of(tables["results"]))
    own = discovered(list(found))
    claims = []
    for other, words in ((A2C, "A2C"), (LPG_V, "LPG-V")):
        ahead = sum(rules["lpg"][-1] > rules[other][-1] for rules in FIGURE_3.values())
        says, criterion = SAYS.format(words), CRITERION.format(words, ahead)
        if own is None or other not in found:
            claims.append(missing("Figure 3", says, criterion, f"no results yet under {words if own else 'LPG'}"))
            continue
        both = [name for name in found[own] if name in found[other]]
        above = [name for name in both if found[own][name] > found[other][name]]
        below = [name for name in both if name not in above]
        claims.append(
            Claim(
                figure="Figure 3",
                says=says,
                criterion=criterion,
                found=f"above on {len(above)} of {len(both)}" + (f"; not on {', '.join(below)}" if below else ""),
                verdict=judge(len(above) / max(len(both), 1), reproduced=0.8, partly=0.5),
            )
        )
    return claims


def _number(value: float | int | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.2f}"
