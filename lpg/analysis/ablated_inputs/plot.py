"""What is left of learning after each cut, environment by environment."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lpg.analysis.ablated_inputs.ablated import INPUT_ABLATIONS
from lpg.analysis.ablated_inputs.score import means
from lpg.analysis.study import Tables
from lpg.analysis.style import INK, colours, style
from lpg.analysis.table import select

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot(tables: Tables, folder: Path) -> list[Path]:
    """Draws `ablated inputs.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    with style():
        draw(tables).savefig(folder / "ablated_inputs.png")
    return [folder / "ablated_inputs.png"]


def draw(tables: Tables) -> "Figure":
    """Bars are means over seeds, dots single agents; 0 is the random policy, 1 the optimum."""
    from matplotlib.figure import Figure

    areas, found = tables["areas"], means(tables["areas"])
    environments = list(next(iter(found.values())))
    palette = colours(list(INPUT_ABLATIONS))
    figure = Figure(figsize=(2.2 + 1.5 * len(environments), 3.4), layout="constrained")
    ax = figure.subplots()
    width = 0.8 / len(INPUT_ABLATIONS)
    for at, ablation in enumerate(INPUT_ABLATIONS):
        x = np.arange(len(environments)) + (at - (len(INPUT_ABLATIONS) - 1) / 2) * width
        ax.bar(x, list(found[ablation].values()), width=0.9 * width, color=palette[ablation], label=ablation, zorder=2)
        for place, name in zip(x, environments, strict=True):
            dots = select(areas, ablation=ablation, environment=name)["area"]
            ax.plot([place] * len(dots), dots, "o", markersize=1.8, color=INK, alpha=0.5, zorder=3)
    ax.set_xticks(range(len(environments)), environments)
    ax.axhline(0, color=INK, linewidth=0.8)
    ax.set_ylabel("area under the learning curve")
    figure.legend(loc="outside upper center", ncols=3)
    return figure
