"""Learning curves with the paper's returns as marks, at a quarter, half, three quarters and the end of the range."""

from pathlib import Path
from typing import TYPE_CHECKING

from lpg.analysis.learning_curves.plot import draw as draw_curves
from lpg.analysis.paper_numbers import FIGURE_3
from lpg.analysis.study import Tables
from lpg.analysis.style import colours, style
from lpg.analysis.training_environments.score import A2C, LPG_V, discovered, rows_of
from lpg.evaluation.results import OPTIMUM, RANDOM

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHARES = (0.25, 0.5, 0.75, 1.0)


def plot(tables: Tables, folder: Path) -> list[Path]:
    """Draws `training_environments.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    with style():
        draw(tables).savefig(folder / "training_environments.png")
    return [folder / "training_environments.png"]


def draw(tables: Tables) -> "Figure":
    """Ours are lines, the paper's squares in the colours of the same rules.

    The axes of steps differ (the paper's are doubtful, and budgets are scaled), so the marks stand at shares of ours.
    """
    rows = rows_of(tables["results"])
    figure = draw_curves(rows)
    rules = [rule for rule in dict.fromkeys(row.rule for row in rows) if rule not in (RANDOM, OPTIMUM)]
    environments = list(dict.fromkeys(row.environment for row in rows if row.rule in rules))
    palette = colours(rules)
    own = discovered(rules)
    labels = {"lpg": own, LPG_V: LPG_V if LPG_V in rules else None, A2C: A2C if A2C in rules else None}
    marks = {}
    for ax, name in zip(figure.axes, environments, strict=False):
        longest = max(row.steps for row in rows if row.environment == name)
        for of_paper, label in labels.items():
            if label is not None and name in FIGURE_3:
                (marks[label],) = ax.plot(
                    [share * longest for share in SHARES], FIGURE_3[name][of_paper], "s", color=palette[label],
                    markersize=4, markeredgecolor="white", markeredgewidth=0.6, alpha=0.85, zorder=5,
                )  # fmt: skip
    if marks:
        (legend,) = figure.legends
        names = [text.get_text() for text in legend.get_texts()]
        handles = [one for one in (*legend.legend_handles, *marks.values()) if one is not None]
        legend.remove()
        names += [f"{label}, paper" for label in marks]
        figure.legend(handles, names, loc="outside upper center", ncols=4)
    return figure
