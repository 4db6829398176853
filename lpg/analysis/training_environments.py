"""Returns on the paper's environments under each rule, beside the paper's. (Figure 3)"""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lpg.analysis.learning_curves import draw as draw_curves
from lpg.analysis.paper_numbers import FIGURE_3, FIGURE_3_DOUBTFUL, FIGURE_3_SHARES, FIGURE_3_STEPS
from lpg.analysis.study import Claim, Tables, judge, missing
from lpg.analysis.style import colours, save
from lpg.analysis.table import Table
from lpg.evaluation.aggregates import paired_interval
from lpg.evaluation.results import BEST_KNOWN, OPTIMUM, RANDOM, REFERENCES, Row, curves, end_row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D


A2C, LPG_V = "a2c", "lpg-v"
STATEMENT = "Agents end at higher returns under LPG than under {}."
CRITERION = (
    "The difference of the returns in the last tenth of the learning curve, LPG's minus {}'s, has a 95 % interval "
    "above 0 on at least 80 % of the paper's environments that were measured under both (paper, by means: {} of 15); "
    "on at least half is partly. Differences are paired: the same seed has the same environment and random numbers."
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


def ends_by_seed(rows: list[Row]) -> dict[str, dict[str, dict[int, float]]]:
    """Return at the end by rule, environment and seed; reference returns included."""

    def end(rule: str, curve: list[Row]) -> float:
        # A reference return is one exact number, of no episodes.
        return curve[-1].return_mean if rule in REFERENCES else end_row(curve).return_mean

    return {
        rule: {
            name: {seed: end(rule, curve) for seed, curve in seeds.items()} for name, seeds in by_environment.items()
        }
        for rule, by_environment in curves(rows).items()
    }


def ends(rows: list[Row]) -> dict[str, dict[str, float]]:
    """Mean return at the end, by rule and environment; reference returns included."""
    return {
        rule: {name: float(np.mean(list(seeds.values()))) for name, seeds in by_environment.items()}
        for rule, by_environment in ends_by_seed(rows).items()
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
    found = ends_by_seed(rows_of(tables["results"]))
    own = discovered(list(found))
    claims = []
    for other, words in ((A2C, "A2C"), (LPG_V, "LPG-V")):
        of_paper = sum(rules["lpg"][-1] > rules[other][-1] for rules in FIGURE_3.values())
        statement, criterion = STATEMENT.format(words), CRITERION.format(words, of_paper)
        names = [name for name in found.get(own or "", {}) if name in FIGURE_3 and name in found.get(other, {})]
        if own is None or not names:
            claims.append(missing("Figure 3", statement, criterion, f"no results yet under {words if own else 'LPG'}"))
            continue
        intervals = {name: _interval(found[own][name], found[other][name]) for name in names}
        ahead = [name for name, (low, _) in intervals.items() if low > 0]
        behind = [name for name, (_, high) in intervals.items() if high < 0]
        level = [name for name in names if name not in (*ahead, *behind)]
        claims.append(
            Claim(
                figure="Figure 3",
                statement=statement,
                criterion=criterion,
                found=f"above on {len(ahead)} of {len(names)}"
                + (f"; below on {', '.join(behind)}" if behind else "")
                + (f"; no difference on {', '.join(level)}" if level else ""),
                verdict=judge(len(ahead) / len(names), reproduced=0.8, partly=0.5),
            )
        )
    return claims


def _interval(one: dict[int, float], other: dict[int, float]) -> tuple[float, float]:
    """Of the difference between two rules in one environment, over the seeds that both have."""
    return paired_interval([one[seed] - other[seed] for seed in one if seed in other])


def _number(value: float | int | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.2f}"


def plot(tables: Tables, folder: Path) -> list[Path]:
    """Draws `training_environments.png`."""
    return [save(lambda: draw(tables), folder / "training_environments.png")]


def draw(tables: Tables) -> "Figure":
    """Ours are lines, the paper's squares in the colours of the same rules.

    Squares stand at the steps where the paper's axes have them; where those are doubtful, hollow ones at ten times as
    many. What lies beyond our curves is left out, but the paper's last value, a triangle at the right border.
    """
    rows = rows_of(tables["results"])
    figure = draw_curves(rows)
    rules = [rule for rule in dict.fromkeys(row.rule for row in rows) if rule not in REFERENCES]
    environments = list(dict.fromkeys(row.environment for row in rows if row.rule in rules))
    palette = colours(rules)
    own = discovered(rules)
    labels = {"lpg": own, LPG_V: LPG_V if LPG_V in rules else None, A2C: A2C if A2C in rules else None}
    marks = {}
    for ax, name in zip(figure.axes, environments, strict=False):
        longest = max(row.steps for row in rows if row.environment == name)
        for of_paper, label in labels.items():
            if label is not None and name in FIGURE_3:
                marks[label] = _marks(ax, name, FIGURE_3[name][of_paper], longest, palette[label])
    if marks:
        (legend,) = figure.legends
        names = [text.get_text() for text in legend.get_texts()]
        handles = [one for one in (*legend.legend_handles, *marks.values()) if one is not None]
        legend.remove()
        names += [f"{label}, paper" for label in marks]
        figure.legend(handles, names, loc="outside upper center", ncols=4)
    return figure


def _marks(ax: "Axes", name: str, values: tuple[float, ...], longest: int, colour: str) -> "Line2D":
    """The paper's values in one panel; returns a mark for the legend."""
    from matplotlib.lines import Line2D

    look: dict[str, Any] = {"linestyle": "none", "color": colour, "markersize": 4, "markeredgewidth": 0.8, "zorder": 5}
    readings = (1, 10) if name in FIGURE_3_DOUBTFUL else (1,)
    for reading in readings:
        at = [share * reading * FIGURE_3_STEPS[name] for share in FIGURE_3_SHARES]
        seen = [(x, y) for x, y in zip(at, values, strict=True) if x <= 1.01 * longest]
        if seen:
            face = colour if reading == 1 else "white"
            ax.plot(*zip(*seen, strict=True), marker="s", markerfacecolor=face, markeredgecolor=colour, **look)
    if at[-1] > 1.01 * longest:
        ax.plot([longest], [values[-1]], marker="<", clip_on=False, **look)
    return Line2D([], [], marker="s", **look)
