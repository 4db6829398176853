"""The error of true values regressed from y over that from TD(λ)'s value, by discount."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lpg.analysis.controls import control_names, has_untrained
from lpg.analysis.paper_numbers import FIGURE_5
from lpg.analysis.study import Claim, Tables, Verdict, judge, worst
from lpg.analysis.style import MUTED, RULE_COLOURS, save
from lpg.analysis.table import Table, select

if TYPE_CHECKING:
    from matplotlib.figure import Figure


CONTROLS = (
    " If the error is more than half of that of the best of three untrained rules of the same sizes and of a constant "
    "ŷ, it is at most partly."
)
SAME_STATEMENT = "At the discount that it was learned at, y knows values about as well as TD(λ) does."
SAME_CRITERION = (
    "After the last iteration, at γ = 0.995 and 0.99, y explains at least half of the values' variance, and its mean "
    "squared error is at most 2 times TD(λ)'s; at most 4 times is partly." + CONTROLS
)
SHORT_STATEMENT = "At shorter discounts y knows values clearly better than TD(λ) does."
SHORT_CRITERION = (
    "After the last iteration, at γ = 0.9, y explains at least half of the values' variance, and TD(λ)'s mean squared "
    "error is at least 2 times that of y; at least as large is partly." + CONTROLS
)


def final_errors(errors: Table) -> dict[str, dict[float, float]]:
    """Mean squared error after the last iteration by method and discount; `variance` is that of the true values."""
    last = select(errors, iteration=errors["iteration"].max())
    found: dict[str, dict[float, float]] = {}
    for method, gamma, mse, variance in zip(
        *(last[name].tolist() for name in ("method", "gamma", "mse", "variance")), strict=True
    ):
        found.setdefault(method, {})[gamma] = mse
        found.setdefault("variance", {})[gamma] = variance
    return found


def score(tables: Tables) -> list[Claim]:
    """The two claims of figure 5."""
    found = final_errors(tables["errors"])
    y, td, variance = found["y"], found["td"], found["variance"]
    paper = {gamma: curves["td"][300] / curves["y"][300] for gamma, curves in FIGURE_5.items()}
    known = {gamma: 1 - y[gamma] / variance[gamma] for gamma in y}
    names = control_names(found)

    def verdict(gammas: tuple[float, ...], reproduced: float, partly: float) -> Verdict:
        """The worst over some discounts; the bounds are of y's error over TD(λ)'s."""
        if min(known[gamma] for gamma in gammas) < 0.5:
            return "not reproduced"
        best = {gamma: min((found[name][gamma] for name in names), default=0.0) for gamma in gammas}
        is_ahead = has_untrained(names) and all(y[gamma] <= 0.5 * best[gamma] for gamma in gammas)
        ratio = max(y[gamma] / td[gamma] for gamma in gammas)
        return worst(judge(ratio, reproduced=reproduced, partly=partly), "reproduced" if is_ahead else "partly")

    def beside(gamma: float) -> str:
        words = ", ".join(f"{name} {found[name][gamma] / y[gamma]:.2g}" for name in names) or "not measured"
        return f"errors of the controls at γ = {gamma:g} over y's: {words}"

    shares = ", ".join(f"{share:.2f} at {gamma:g}" for gamma, share in known.items())
    return [
        Claim(
            figure="Figure 5",
            statement=SAME_STATEMENT,
            criterion=SAME_CRITERION,
            found=(
                f"y's error is {y[0.995] / td[0.995]:.2g} times TD(λ)'s at γ = 0.995 and {y[0.99] / td[0.99]:.2g} "
                f"times at 0.99 (paper: {1 / paper[0.995]:.2g} and {1 / paper[0.99]:.2g}); y explains of the values' "
                f"variance: {shares}; {beside(0.995)}"
            ),
            verdict=verdict((0.995, 0.99), 2.0, 4.0),
        ),
        Claim(
            figure="Figure 5",
            statement=SHORT_STATEMENT,
            criterion=SHORT_CRITERION,
            found=(
                f"TD(λ)'s error is {td[0.9] / y[0.9]:.2g} times y's at γ = 0.9 and {td[0.95] / y[0.95]:.2g} times at "
                f"0.95 (paper: {paper[0.9]:.2g} and {paper[0.95]:.2g}); {beside(0.9)}"
            ),
            verdict=verdict((0.9,), 0.5, 1.0),
        ),
    ]


LOOKS: dict[str, tuple[str, dict[str, Any]]] = {
    "y": ("predictions y", {"color": RULE_COLOURS[0], "zorder": 3}),
    "td": ("TD(λ) value", {"color": RULE_COLOURS[1], "zorder": 3}),
    "untrained": ("untrained rules' y", {"color": MUTED, "linewidth": 0.9}),
    "constant": ("constant ŷ", {"color": MUTED, "linewidth": 0.9, "linestyle": "--"}),
}


def plot(tables: Tables, folder: Path) -> list[Path]:
    """Draws `value_regression.png`."""
    return [save(lambda: draw(tables), folder / "value_regression.png")]


def draw(tables: Tables) -> "Figure":
    """Mean squared errors on a logarithmic axis; solid ours, dashed the paper's, dotted the best constant."""
    from matplotlib.figure import Figure

    errors = tables["errors"]
    gammas = list(dict.fromkeys(errors["gamma"].tolist()))
    figure = Figure(figsize=(2.7 * len(gammas), 2.9), layout="constrained")
    axes = figure.subplots(1, len(gammas), squeeze=False, sharey=True)[0]
    for ax, gamma in zip(axes, gammas, strict=True):
        for method in dict.fromkeys(errors["method"].tolist()):
            label, look = LOOKS[method.split(" ")[0]]
            ours = select(errors, method=method, gamma=gamma)
            ax.plot(ours["iteration"], ours["mse"], marker="o", markersize=3, label=f"{label}, ours", **look)
            paper = FIGURE_5.get(gamma, {}).get(method, {})
            if paper:
                ax.plot(list(paper), list(paper.values()), "s--", markersize=3, linewidth=1.1, color=look["color"],
                        alpha=0.55, label=f"{label}, paper")  # fmt: skip
        constant = float(np.mean(select(errors, gamma=gamma)["variance"]))
        ax.axhline(constant, color=MUTED, linewidth=1.0, dashes=(1.5, 2), label="best constant, ours")
        ax.set_yscale("log")
        ax.set_title(f"values at γ = {gamma:g}")
        ax.set_xlabel("iterations of policy evaluation")
    axes[0].set_ylabel("mean squared error on unseen grids")
    handles, labels = axes[0].get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    figure.legend(list(once.values()), list(once), loc="outside upper center", ncols=4, fontsize=8)
    return figure
