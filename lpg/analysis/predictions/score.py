"""How much of each component of y the true values explain, over the cells that the policy visits."""

import numpy as np

from lpg.analysis.claims import Claim, judge
from lpg.analysis.explained import r_squared
from lpg.analysis.study import Tables
from lpg.analysis.table import Table, select

SAYS = "Some components of y peak at positive goals and spread to their neighbours as true values do."
CRITERION = (
    "A component peaks if it is at least 1.5 times as large in some cells as in others (95th against 5th percentile) "
    "and its R² with the true value at one discount, over cells weighted by visits, is high after the last iteration: "
    "0.8 is reproduced. An R² of 0.5, or 0.8 without the contrast, is partly."
)
CONTRAST = 1.5


def explained(tables: Tables, iteration: float | None = None) -> list[dict[str, float]]:
    """R² of every component with the true value at each discount, and at all of them together.

    Args:
        iteration: when; none: after the last one.

    Returns:
        For each component, in order: R² by `value_…` column, `all`, and `contrast`, how many times as large it is at
        the 95th percentile of the cells as at the 5th (the difference, where it may be negative).
    """
    cells = tables["cells"]
    iteration = float(tables["y"]["iteration"].max()) if iteration is None else iteration
    y = select(tables["y"], iteration=iteration)
    values = value_columns(cells)
    everything = np.stack([cells[name] for name in values], axis=1)
    found = []
    for name in components(tables["y"]):
        low, high = np.quantile(y[name], [0.05, 0.95])
        one = {value: r_squared(y[name], cells[value][:, None], cells["visits"]) for value in values}
        contrast = float(high / low if low > 0 else high - low + 1)
        found.append({**one, "all": r_squared(y[name], everything, cells["visits"]), "contrast": contrast})
    return found


def score(tables: Tables) -> list[Claim]:
    """The claim of figure 4."""
    found = explained(tables)
    values = value_columns(tables["cells"])
    heights = [max(one[name] for name in values) for one in found]
    peaks = [i for i, one in enumerate(found) if one["contrast"] >= CONTRAST]
    best = max(range(len(found)), key=lambda i: (heights[i] >= 0.8 and i in peaks, heights[i]))
    which = max(values, key=lambda name: found[best][name])
    used = sum(height >= 0.5 for height in heights)
    verdict = judge(heights[best], reproduced=0.8, partly=0.5)
    if verdict == "reproduced" and best not in peaks:
        verdict = "partly"
    return [
        Claim(
            figure="Figure 4",
            says=SAYS,
            criterion=CRITERION,
            found=(
                f"best component: y[{best}], R² {heights[best]:.2f} with the value at γ = "
                f"{which.removeprefix('value_')}, contrast {found[best]['contrast']:.2f}; {used} of {len(found)} "
                f"components have R² ≥ 0.5 with some value, {len(peaks)} a contrast of {CONTRAST} or more"
            ),
            verdict=verdict,
        )
    ]


def components(y: Table) -> list[str]:
    """Names of the columns with y's components."""
    return [name for name in y if name.startswith("y_")]


def value_columns(cells: Table) -> list[str]:
    """Names of the columns with true values."""
    return [name for name in cells if name.startswith("value_")]
