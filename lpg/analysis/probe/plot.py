"""Six panels that show a rule from outside, and the real data beside what actor-critic would have said."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lpg.analysis.explained import line
from lpg.analysis.probe.score import ROLLOUT
from lpg.analysis.probe.synthetic import discount
from lpg.analysis.study import Tables
from lpg.analysis.style import INK, MUTED, RULE_COLOURS, style
from lpg.analysis.table import Table, select

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN = RULE_COLOURS[:3]


def plot(tables: Tables, folder: Path) -> list[Path]:
    """Draws `probe.png` and `advantages.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    with style():
        draw(tables).savefig(folder / "probe.png")
        draw_samples(tables["samples"]).savefig(folder / "advantages.png")
    return [folder / "probe.png", folder / "advantages.png"]


def draw(tables: Tables) -> "Figure":
    """Answers to rewards, ends, probabilities and predictions; and reach with and without predictions."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.5, 5.8), layout="constrained")
    axes = figure.subplots(2, 3)
    _rewards(axes[0, 0], tables["rewards"])
    _ends(axes[0, 1], tables["rewards"])
    _probabilities(axes[0, 2], tables["probabilities"])
    _predictions(axes[1, 0], tables["predictions"])
    _chains(axes[1, 1], tables["chains"], is_relative=False)
    _chains(axes[1, 2], tables["chains"], is_relative=True)
    return figure


def draw_samples(samples: Table) -> "Figure":
    """π̂ against the advantage, a panel per environment; colours are moments of learning."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(samples["environment"].tolist()))
    figure = Figure(figsize=(2.7 * max(len(names), 2), 2.8), layout="constrained")
    axes = figure.subplots(1, max(len(names), 2), squeeze=False)[0]
    for ax in axes[len(names) :]:
        ax.set_axis_off()
    for ax, name in zip(axes, names, strict=False):
        own = select(samples, environment=name)
        for updates, colour in zip(np.unique(own["updates"]), RULE_COLOURS, strict=False):
            one = select(own, updates=updates)
            correlation = line(one["advantage"], one["pi_hat"])[1]
            ax.plot(one["advantage"], one["pi_hat"], ".", markersize=3, alpha=0.5, color=colour,
                    label=f"{updates:.0f} updates, r {correlation:.2f}")  # fmt: skip
        family, _, rest = name.partition("/")
        ax.set_title(f"{family}  {rest.replace('_', ' ')}")
        ax.set_xlabel("advantage under the true value")
        ax.legend(fontsize=7, markerscale=2.5, handletextpad=0.2)
    axes[0].set_ylabel("π̂")
    return figure


def _rewards(ax: "Axes", table: Table) -> None:
    d, _ = discount(table["delay"], table["plus"])
    ax.plot(table["delay"], table["plus"], "o-", markersize=3, color=BLUE, label=f"+1 (like {d:.2f}^k)")
    ax.plot(table["delay"], table["minus"], "o-", markersize=3, color=ORANGE, label="−1")
    _decorate(ax, "a reward k steps later", "k, steps", "change of π̂")


def _ends(ax: "Axes", table: Table) -> None:
    ax.plot(table["delay"], table["terminated"], "o-", markersize=3, color=BLUE, label="termination")
    ax.plot(table["delay"], table["truncated"], "o-", markersize=3, color=ORANGE, label="time limit")
    _decorate(ax, "the episode ends k steps later, unpaid", "k, steps", "change of π̂")


def _probabilities(ax: "Axes", table: Table) -> None:
    for name, colour, label in (("plus", BLUE, "+1"), ("nothing", MUTED, "0"), ("minus", ORANGE, "−1")):
        one = select(table, reward=name)
        ax.plot(one["pi"], one["pi_hat"], "o-", markersize=3, color=colour, label=f"reward {label}")
    ax.set_xscale("log")
    _decorate(ax, "likely and unlikely actions", "π(a|s)", "π̂")
    ax.margins(y=0.2)
    ax.legend(fontsize=7.5, loc="upper center", ncols=3)


def _predictions(ax: "Axes", table: Table) -> None:
    order = np.argsort(-table["next"], kind="stable")
    x = np.arange(len(order))
    for place, colour, label in (
        ("next", BLUE, "in s′"),
        ("here", ORANGE, "in s"),
        ("far", GREEN, "in the last state"),
    ):
        ax.plot(x, table[place][order], "o-", markersize=3, linewidth=1.0, color=colour, label=label)
    _decorate(ax, "one sharp prediction", "categories of y, in the order of the blue line", "change of π̂")
    if len(order) <= 6:
        ax.set_xticks(x, table["name"][order])


def _chains(ax: "Axes", table: Table, is_relative: bool) -> None:
    for name, colour in (("with", BLUE), ("without", ORANGE)):
        values = table[name] / table[name][0] if is_relative and table[name][0] else table[name]
        ax.plot(table["length"], values, "o-", markersize=3, color=colour, label=f"{name} predictions")
    ax.axvline(ROLLOUT, color=INK, linewidth=0.9, dashes=(1.5, 2), label="end of the rollout")
    title = "the same, relative to the shortest chain" if is_relative else "right minus wrong first action"
    _decorate(
        ax, title, "length of the delayed chain, steps", "difference of π̂" + (", relative" if is_relative else "")
    )


def _decorate(ax: "Axes", title: str, x: str, y: str) -> None:
    ax.axhline(0, color=MUTED, linewidth=0.7, zorder=1)
    ax.set(title=title, xlabel=x, ylabel=y)
    ax.legend(fontsize=7.5)
