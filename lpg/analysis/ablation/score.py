"""Where each variant stands at the last validation that all of them have reached."""

import numpy as np

from lpg.analysis.claims import Claim, judge, missing
from lpg.analysis.paper_numbers import FIGURE_7
from lpg.analysis.study import Tables
from lpg.analysis.table import Table, select

SAYS = "Every part helps: the whole LPG ends above LPG-V and above every ablation."
CRITERION = (
    "Mean over meta-seeds of the validation scores in the last quarter of the meta-updates that all variants have "
    "reached: LPG's is above those of all five variants of the paper is reproduced, above at least three partly."
)
OURS_SAYS = "Bootstrapping through y and looking ahead by recurrence are both needed."
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
        return [missing("Figure 7", SAYS, CRITERION, why), missing("ours", OURS_SAYS, OURS_CRITERION, why)]
    words = ", ".join(f"{name} {_words(runs[name])}" for name in sorted(found, key=lambda name: -found[name]))
    below = sum(found["lpg"] > found[name] for name in others)
    end = max(select(tables["validations"], variant="lpg")["meta_update"])
    ours = [found.get(name, np.nan) for name in ("no-bootstrap", "no-recurrence")]
    needed = sum(found["lpg"] >= value + MARGIN for value in ours)
    return [
        Claim(
            figure="Figure 7",
            says=SAYS,
            criterion=CRITERION,
            found=f"{words}; LPG is above {below} of {len(others)} after {end:,.0f} meta-updates (paper: 14,000)",
            verdict=judge(below, reproduced=len(others), partly=3),
        ),
        Claim(
            figure="ours",
            says=OURS_SAYS,
            criterion=OURS_CRITERION,
            found=f"LPG {found['lpg']:.3f}, without bootstrapping {ours[0]:.3f}, without recurrence {ours[1]:.3f}",
            verdict=judge(needed, reproduced=2, partly=1),
        ),
    ]


def _words(values: list[float]) -> str:
    """A mean, and how far the runs lie apart."""
    spread = f" ({min(values):.3f}–{max(values):.3f}, {len(values)} seeds)" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{spread}"
