"""Figures of learning curves that pages show: SVG files that know from which numbers they were drawn."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from lpg.analysis.learning_curves import draw
from lpg.analysis.style import style
from lpg.evaluation.results import Row


def save_figure(rows: Sequence[Row], path: Path) -> None:
    """Draws learning curves into an SVG file, which keeps `digest(rows)`."""
    import matplotlib as mpl

    path.parent.mkdir(parents=True, exist_ok=True)
    with style(), mpl.rc_context({"svg.hashsalt": "lpg"}):
        draw(rows).savefig(path, metadata={"Date": None, "Description": digest(rows)})


def digest(rows: Sequence[Row]) -> str:
    """A number of the rows, by which one can see whether a figure is drawn from today's."""
    return hashlib.sha256(repr(rows).encode()).hexdigest()[:16]
