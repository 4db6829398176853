"""Scores on unseen environments by training set; the paper's count of Atari games beside them."""

from pathlib import Path
from typing import TYPE_CHECKING

from lpg.analysis.diversity.score import means
from lpg.analysis.paper_numbers import FIGURE_9
from lpg.analysis.study import Tables
from lpg.analysis.style import INK, RULE_COLOURS, style
from lpg.analysis.table import select

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LABELS = {"tabular": "tabular", "tabular-random": "+ random", "tabular-random-chain": "+ chain"}


def plot(tables: Tables, folder: Path) -> list[Path]:
    """Draws `diversity.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    with style():
        draw(tables).savefig(folder / "diversity.png")
    return [folder / "diversity.png"]


def draw(tables: Tables) -> "Figure":
    """Left ours: bars are means, dots environments. Right the paper's."""
    from matplotlib.figure import Figure

    scores, found = tables["scores"], means(tables["scores"])
    figure = Figure(figsize=(7.6, 3.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    x = range(len(found))
    left.bar(x, list(found.values()), color=RULE_COLOURS[0], width=0.6, zorder=2)
    for at, name in enumerate(found):
        values = select(scores, variant=name)["score"]
        left.plot([at] * len(values), values, "o", markersize=3.5, color=INK, alpha=0.6, zorder=3)
    left.set_xticks(list(x), [LABELS.get(name, name) for name in found])
    left.axhline(0, color=INK, linewidth=0.8)
    left.set(title="ours", xlabel="meta-trained on", ylabel="score on unseen environments")
    paper = {name.replace(",", "-"): counts["lpg"] for name, counts in FIGURE_9.items() if name != "none"}
    right.bar(range(len(paper)), list(paper.values()), color=RULE_COLOURS[1], width=0.6, zorder=2)
    right.set_xticks(range(len(paper)), [LABELS[name] for name in paper])
    right.set(title="paper (figure 9)", xlabel="meta-trained on", ylabel="Atari games above human")
    return figure
