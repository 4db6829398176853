"""How soon two initial predictions meet, and whether predictions follow a policy that changes."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lpg.analysis.paper_numbers import FIGURE_6
from lpg.analysis.study import Claim, Tables, judge
from lpg.analysis.style import INK, RULE_COLOURS, save
from lpg.analysis.table import Table, select

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


STATEMENT = "Two random initial predictions converge to the same one."
CRITERION = (
    "KL(y0 ‖ y1), mean over grids, falls below a tenth of its start within 100 iterations; below a half is partly."
)
FOLLOW_STATEMENT = (
    "Predictions depend on the policy and not on their past: where the policy changes, they become the new one's."
)
FOLLOW_CRITERION = (
    "After the change and as many iterations as before it, the distance to predictions of the new policy is at most a "
    "tenth of what it was at the change; at most a half is partly."
)


def fallen(distances: Table, pair: str, at: float | None = None) -> float:
    """Distance over the first one of a pair.

    Args:
        at: iterations after the first; none: at the end. Between two measurements the earlier one counts.
    """
    one = select(distances, pair=pair)
    since = one["iteration"] - one["iteration"].min()
    index = len(since) - 1 if at is None else int(np.searchsorted(since, at, side="right")) - 1
    return float(one["distance"][index] / one["distance"][0])


def score(tables: Tables) -> list[Claim]:
    """The claim of figure 6, and ours about changing policies."""
    table = tables["distances"]
    other = select(table, pair="other")
    within = fallen(table, "other", 100.0)
    new, old = fallen(table, "new"), fallen(table, "old")
    left = select(table, pair="old")["distance"][-1]
    return [
        Claim(
            figure="Figure 6",
            statement=STATEMENT,
            criterion=CRITERION,
            found=(
                f"from {other['distance'][0]:.2g} to {within:.2g} of it after 100 iterations (paper: from "
                f"{FIGURE_6[0]:.2g} to {FIGURE_6[100] / FIGURE_6[0]:.2g}), to {fallen(table, 'other'):.2g} at the end; "
                f"where both see the same rollouts, to {fallen(table, 'same-seed', 100.0):.2g}"
            ),
            verdict=judge(within, reproduced=0.1, partly=0.5),
        ),
        Claim(
            figure="ours",
            statement=FOLLOW_STATEMENT,
            criterion=FOLLOW_CRITERION,
            found=(
                f"the distance to the new policy's predictions falls to {new:.2g} of what it was; that to the old "
                f"one's becomes {left:.2g}, {old:.2g} times what it was"
            ),
            verdict=judge(new, reproduced=0.1, partly=0.5),
        ),
    ]


def plot(tables: Tables, folder: Path) -> list[Path]:
    """Draws `convergence.png`."""
    return [save(lambda: draw(tables), folder / "convergence.png")]


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
