"""Validation over meta-updates, a line per variant; the paper's curves beside ours."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lpg.analysis.paper_numbers import FIGURE_7, FIGURE_7_UPDATES
from lpg.analysis.study import Tables
from lpg.analysis.style import INK, RULE_COLOURS, style
from lpg.analysis.table import select

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ORDER = ("lpg", "lpg-v", "no-softmax", "no-entropy", "no-l2", "fixed-hyper", "no-bootstrap", "no-recurrence")


def plot(tables: Tables, folder: Path) -> list[Path]:
    """Draws `ablation.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    with style():
        draw(tables).savefig(folder / "ablation.png")
    return [folder / "ablation.png"]


def draw(tables: Tables) -> "Figure":
    """Left ours, means over meta-seeds with a thin line for each; right the paper's; the same colours."""
    from matplotlib.figure import Figure

    curves = tables["validations"]
    names = [name for name in ORDER if name in curves["variant"]]
    names += [name for name in dict.fromkeys(curves["variant"].tolist()) if name not in ORDER]
    palette = {name: RULE_COLOURS[i % len(RULE_COLOURS)] for i, name in enumerate((*ORDER, *names))}
    figure = Figure(figsize=(9.0, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name in names:
        own = select(curves, variant=name)
        runs = [select(own, seed=seed) for seed in np.unique(own["seed"])]
        at = np.unique(own["meta_update"])
        mean = [select(own, meta_update=x)["score"].mean() for x in at]
        left.plot(at, mean, "o-", markersize=3, color=palette[name], label=name, zorder=4 if name == "lpg" else 3)
        for one in runs if len(runs) > 1 else []:
            left.plot(one["meta_update"], one["score"], color=palette[name], linewidth=0.6, alpha=0.5)
    left.set(title="ours", xlabel="meta-updates", ylabel="validation, normalised area")
    if not names:
        left.text(0.5, 0.5, "no validation yet", ha="center", va="center", color=INK, transform=left.transAxes)
    for name, values in FIGURE_7.items():
        right.plot(FIGURE_7_UPDATES, values, "s--", markersize=3, linewidth=1.1, color=palette[name],
                   label=None if name in names else name)  # fmt: skip
    right.set(title="paper (figure 7)", xlabel="meta-updates", ylabel="normalised return", ylim=(0, 1))
    handles = [*left.get_legend_handles_labels()[0], *right.get_legend_handles_labels()[0]]
    figure.legend(handles=handles, loc="outside upper center", ncols=4, fontsize=8)
    return figure
