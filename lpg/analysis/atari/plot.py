"""Scores on Atari games, ours over the paper's, a bar per game."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lpg.analysis.atari.score import games
from lpg.analysis.paper_numbers import FIGURE_10
from lpg.analysis.study import Tables
from lpg.analysis.style import INK, RULE_COLOURS, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot(tables: Tables, folder: Path, figure: str = "figure-10") -> list[Path]:
    """Draws `atari.png`; nothing without results."""
    if not games(tables, figure):
        return []
    folder.mkdir(parents=True, exist_ok=True)
    with style():
        draw(tables, figure).savefig(folder / "atari.png")
    return [folder / "atari.png"]


def draw(tables: Tables, figure: str = "figure-10") -> "Figure":
    """Our score over the paper's score under LPG; 1 is as good."""
    from matplotlib.figure import Figure

    ours = {game: value for game, value in games(tables, figure).items() if FIGURE_10[game][0] > 0}
    ratios = {game: value / FIGURE_10[game][0] for game, value in ours.items()}
    order = sorted(ratios, key=lambda game: ratios[game])
    drawn = Figure(figsize=(6.2, 0.24 * len(order) + 1.0), layout="constrained")
    ax = drawn.subplots()
    y = np.arange(len(order))
    ax.barh(y, [ratios[game] for game in order], color=RULE_COLOURS[0], height=0.65, zorder=2)
    ax.axvline(1, color=INK, linewidth=1.0, dashes=(4, 2))
    ax.set_yticks(y, [game.replace("_", " ") for game in order])
    ax.set(title="Atari, ours over the paper's under LPG", xlabel="score at the end over the paper's")
    ax.grid(axis="y", visible=False)
    return drawn
