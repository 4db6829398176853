"""Agents on Atari games under a rule that was discovered on toy environments. (Figures 8 and 10)

Our scores beside the paper's, from a results table with `atari/GAME` environments.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lpg.analysis.paper_numbers import FIGURE_8, FIGURE_10
from lpg.analysis.study import Claim, Tables, judge, missing
from lpg.analysis.style import INK, RULE_COLOURS, save
from lpg.analysis.training_environments import discovered, ends, rows_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


PREFIX = "atari/"
FIGURES = {
    "figure-8": (
        "Figure 8",
        FIGURE_8,
        "A rule discovered on toy environments learns complex behaviour on Atari games.",
    ),
    "figure-10": ("Figure 10", tuple(FIGURE_10), "A rule discovered on toy environments learns on 57 Atari games."),
}
CRITERION = (
    "On at least half of the games that were measured our score at the end is at least half of the paper's (games in "
    "which the paper's is positive); on at least a quarter of them is partly."
)


def games(tables: Tables, figure: str) -> dict[str, float]:
    """Our scores at the end by game, for the games of a figure that were measured; empty without any.

    A training in which no game came to its end has measured nothing.
    """
    if "results" not in tables:
        return {}
    found = ends(rows_of(tables["results"]))
    own = discovered(list(found))
    if own is None:
        return {}
    named = {name.removeprefix(PREFIX): value for name, value in found[own].items() if name.startswith(PREFIX)}
    return {game: named[game] for game in FIGURES[figure][1] if np.isfinite(named.get(game, np.nan))}


def score(tables: Tables, figure: str = "figure-10") -> list[Claim]:
    """The claim of a figure."""
    title, members, statement = FIGURES[figure]
    ours = games(tables, figure)
    if not ours:
        return [missing(title, statement, CRITERION, "no results yet")]
    judged = [game for game in ours if FIGURE_10[game][0] > 0]
    good = [game for game in judged if ours[game] >= 0.5 * FIGURE_10[game][0]]
    words = ", ".join(f"{game} {value:.4g} (paper {FIGURE_10[game][0]:.4g})" for game, value in ours.items())
    return [
        Claim(
            figure=title,
            statement=statement,
            criterion=CRITERION,
            found=f"{len(good)} of {len(judged)}, {len(ours)} of {len(members)} games measured: {words}",
            verdict=judge(len(good) / max(len(judged), 1), reproduced=0.5, partly=0.25),
        )
    ]


def plot(tables: Tables, folder: Path, figure: str = "figure-10") -> list[Path]:
    """Draws `atari.png`; nothing without results."""
    if not games(tables, figure):
        return []
    return [save(lambda: draw(tables, figure), folder / "atari.png")]


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
    ax.set_yticks(y, order)
    ax.set(title="Atari, ours over the paper's under LPG", xlabel="score at the end over the paper's")
    ax.grid(axis="y", visible=False)
    return drawn
