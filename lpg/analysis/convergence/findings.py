"""How soon two initial predictions meet, and whether predictions follow a policy that changes."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lpg.analysis.controls import CONSTANT, control_names, has_untrained
from lpg.analysis.paper_numbers import FIGURE_6
from lpg.analysis.study import Claim, Tables, Verdict, judge, worst
from lpg.analysis.style import INK, MUTED, RULE_COLOURS, save
from lpg.analysis.table import Table, select

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


STATEMENT = "Two random initial predictions converge to the same one."
CRITERION = (
    "After 100 iterations KL(y0 ‖ y1), mean over grids, is at most a tenth of its start, and at most a tenth of the KL "
    "between the predictions of two cells of one grid; at most a half of each is partly. If one of three untrained "
    "rules of the same sizes or a constant ŷ reaches a fifth of each, it is at most partly."
)
FOLLOW_STATEMENT = (
    "Predictions depend on the policy and not on their past: where the policy changes, they become the new one's."
)
FOLLOW_CRITERION = (
    "After the change and as many iterations as before it, the distance to predictions of the new policy is at most a "
    "tenth of what it was at the change, and at most a tenth of the distance to predictions of the old policy; at most "
    "a half of each is partly. If one of three untrained rules of the same sizes or a constant ŷ reaches a fifth of "
    "each, it is at most partly."
)
REPRODUCED, CONTROLS, PARTLY = 0.1, 0.2, 0.5


def distance_at(distances: Table, method: str, pair: str, after: float | None = None) -> float:
    """Distance of a pair.

    Args:
        after: iterations after the first; none: at the end. Between two measurements the earlier one counts.
    """
    one = select(distances, method=method, pair=pair)
    since = one["iteration"] - one["iteration"].min()
    index = len(since) - 1 if after is None else int(np.searchsorted(since, after, side="right")) - 1
    return float(one["distance"][index])


def convergence(distances: Table, method: str) -> tuple[float, float]:
    """KL(y0 ‖ y1) after 100 iterations over its start, and over the KL between cells; NaN where nothing differs."""
    late = distance_at(distances, method, "other", 100.0)
    return _ratio(late, distance_at(distances, method, "other", 0.0)), _ratio(
        late, distance_at(distances, method, "cells", 100.0)
    )


def following(distances: Table, method: str) -> tuple[float, float]:
    """Distance to the new policy's predictions at the end over that at the change, and over that to the old one's."""
    late = distance_at(distances, method, "new")
    return _ratio(late, distance_at(distances, method, "new", 0.0)), _ratio(late, distance_at(distances, method, "old"))


def score(tables: Tables) -> list[Claim]:
    """The claim of figure 6, and ours about changing policies."""
    table = tables["distances"]
    names = control_names(table["method"].tolist())

    def verdict(measure: Callable[[Table, str], tuple[float, float]]) -> Verdict:
        is_evidence = has_untrained(names) and not any(np.max(measure(table, name)) <= CONTROLS for name in names)
        by_ratio = [judge(ratio, reproduced=REPRODUCED, partly=PARTLY) for ratio in measure(table, "y")]
        return worst(*by_ratio, "reproduced" if is_evidence else "partly")

    def beside(measure: Callable[[Table, str], tuple[float, float]]) -> str:
        words = ", ".join("{} {:.2g} and {:.2g}".format(name, *measure(table, name)) for name in names)
        return f"the same of the controls: {words or 'not measured'}"

    start = distance_at(table, "y", "other", 0.0)
    left, relative = convergence(table, "y")
    same = _ratio(distance_at(table, "y", "same-seed", 100.0), start)
    new, to_old = following(table, "y")
    return [
        Claim(
            figure="Figure 6",
            statement=STATEMENT,
            criterion=CRITERION,
            found=(
                f"from {start:.2g} to {left:.2g} of it after 100 iterations (paper: from {FIGURE_6[0]:.2g} to "
                f"{FIGURE_6[100] / FIGURE_6[0]:.2g}), {relative:.2g} of the KL between cells; to "
                f"{_ratio(distance_at(table, 'y', 'other'), start):.2g} at the end; where both see the same rollouts, "
                f"to {same:.2g}; {beside(convergence)}"
            ),
            verdict=verdict(convergence),
        ),
        Claim(
            figure="ours",
            statement=FOLLOW_STATEMENT,
            criterion=FOLLOW_CRITERION,
            found=(
                f"the distance to the new policy's predictions falls to {new:.2g} of what it was, and is {to_old:.2g} "
                f"of that to the old one's; {beside(following)}"
            ),
            verdict=verdict(following),
        ),
    ]


def _ratio(one: float, other: float) -> float:
    return one / other if other > 0 else float("nan")


def plot(tables: Tables, folder: Path) -> list[Path]:
    """Draws `convergence.png`."""
    return [save(lambda: draw(tables), folder / "convergence.png")]


def draw(tables: Tables) -> "Figure":
    """Left figure 6, right what follows on a change of policy; shaded: ± one standard error over grids."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.6, 3.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name in control_names(tables["distances"]["method"].tolist()):
        for ax, pair in ((left, "other"), (right, "new")):
            label = "constant ŷ" if name == CONSTANT else "untrained rules"
            _line(ax, tables, name, pair, label, MUTED, linewidth=0.9, linestyle="--" if name == CONSTANT else "-")
    _line(left, tables, "y", "other", "ours", RULE_COLOURS[0])
    _line(left, tables, "y", "same-seed", "ours, same rollouts for both", RULE_COLOURS[2], linestyle="-.")
    _line(left, tables, "y", "cells", "ours, between cells of one grid", RULE_COLOURS[3], linewidth=1.1)
    left.plot(list(FIGURE_6), list(FIGURE_6.values()), "s--", markersize=3, linewidth=1.1, color=RULE_COLOURS[1],
              label="paper")  # fmt: skip
    left.set_title("two random initial predictions")
    left.set_ylabel("KL(y0 ‖ y1), nats")
    left.set_xlabel("iterations of policy evaluation")
    _line(right, tables, "y", "old", "to predictions of the old policy", RULE_COLOURS[1])
    _line(right, tables, "y", "new", "to predictions of the new policy", RULE_COLOURS[0])
    change = float(select(tables["distances"], method="y", pair="new")["iteration"].min())
    right.axvline(change, color=INK, linewidth=0.9, dashes=(1.5, 2))
    right.set_title("after the policy changed (dotted line)")
    right.set_xlabel("iterations of policy evaluation")
    right.set_ylabel("KL, nats")
    once: dict[str, Any] = {}
    for ax in (left, right):
        ax.set_yscale("log")
        once |= {label: handle for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(list(once.values()), list(once), loc="outside upper center", ncols=4, fontsize=8)
    return figure


def _line(ax: "Axes", tables: Tables, method: str, pair: str, label: str, colour: str, **look: Any) -> None:
    """A distance over iterations; the rule's with ± one standard error."""
    table = select(tables["distances"], method=method, pair=pair)
    x, y, error = table["iteration"], table["distance"], table["stderr"]
    ax.plot(x, y, color=colour, label=label, zorder=3 if method == "y" else 2, **look)
    if method == "y":
        ax.fill_between(x, y - error, y + error, color=colour, alpha=0.18, linewidth=0)
