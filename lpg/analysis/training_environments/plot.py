"""Learning curves with the paper's returns as marks, at a quarter, half, three quarters and the end of the range."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpg.analysis.learning_curves.plot import draw as draw_curves
from lpg.analysis.paper_numbers import FIGURE_3, FIGURE_3_DOUBTFUL, FIGURE_3_SHARES, FIGURE_3_STEPS
from lpg.analysis.study import Tables
from lpg.analysis.style import colours, style
from lpg.analysis.training_environments.score import A2C, LPG_V, discovered, rows_of
from lpg.evaluation.results import REFERENCES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D


def plot(tables: Tables, folder: Path) -> list[Path]:
    """Draws `training_environments.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    with style():
        draw(tables).savefig(folder / "training_environments.png")
    return [folder / "training_environments.png"]


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
