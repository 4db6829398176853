"""Errors of the regressions over iterations, a panel per discount, the paper's beside ours."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lpg.analysis.paper_numbers import FIGURE_5
from lpg.analysis.study import Tables
from lpg.analysis.style import MUTED, RULE_COLOURS, style
from lpg.analysis.table import select

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMES = {"y": ("predictions y", RULE_COLOURS[0]), "td": ("TD(λ) value", RULE_COLOURS[1]),
         "untrained": ("untrained rule's y", RULE_COLOURS[7])}  # fmt: skip


def plot(tables: Tables, folder: Path) -> list[Path]:
    """Draws `value_regression.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    with style():
        draw(tables).savefig(folder / "value_regression.png")
    return [folder / "value_regression.png"]


def draw(tables: Tables) -> "Figure":
    """Mean squared errors on a logarithmic axis; solid ours, dashed the paper's, dotted the best constant."""
    from matplotlib.figure import Figure

    errors = tables["errors"]
    gammas = list(dict.fromkeys(errors["gamma"].tolist()))
    figure = Figure(figsize=(2.7 * len(gammas), 2.9), layout="constrained")
    axes = figure.subplots(1, len(gammas), squeeze=False, sharey=True)[0]
    for ax, gamma in zip(axes, gammas, strict=True):
        for method, (label, colour) in NAMES.items():
            ours = select(errors, method=method, gamma=gamma)
            if not len(ours["mse"]):
                continue
            ax.plot(ours["iteration"], ours["mse"], "o-", markersize=3.5, color=colour, label=f"{label}, ours")
            paper = FIGURE_5.get(gamma, {}).get(method, {})
            if paper:
                ax.plot(list(paper), list(paper.values()), "s--", markersize=3, linewidth=1.1, color=colour, alpha=0.55,
                        label=f"{label}, paper")  # fmt: skip
        constant = float(np.mean(select(errors, gamma=gamma)["variance"]))
        ax.axhline(constant, color=MUTED, linewidth=1.0, dashes=(1.5, 2), label="best constant, ours")
        ax.set_yscale("log")
        ax.set_title(f"values at γ = {gamma:g}")
        ax.set_xlabel("iterations of policy evaluation")
    axes[0].set_ylabel("mean squared error on unseen grids")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), fontsize=8)
    return figure
