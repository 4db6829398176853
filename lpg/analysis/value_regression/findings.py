"""The error of true values regressed from y over that from TD(λ)'s value, by discount."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lpg.analysis.paper_numbers import FIGURE_5
from lpg.analysis.study import Claim, Tables, judge
from lpg.analysis.style import MUTED, RULE_COLOURS, save
from lpg.analysis.table import Table, select

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SAME_STATEMENT = "At the discount that it was learned at, y knows values about as well as TD(λ) does."
SAME_CRITERION = (
    "After the last iteration y explains at least half of the values' variance, and its mean squared error is at most "
    "2 times TD(λ)'s, at γ = 0.995 and 0.99; at most 4 times is partly."
)
SHORT_STATEMENT = "At shorter discounts y knows values clearly better than TD(λ) does."
SHORT_CRITERION = (
    "Mean squared error from TD(λ) at least 2 times that from y at γ = 0.9 after the last iteration; at least as large "
    "is partly, and so is y that is no better than that of an untrained rule of the same sizes."
)


def ratios(errors: Table, iteration: float | None = None) -> dict[float, float]:
    """Error from y over error from TD(λ), by discount.

    Args:
        iteration: when; none: after the last one.
    """
    last = select(errors, iteration=errors["iteration"].max() if iteration is None else iteration)
    y, td = select(last, method="y"), select(last, method="td")
    return {float(g): float(a / b) for g, a, b in zip(y["gamma"], y["mse"], td["mse"], strict=True)}


def score(tables: Tables) -> list[Claim]:
    """The two claims of figure 5."""
    errors = tables["errors"]
    ours = ratios(errors)
    last = select(errors, method="y", iteration=errors["iteration"].max())
    paper = {gamma: curves["y"][300] / curves["td"][300] for gamma, curves in FIGURE_5.items()}
    worst = max(ours[0.995], ours[0.99])
    by_discount = dict(zip(last["gamma"].tolist(), (1 - last["mse"] / last["variance"]).tolist(), strict=True))
    known = ", ".join(f"{share:.2f} at {gamma:g}" for gamma, share in by_discount.items())
    knows = min(share for gamma, share in by_discount.items() if gamma >= 0.99) >= 0.5
    short = judge(1 / ours[0.9], reproduced=2.0, partly=1.0)
    untrained, words = select(errors, method="untrained", iteration=errors["iteration"].max(), gamma=0.9)["mse"], ""
    if len(untrained):
        better = float(untrained[0] / select(last, gamma=0.9)["mse"][0])
        words = f"; an untrained rule's error is {better:.2g} times y's at γ = 0.9"
        short = "partly" if short == "reproduced" and better <= 1 else short
    return [
        Claim(
            figure="Figure 5",
            statement=SAME_STATEMENT,
            criterion=SAME_CRITERION,
            found=(
                f"y's error is {ours[0.995]:.2g} times TD(λ)'s at γ = 0.995 and {ours[0.99]:.2g} times at 0.99 (paper: "
                f"{paper[0.995]:.2g} and {paper[0.99]:.2g}); y explains of the values' variance: {known}"
            ),
            verdict=judge(worst, reproduced=2.0, partly=4.0) if knows else "not reproduced",
        ),
        Claim(
            figure="Figure 5",
            statement=SHORT_STATEMENT,
            criterion=SHORT_CRITERION,
            found=(
                f"TD(λ)'s error is {1 / ours[0.9]:.2g} times y's at γ = 0.9 and {1 / ours[0.95]:.2g} times at 0.95 "
                f"(paper: {1 / paper[0.9]:.2g} and {1 / paper[0.95]:.2g}){words}"
            ),
            verdict=short,
        ),
    ]


NAMES = {"y": ("predictions y", RULE_COLOURS[0]), "td": ("TD(λ) value", RULE_COLOURS[1]),
         "untrained": ("untrained rule's y", RULE_COLOURS[7])}  # fmt: skip


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
        for method, (label, colour) in NAMES.items():
            ours = select(errors, method=method, gamma=gamma)
            if not len(ours["mse"]):
                continue
            ax.plot(ours["iteration"], ours["mse"], "o-", markersize=3.5, color=colour, label=f"{label}, ours")
            paper = FIGURE_5.get(gamma, {}).get(method, {})
            if paper:
                ax.plot(list(paper), list(paper.values()), "s--", markersize=3, linewidth=1.1, color=colour, alpha=0.55,
                        label=f"{label}, paper")  # fmt: skip
        constant = float(np.mean(select(errors, gamma=gamma)["variance"]))
        ax.axhline(constant, color=MUTED, linewidth=1.0, dashes=(1.5, 2), label="best constant, ours")
        ax.set_yscale("log")
        ax.set_title(f"values at γ = {gamma:g}")
        ax.set_xlabel("iterations of policy evaluation")
    axes[0].set_ylabel("mean squared error on unseen grids")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), fontsize=8)
    return figure
