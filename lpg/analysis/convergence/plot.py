"""Distances between predictions over iterations, the paper's curve beside ours; and after a change of policy."""

from pathlib import Path
from typing import TYPE_CHECKING

from lpg.analysis.paper_numbers import FIGURE_6
from lpg.analysis.study import Tables
from lpg.analysis.style import INK, RULE_COLOURS, style
from lpg.analysis.table import select

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot(tables: Tables, folder: Path) -> list[Path]:
    """Draws `convergence.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    with style():
        draw(tables).savefig(folder / "convergence.png")
    return [folder / "convergence.png"]


def draw(tables: Tables) -> "Figure":
    """Left figure 6, right what follows on a change of policy; shaded: ± one standard error over grids."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.6, 3.1), layout="constrained")
    left, right = figure.subplots(1, 2)
    _line(left, tables, "other", "ours", RULE_COLOURS[0])
    _line(left, tables, "same-seed", "ours, same rollouts for both", RULE_COLOURS[2], dashes=(4.0, 1.5))
    left.plot(list(FIGURE_6), list(FIGURE_6.values()), "s--", markersize=3, linewidth=1.1, color=RULE_COLOURS[1],
              label="paper")  # fmt: skip
    left.set_title("two random beginnings")
    left.set_ylabel("KL(y0 ‖ y1), nats")
    left.set_xlabel("iterations of policy evaluation")
    _line(right, tables, "old", "to predictions of the old policy", RULE_COLOURS[1])
    _line(right, tables, "new", "to predictions of the new policy", RULE_COLOURS[0])
    change = float(select(tables["distances"], pair="new")["iteration"].min())
    right.axvline(change, color=INK, linewidth=0.9, dashes=(1.5, 2))
    right.set_title("after the policy has changed (dotted line)")
    right.set_xlabel("iterations of policy evaluation")
    right.set_ylabel("KL, nats")
    for ax in (left, right):
        ax.set_yscale("log")
        ax.legend(fontsize=8)
    return figure


def _line(
    ax: "Axes", tables: Tables, pair: str, label: str, colour: str, dashes: tuple[float, float] | None = None
) -> None:
    table = select(tables["distances"], pair=pair)
    x, y, error = table["iteration"], table["distance"], table["stderr"]
    (drawn,) = ax.plot(x, y, color=colour, label=label, zorder=3)
    if dashes is not None:
        drawn.set_dashes(dashes)
    ax.fill_between(x, y - error, y + error, color=colour, alpha=0.18, linewidth=0)
