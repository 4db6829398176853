"""What does each part of the LPG contribute? (Figure 7)

The variants of figure 7, and two of ours, as changes of a configuration; the score of each at the last validation that
all of them have reached; and their curves beside the paper's.

Reference: Oh et al. (2020), section 4.5 and figure 7.
"""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lpg.analysis.meta_runs import Variant
from lpg.analysis.paper_numbers import FIGURE_7, FIGURE_7_UPDATES
from lpg.analysis.study import Claim, Tables, judge, missing
from lpg.analysis.style import INK, RULE_COLOURS, save
from lpg.analysis.table import Table, select
from lpg.meta_training.config import MetaConfig

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SQUARED_WEIGHT = 1 / 200
"""α_y of predictions that move by their squared error, values and y ∈ ℝ^m, over that of the LPG.

Differs from the paper, which gives one list of α_y: a table that moves by α_lr α_y times its error is stable only below
about 1, with α_lr of a thousand and more; a distribution's logits move by at most α_lr α_y.
"""


def variants(config: MetaConfig) -> list[Variant]:
    """The variants, the full LPG first.

    Args:
        config: of the full LPG; the fixed hyper-parameters are the middle ones of its bandit's arms.
    """
    networks = config.network_learning_rates
    fixed = {
        "learning_rates": [_middle(config.learning_rates)],
        "y_weights": [_middle(config.y_weights)],
        "network_y_weights": None if config.network_y_weights is None else [_middle(config.network_y_weights)],
        "network_learning_rates": None if networks is None else [_middle(networks)],
    }
    squared = {
        "y_weights": [weight * SQUARED_WEIGHT for weight in config.y_weights],
        "network_y_weights": config.network_y_weights or config.y_weights,
    }
    no_softmax = {"rule": "lpg-no-softmax", "prediction_entropy_weight": 0.0, **squared}
    return [
        Variant("lpg", "the full LPG", {"rule": "lpg"}),
        Variant("lpg-v", "is given a value function, discovers π̂ alone", {"rule": "lpg-v", **squared}),
        Variant("no-softmax", "y ∈ ℝ^m and ‖y − ŷ‖²", no_softmax),
        Variant("no-entropy", "predictions without entropy regularisation, β1 = 0", {"prediction_entropy_weight": 0.0}),
        Variant(
            "no-l2", "targets without size regularisation, β2 = β3 = 0", {"pi_hat_weight": 0.0, "y_hat_weight": 0.0}
        ),
        Variant("fixed-hyper", "one arm instead of the bandit", fixed),
        Variant("no-bootstrap", "ours: the rule does not see y(s′)", {"rule": "lpg-no-bootstrap"}),
        Variant("no-recurrence", "ours: the rule sees one step at a time", {"rule": "lpg-no-recurrence"}),
    ]


def validated_with(config: MetaConfig, variant: MetaConfig) -> MetaConfig:
    """How a variant is validated: as the full LPG, so that curves can be compared, but with its own α_y."""
    return dataclasses.replace(
        config,
        rule=variant.rule,
        y_weights=variant.y_weights,
        network_y_weights=variant.network_y_weights,
        prediction_entropy_weight=0.0,
    )


