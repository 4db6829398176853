"""Colours and sizes of all figures, and how a figure is saved."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, MUTED, GRID = "#1f2933", "#7b8794", "#e4e7eb"
RULE_COLOURS = ("#0b6bcb", "#d9480f", "#2b8a3e", "#862e9c", "#b08900", "#0c8599", "#c2255c", "#5f6b7a")
"""One per rule, in the order of the table; distinguishable by most colour-blind readers for the first four."""


@contextmanager
def style() -> Iterator[None]:
    """Everything drawn inside has the same style; no window is opened."""
    import matplotlib as mpl

    settings: dict[Any, Any] = {
        "figure.dpi": 100,
        "savefig.dpi": 160,
        "savefig.bbox": "tight",
        "figure.facecolor": "white",
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "axes.titlesize": 9.5,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titlepad": 7,
        "axes.labelsize": 8.5,
        "axes.labelcolor": INK,
        "axes.edgecolor": MUTED,
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": GRID,
        "grid.linewidth": 0.7,
        "text.color": INK,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "legend.frameon": False,
        "legend.fontsize": 9,
        "lines.linewidth": 1.7,
        "lines.solid_capstyle": "round",
    }
    with mpl.rc_context(settings):
        yield


def colours(rules: list[str]) -> dict[str, str]:
    """A colour for each rule."""
    return {rule: RULE_COLOURS[index % len(RULE_COLOURS)] for index, rule in enumerate(rules)}


def save(draw: Callable[[], "Figure"], path: Path) -> Path:
    """Draws a figure in this style into a file (PNG, SVG or PDF by its ending).

    Raises:
        OSError: nothing could be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with style():
        draw().savefig(path)
    return path
