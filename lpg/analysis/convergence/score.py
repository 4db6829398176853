"""How soon the distance falls to a tenth, and whether predictions follow a policy that changes."""

import numpy as np

from lpg.analysis.claims import Claim, judge
from lpg.analysis.paper_numbers import FIGURE_6
from lpg.analysis.study import Tables
from lpg.analysis.table import Table, select

SAYS = "Two random initial predictions converge to the same one."
CRITERION = (
    "KL(y0 ‖ y1), mean over grids, falls below a tenth of its start within 100 iterations; below a half is partly."
)
FOLLOW_SAYS = (
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
            says=SAYS,
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
            says=FOLLOW_SAYS,
            criterion=FOLLOW_CRITERION,
            found=(
                f"the distance to the new policy's predictions falls to {new:.2g} of what it was; that to the old "
                f"one's becomes {left:.2g}, {old:.2g} times what it was"
            ),
            verdict=judge(new, reproduced=0.1, partly=0.5),
        ),
    ]
