"""What the answers amount to: implied discounts, the worth of predictions, and likeness to actor-critic."""

import dataclasses

import numpy as np

from lpg.analysis.claims import Claim, judge
from lpg.analysis.explained import line, r_squared
from lpg.analysis.probe.synthetic import discount, spread
from lpg.analysis.study import Tables
from lpg.analysis.table import Table, select

ROLLOUT = 20
"""Steps that a rule sees at once."""
DISGUISE = "The rule is a policy gradient with a baseline in disguise: π̂ is the advantage that A2C would have given."
DISGUISE_CRITERION = (
    "Median over environments and moments of the correlation between π̂ and the generalised advantage under the true "
    "value: at least 0.9 is reproduced (it is one), at least 0.5 partly."
)
BOOTSTRAP = "π̂ looks beyond the 20 steps of a rollout by bootstrapping through the predictions y."
BOOTSTRAP_CRITERION = (
    "On chains longer than a rollout π̂ tells right from wrong first actions by at least half of what it does on chains "
    "that fit (medians), and without predictions by less than a tenth of it; with them at least a tenth is partly."
)


@dataclasses.dataclass(frozen=True)
class Likeness:
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


def likenesses(samples: Table) -> list[Likeness]:
    """One for each environment and moment."""
    found = []
    for name in dict.fromkeys(samples["environment"].tolist()):
        own = select(samples, environment=name)
        for updates in np.unique(own["updates"]):
            one = select(own, updates=updates)
            slope, correlation = line(one["advantage"], one["pi_hat"])
            features = np.stack([one["advantage"], one["value"], one["pi"]], axis=1)
            found.append(
                Likeness(
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
    alike = likenesses(tables["samples"])
    # A rule that answers nothing is like nothing: correlation 0.
    correlation = float(np.median(np.nan_to_num([one.correlation for one in alike])))
    with_return = float(np.median(np.nan_to_num([one.with_return for one in alike])))
    every = float(np.median([one.explained for one in alike]))
    rewards, seen = tables["rewards"], tables["predictions"]
    d, horizon = discount(rewards["delay"], rewards["plus"])
    near, beyond, without = reach(tables["chains"])
    sees = judge(beyond, reproduced=0.5, partly=0.1) if near > 0 else "not reproduced"
    if sees == "reproduced" and not abs(without) < 0.1:
        sees = "partly"
    return [
        Claim(
            figure="ours",
            says=DISGUISE,
            criterion=DISGUISE_CRITERION,
            found=(
                f"correlation of π̂ with the advantage {correlation:.2f}, with the λ-return {with_return:.2f}; "
                f"advantage, value and π(a|s) together explain {every:.2f} of its variance; the answer to a reward k "
                f"steps later fades like {d:.3f}^k (sum {horizon:.1f} steps)"
            ),
            verdict=judge(correlation, reproduced=0.9, partly=0.5),
        ),
        Claim(
            figure="ours",
            says=BOOTSTRAP,
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
