"""Learning curves: a panel per environment, a line with its interval per rule, dashed reference returns."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lpg.analysis.style import INK, MUTED, colours, style
from lpg.evaluation.results import OPTIMUM, RANDOM, REFERENCES, Row, curves, smoothed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


PANEL_INCHES = (3.1, 2.25)
MAX_COLUMNS = 4


def save_figure(rows: Sequence[Row], path: Path) -> Path:
    """Draws a results table into a file (png, svg or pdf by its ending).

    Raises:
        ValueError: the table has no learning curve in it.
        OSError: nothing could be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with style():
        draw(rows).savefig(path)
    return path


def draw(rows: Sequence[Row]) -> "Figure":
    """A figure from a results table.

    Lines are means over seeds, shaded areas ± one standard error over seeds; a single seed has no area.

    Raises:
        ValueError: the table has no learning curve in it.
    """
    from matplotlib.figure import Figure

    table = curves(rows)
    rules = [rule for rule in table if rule not in REFERENCES]
    environments = list(dict.fromkeys(row.environment for row in rows if row.rule in rules))
    if not environments:
        raise ValueError("the results table has no learning curve in it")
    columns = _columns(len(environments))
    lines = math.ceil(len(environments) / columns)
    figure = Figure(figsize=(PANEL_INCHES[0] * max(columns, 2), PANEL_INCHES[1] * lines + 0.6), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False)
    palette = colours(rules)
    for ax, name in zip(axes.flat, environments, strict=False):
        _panel(ax, name, {rule: table[rule].get(name, {}) for rule in (*rules, *REFERENCES) if rule in table}, palette)
    for ax in axes.flat[len(environments) :]:
        ax.set_axis_off()
    for ax in axes[:, 0]:
        ax.set_ylabel("episode return")
    for index in range(max(len(environments) - columns, 0), len(environments)):
        axes.flat[index].set_xlabel("environment steps")
    named = {label: handle for ax in axes.flat for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(list(named.values()), list(named), loc="outside upper center", ncols=len(named))
    return figure


def _panel(ax: "Axes", name: str, by_rule: dict[str, dict[int, list[Row]]], palette: dict[str, str]) -> None:
    """One environment."""
    from matplotlib.ticker import EngFormatter, MaxNLocator

    for rule, colour in palette.items():
        if not by_rule[rule]:
            continue
        members = list(by_rule[rule].values())
        steps = [row.steps for row in members[0]]
        values = np.array([smoothed(curve) for curve in members if len(curve) == len(steps)])
        mean = values.mean(axis=0)
        ax.plot(steps, mean, color=colour, label=rule, zorder=3)
        if len(values) > 1:
            error = values.std(axis=0, ddof=1) / np.sqrt(len(values))
            ax.fill_between(steps, mean - error, mean + error, color=colour, alpha=0.18, linewidth=0, zorder=2)
    for reference in REFERENCES:
        if by_rule.get(reference):
            height = float(np.mean([curve[0].return_mean for curve in by_rule[reference].values()]))
            colour, dashes = INK if reference == OPTIMUM else MUTED, (1.5, 2) if reference == RANDOM else (5, 2.5)
            ax.axhline(height, color=colour, linewidth=1.1, dashes=dashes, label=reference, zorder=1.5)
    ax.set_title(name, loc="left")
    ax.set_xlim(left=0)
    ax.margins(x=0.01, y=0.08)
    ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))


def _columns(count: int) -> int:
    """Columns that fill the last line best, of those that are wide enough."""
    if count <= 3:
        return max(count, 1)
    options = range(3, MAX_COLUMNS + 1)
    return min(options, key=lambda c: (math.ceil(count / c) * c - count, -c))
