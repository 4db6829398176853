"""How good the rules are where none of them has been trained, by what they were trained on."""

import math

from lpg.analysis.claims import Claim, judge, missing
from lpg.analysis.diversity.variants import SETS
from lpg.analysis.study import Tables
from lpg.analysis.table import Table, select

SAYS = "The more kinds of environments a rule is meta-trained on, the better it is where it was not."
CRITERION = (
    "Mean over the unseen environments of the normalised area under the learning curve (of the raw final return, where "
    "nothing can be normalised): it rises at both steps, tabular to + random to + chain, is reproduced; only from "
    "first to last is partly."
)


def means(scores: Table) -> dict[str, float]:
    """Mean over environments and seeds by training set, in the order of the sets."""
    found = {}
    for name in SETS:
        if name in scores["variant"]:
            found[name] = float(select(scores, variant=name)["score"].mean())
    return found


def score(tables: Tables) -> list[Claim]:
    """The claim of figure 9."""
    found = means(tables["scores"])
    absent = [name for name in SETS if name not in found or math.isnan(found[name])]
    if absent:
        return [missing("Figure 9", SAYS, CRITERION, f"no results yet for {', '.join(absent)}")]
    first, second, third = found.values()
    rises = 2 if first < second < third else 1 if first < third else 0
    words = ", ".join(f"{name} {value:.3f}" for name, value in found.items())
    where = ", ".join(dict.fromkeys(tables["scores"]["environment"].tolist()))
    return [
        Claim(
            figure="Figure 9",
            says=SAYS,
            criterion=CRITERION,
            found=f"{words} on {where} (paper, Atari games above human: 5, 7, 14)",
            verdict=judge(rises, reproduced=2, partly=1),
        )
    ]
