"""What the answers imply: discounts, the use of predictions, similarity to actor-critic; and their figures."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lpg.analysis.probe.synthetic import discount, spread
from lpg.analysis.statistics import line, r_squared
from lpg.analysis.study import Claim, Tables, judge
from lpg.analysis.style import INK, MUTED, RULE_COLOURS, style
from lpg.analysis.table import Table, select

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


ROLLOUT = 20
"""Steps that a rule sees at once."""
BASELINE = "The rule is a policy gradient with a baseline: π̂ is the advantage that A2C would have given."
BASELINE_CRITERION = (
    "Median over environments and moments of the correlation between π̂ and the generalised advantage under the true "
    "value: at least 0.9 is reproduced (it is one), at least 0.5 partly."
)
BOOTSTRAP = "π̂ looks beyond the 20 steps of a rollout by bootstrapping through the predictions y."
BOOTSTRAP_CRITERION = (
    "On chains longer than a rollout π̂ tells right from wrong first actions by at least half of what it does on chains "
    "that fit (medians), and without predictions by less than a tenth of it; with them at least a tenth is partly."
)


@dataclasses.dataclass(frozen=True)
class Similarity:
    """How π̂ resembles what actor-critic would have said, on one environment at one moment."""

    environment: str
    updates: int
    correlation: float
    """With the advantage."""
    slope: float
    """π̂ per unit of advantage."""
    with_return: float
    """Correlation with the λ-return: higher than with the advantage if there is no baseline."""
    explained: float
    """R² of π̂ from advantage, value and π(a|s) together, linearly."""


def similarities(samples: Table) -> list[Similarity]:
    """One for each environment and moment."""
    found = []
    for name in dict.fromkeys(samples["environment"].tolist()):
        own = select(samples, environment=name)
        for updates in np.unique(own["updates"]):
            one = select(own, updates=updates)
            slope, correlation = line(one["advantage"], one["pi_hat"])
            features = np.stack([one["advantage"], one["value"], one["pi"]], axis=1)
            found.append(
                Similarity(
                    environment=name,
                    updates=int(updates),
                    correlation=correlation,
                    slope=slope,
                    with_return=line(one["return"], one["pi_hat"])[1],
                    explained=r_squared(one["pi_hat"], features),
                )
            )
    return found


def reach(chains: Table) -> tuple[float, float, float]:
    """Median gap between right and wrong on chains that fit into a rollout with predictions, and beyond it with and
    without them; relative to the first."""
    fits = chains["length"] <= ROLLOUT
    near = float(np.median(chains["with"][fits]))
    if near == 0:
        return 0.0, float("nan"), float("nan")
    return near, float(np.median(chains["with"][~fits])) / near, float(np.median(chains["without"][~fits])) / near


def score(tables: Tables) -> list[Claim]:
    """Two questions of ours; what else was seen is said beside the verdicts."""
    found = similarities(tables["samples"])
    # A rule that answers nothing is like nothing: correlation 0.
    correlation = float(np.median(np.nan_to_num([one.correlation for one in found])))
    with_return = float(np.median(np.nan_to_num([one.with_return for one in found])))
    every = float(np.median([one.explained for one in found]))
    rewards, seen = tables["rewards"], tables["predictions"]
    d, horizon = discount(rewards["delay"], rewards["plus"])
    near, beyond, without = reach(tables["chains"])
    sees = judge(beyond, reproduced=0.5, partly=0.1) if near > 0 else "not reproduced"
    if sees == "reproduced" and not abs(without) < 0.1:
        sees = "partly"
    return [
        Claim(
            figure="ours",
            statement=BASELINE,
            criterion=BASELINE_CRITERION,
            found=(
                f"correlation of π̂ with the advantage {correlation:.2f}, with the λ-return {with_return:.2f}; "
                f"advantage, value and π(a|s) together explain {every:.2f} of its variance; the answer to a reward k "
                f"steps later fades like {d:.3f}^k (sum {horizon:.1f} steps)"
            ),
            verdict=judge(correlation, reproduced=0.9, partly=0.5),
        ),
        Claim(
            figure="ours",
            statement=BOOTSTRAP,
            criterion=BOOTSTRAP_CRITERION,
            found=(
                f"gap on chains that fit {near:.3g}; on longer ones {beyond:.2g} of it with predictions and "
                f"{without:.2g} without; changing one prediction moves π̂ by up to {spread(seen['here']):.2g} (in s), "
                f"{spread(seen['next']):.2g} (in s′) and {spread(seen['far']):.2g} (in the last state), a reward of 1 "
                f"by {abs(rewards['plus'][0]):.2g}"
            ),
            verdict=sees,
        ),
    ]


BLUE, ORANGE, GREEN = RULE_COLOURS[:3]


def plot(tables: Tables, folder: Path) -> list[Path]:
    """Draws `probe.png` and `advantages.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    with style():
        draw(tables).savefig(folder / "probe.png")
        draw_samples(tables["samples"]).savefig(folder / "advantages.png")
    return [folder / "probe.png", folder / "advantages.png"]


def draw(tables: Tables) -> "Figure":
    """Answers to rewards, ends, probabilities and predictions; and reach with and without predictions."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.5, 5.8), layout="constrained")
    axes = figure.subplots(2, 3)
    _rewards(axes[0, 0], tables["rewards"])
    _ends(axes[0, 1], tables["rewards"])
    _probabilities(axes[0, 2], tables["probabilities"])
    _predictions(axes[1, 0], tables["predictions"])
    _chains(axes[1, 1], tables["chains"], is_relative=False)
    _chains(axes[1, 2], tables["chains"], is_relative=True)
    return figure


def draw_samples(samples: Table) -> "Figure":
    """π̂ against the advantage, a panel per environment; colours are moments of learning."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(samples["environment"].tolist()))
    figure = Figure(figsize=(2.7 * max(len(names), 2), 2.8), layout="constrained")
    axes = figure.subplots(1, max(len(names), 2), squeeze=False)[0]
    for ax in axes[len(names) :]:
        ax.set_axis_off()
    for ax, name in zip(axes, names, strict=False):
        own = select(samples, environment=name)
        for updates, colour in zip(np.unique(own["updates"]), RULE_COLOURS, strict=False):
            one = select(own, updates=updates)
            correlation = line(one["advantage"], one["pi_hat"])[1]
            ax.plot(one["advantage"], one["pi_hat"], ".", markersize=3, alpha=0.5, color=colour,
                    label=f"{updates:.0f} updates, r {correlation:.2f}")  # fmt: skip
        ax.set_title(name)
        ax.set_xlabel("advantage under the true value")
        ax.legend(fontsize=7, markerscale=2.5, handletextpad=0.2)
    axes[0].set_ylabel("π̂")
    return figure


def _rewards(ax: "Axes", table: Table) -> None:
    d, _ = discount(table["delay"], table["plus"])
    ax.plot(table["delay"], table["plus"], "o-", markersize=3, color=BLUE, label=f"+1 (like {d:.2f}^k)")
    ax.plot(table["delay"], table["minus"], "o-", markersize=3, color=ORANGE, label="−1")
    _decorate(ax, "a reward k steps later", "k, steps", "change of π̂")


def _ends(ax: "Axes", table: Table) -> None:
    ax.plot(table["delay"], table["terminated"], "o-", markersize=3, color=BLUE, label="termination")
    ax.plot(table["delay"], table["truncated"], "o-", markersize=3, color=ORANGE, label="time limit")
    _decorate(ax, "the episode ends k steps later", "k, steps", "change of π̂")


def _probabilities(ax: "Axes", table: Table) -> None:
    for name, colour, label in (("plus", BLUE, "+1"), ("nothing", MUTED, "0"), ("minus", ORANGE, "−1")):
        one = select(table, reward=name)
        ax.plot(one["pi"], one["pi_hat"], "o-", markersize=3, color=colour, label=f"reward {label}")
    ax.set_xscale("log")
    _decorate(ax, "likely and unlikely actions", "π(a|s)", "π̂")
    ax.margins(y=0.2)
    ax.legend(fontsize=7.5, loc="upper center", ncols=3, columnspacing=1.0, handlelength=1.4)


def _predictions(ax: "Axes", table: Table) -> None:
    order = np.argsort(-table["next"], kind="stable")
    x = np.arange(len(order))
    for place, colour, label in (
        ("next", BLUE, "in s′"),
        ("here", ORANGE, "in s"),
        ("far", GREEN, "in the last state"),
    ):
        ax.plot(x, table[place][order], "o-", markersize=3, linewidth=1.0, color=colour, label=label)
    _decorate(ax, "one sharp prediction", "categories of y, in the order of the blue line", "change of π̂")
    if len(order) <= 6:
        ax.set_xticks(x, table["name"][order])


def _chains(ax: "Axes", table: Table, is_relative: bool) -> None:
    for name, colour in (("with", BLUE), ("without", ORANGE)):
        values = table[name] / table[name][0] if is_relative and table[name][0] else table[name]
        ax.plot(table["length"], values, "o-", markersize=3, color=colour, label=f"{name} predictions")
    ax.axvline(ROLLOUT, color=INK, linewidth=0.9, dashes=(1.5, 2), label="end of the rollout")
    title = "relative to the shortest chain" if is_relative else "right minus wrong first action"
    _decorate(
        ax, title, "length of the delayed chain, steps", "difference of π̂" + (", relative" if is_relative else "")
    )


def _decorate(ax: "Axes", title: str, x: str, y: str) -> None:
    ax.axhline(0, color=MUTED, linewidth=0.7, zorder=1)
    ax.set(title=title, xlabel=x, ylabel=y)
    ax.legend(fontsize=7.5)
