"""The figure of docs/comparison.md: a panel for each suite, in it a point with its interval for each rule."""

import textwrap
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.markdown import BASELINE, NAMES
from benchmarks.measured import Cell
from lpg.analysis.style import INK, MUTED, RULE_COLOURS, style
from lpg.evaluation.aggregates import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 3
INCHES = (3.4, 0.32)
"""Width of a panel, and height of a rule in it."""
GAP = 2.4
"""Between two lines of panels, in heights of a rule."""
DISCOVERED, BY_HAND = RULE_COLOURS[:2]

Point = tuple[Estimate, Estimate]
"""Interquartile mean of the area, and mean."""


def save_figure(found: Mapping[str, Mapping[str, Cell]], discovered: Collection[str], path: Path) -> None:
    """Draws what was measured into an SVG file, the same bytes for the same numbers.

    Args:
        found: by the title of the suite and the name of the rule.
        discovered: names of the rules that are not written by hand.
    """
    import matplotlib as mpl

    path.parent.mkdir(parents=True, exist_ok=True)
    panels = points(found)
    with style(), mpl.rc_context({"svg.hashsalt": "lpg"}):
        draw(panels, discovered).savefig(path, metadata={"Date": None, "Description": description(panels)})


def points(found: Mapping[str, Mapping[str, Cell]]) -> dict[str, dict[str, Point]]:
    """What is drawn, by suite and rule, the best first; suites with a single rule compare nothing and are left out."""
    panels = {}
    for title, by_rule in found.items():
        areas = {name: cell.area for name, cell in by_rule.items() if cell.area is not None}
        order = sorted(areas, key=lambda name: -areas[name].iqm)
        if len(areas) > 1:
            panels[title] = {name: (areas[name].middle, areas[name].mean) for name in order}
    return panels


def description(panels: Mapping[str, Mapping[str, Point]]) -> str:
    """The numbers of the figure in words; the file keeps them, so that one can see whether it is drawn from today's."""

    def numbers(point: Point) -> str:
        return " ".join(f"{of.value:.3f} {of.low:.3f} {of.high:.3f}" for of in point)

    return "; ".join(
        f"{title}: {', '.join(f'{name} {numbers(point)}' for name, point in own.items())}"
        for title, own in panels.items()
    )


def draw(panels: Mapping[str, Mapping[str, Point]], discovered: Collection[str]) -> "Figure":
    """The figure; the interval of A2C's interquartile mean is a band, too."""
    from matplotlib.figure import Figure

    items = list(panels.items())
    lines = [items[at : at + COLUMNS] for at in range(0, len(items), COLUMNS)]
    heights = [max(len(own) for _, own in line) for line in lines]
    figure = Figure(figsize=(INCHES[0] * COLUMNS, INCHES[1] * (sum(heights) + GAP * len(lines))))
    # A layout that is computed differs by rounding from one process to the next.
    grid = figure.add_gridspec(
        len(lines), COLUMNS, height_ratios=heights, left=0.1, right=1, bottom=0.03, top=1, wspace=0.42,
        hspace=GAP * len(lines) / sum(heights),
    )  # fmt: skip
    for row, line in enumerate(lines):
        for column, (title, own) in enumerate(line):
            ax = figure.add_subplot(grid[row, column])
            _panel(ax, own, discovered)
            ax.set_title(textwrap.fill(title, 32))
            ax.set_ylim(max(len(own) for _, own in line) - 0.5, -0.5)
    return figure


def _panel(ax: "Axes", own: Mapping[str, Point], discovered: Collection[str]) -> None:
    """One suite."""
    from matplotlib.ticker import MaxNLocator

    for place, (name, (middle, mean)) in enumerate(own.items()):
        colour = INK if name == BASELINE else DISCOVERED if name in discovered else BY_HAND
        ax.plot([middle.low, middle.high], [place - 0.12] * 2, color=colour, zorder=3)
        ax.plot([middle.value], [place - 0.12], "o", color=colour, markersize=5, zorder=4)
        ax.plot([mean.low, mean.high], [place + 0.2] * 2, color=colour, linewidth=0.8, zorder=3)
        ax.plot([mean.value], [place + 0.2], "o", color=colour, markersize=4, markerfacecolor="white", zorder=4)
        if name == BASELINE:
            ax.axvspan(middle.low, middle.high, color=MUTED, alpha=0.18, linewidth=0, zorder=1)
    ax.set_yticks(range(len(own)), [NAMES.get(name, name) for name in own])
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.grid(axis="y", visible=False)