def _middle(values: tuple[float, ...]) -> float:
    return float(np.sort(values)[len(values) // 2])


STATEMENT = "Every part helps: LPG ends above LPG-V and above every ablation."
CRITERION = (
    "Mean over meta-seeds of the validation scores in the last quarter of the meta-updates that all variants have "
    "reached: LPG's is above those of all five variants of the paper is reproduced, above at least three partly."
)
OURS_STATEMENT = "Bootstrapping through y and looking ahead by recurrence are both needed."
OURS_CRITERION = (
    "The same measure: LPG's is at least 0.05 above both without bootstrapping and without recurrence is reproduced, "
    "above one of them partly."
)
MARGIN = 0.05


def standings(curves: Table) -> dict[str, list[float]]:
    """Mean score in the last quarter of what all variants have reached, run by run; empty without any run."""
    names = list(dict.fromkeys(curves["variant"].tolist()))
    if not names:
        return {}
    end = min(float(select(curves, variant=name)["meta_update"].max()) for name in names)
    found: dict[str, list[float]] = {}
    for name in names:
        own = select(curves, variant=name)
        for seed in np.unique(own["seed"]):
            one = select(own, seed=seed)
            late = (one["meta_update"] <= end) & (one["meta_update"] >= 0.75 * end)
            if late.any() and one["meta_update"].max() >= end:  # a run that is still behind does not count yet
                found.setdefault(name, []).append(float(one["score"][late].mean()))
    return found


def score(tables: Tables) -> list[Claim]:
    """The claim of figure 7, and ours."""
    runs = standings(tables["validations"])
    found = {name: float(np.mean(each)) for name, each in runs.items()}
    others = [name for name in FIGURE_7 if name != "lpg"]
    absent = [name for name in ("lpg", *others) if name not in found]
    if absent:
        why = f"no results yet for {', '.join(absent)}"
        return [missing("Figure 7", STATEMENT, CRITERION, why), missing("ours", OURS_STATEMENT, OURS_CRITERION, why)]
    words = ", ".join(f"{name} {_words(runs[name])}" for name in sorted(found, key=lambda name: -found[name]))
    below = sum(found["lpg"] > found[name] for name in others)
    end = max(select(tables["validations"], variant="lpg")["meta_update"])
    ours = [found.get(name, np.nan) for name in ("no-bootstrap", "no-recurrence")]
    needed = sum(found["lpg"] >= value + MARGIN for value in ours)
    return [
        Claim(
            figure="Figure 7",
            statement=STATEMENT,
            criterion=CRITERION,
            found=f"{words}; LPG is above {below} of {len(others)} after {end:,.0f} meta-updates (paper: 14,000)",
            verdict=judge(below, reproduced=len(others), partly=3),
        ),
        Claim(
            figure="ours",
            statement=OURS_STATEMENT,
            criterion=OURS_CRITERION,
            found=f"LPG {found['lpg']:.3f}, without bootstrapping {ours[0]:.3f}, without recurrence {ours[1]:.3f}",
            verdict=judge(needed, reproduced=2, partly=1),
        ),
    ]


def _words(values: list[float]) -> str:
    """A mean, and how far the runs lie apart."""
    spread = f" ({min(values):.3f}–{max(values):.3f}, {len(values)} seeds)" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{spread}"


ORDER = ("lpg", "lpg-v", "no-softmax", "no-entropy", "no-l2", "fixed-hyper", "no-bootstrap", "no-recurrence")


def plot(tables: Tables, folder: Path) -> list[Path]:
    """Draws `ablation.png`."""
    return [save(lambda: draw(tables), folder / "ablation.png")]


def draw(tables: Tables) -> "Figure":
    """Left ours, means over meta-seeds with a thin line for each; right the paper's; the same colours."""
    from matplotlib.figure import Figure

    curves = tables["validations"]
    names = [name for name in ORDER if name in curves["variant"]]
    names += [name for name in dict.fromkeys(curves["variant"].tolist()) if name not in ORDER]
    palette = {name: RULE_COLOURS[i % len(RULE_COLOURS)] for i, name in enumerate((*ORDER, *names))}
    figure = Figure(figsize=(9.0, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name in names:
        own = select(curves, variant=name)
        runs = [select(own, seed=seed) for seed in np.unique(own["seed"])]
        at = np.unique(own["meta_update"])
        mean = [select(own, meta_update=x)["score"].mean() for x in at]
        left.plot(at, mean, "o-", markersize=3, color=palette[name], label=name, zorder=4 if name == "lpg" else 3)
        for one in runs if len(runs) > 1 else []:
            left.plot(one["meta_update"], one["score"], color=palette[name], linewidth=0.6, alpha=0.5)
    left.set(title="ours", xlabel="meta-updates", ylabel="validation, normalised area")
    if not names:
        left.text(0.5, 0.5, "no validation yet", ha="center", va="center", color=INK, transform=left.transAxes)
    for name, values in FIGURE_7.items():
        right.plot(FIGURE_7_UPDATES, values, "s--", markersize=3, linewidth=1.1, color=palette[name],
                   label=None if name in names else name)  # fmt: skip
    right.set(title="paper (figure 7)", xlabel="meta-updates", ylabel="normalised return", ylim=(0, 1))
    handles = [*left.get_legend_handles_labels()[0], *right.get_legend_handles_labels()[0]]
    figure.legend(handles=handles, loc="outside upper center", ncols=4, fontsize=8)
    return figure
