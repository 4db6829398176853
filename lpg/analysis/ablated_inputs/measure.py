"""Fresh agents under a rule and under what is left of it after each cut: same instances, same random numbers."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lpg.analysis.ablated_inputs.ablated import INPUT_ABLATIONS
from lpg.analysis.study import Tables
from lpg.analysis.table import make_table
from lpg.environments.registry import suite
from lpg.evaluation.evaluate import Progress, Trial, run_trials
from lpg.evaluation.settings import Setting
from lpg.evaluation.tasks import references
from lpg.evaluation.train_agents import Curve, TrainingSizes
from lpg.update_rules.base import Rule
from lpg.update_rules.lpg import LPG


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What fixes the measurement, beside rule and seed."""

    environments: str = "tabular/dense,tabular/sparse,tabular/long_dense,chain/short,chain/long"
    """A suite, or names with commas; all exactly solvable."""
    updates: int = 400
    """Agent updates of every training."""
    seeds: int = 8
    """Agents for each cut and environment."""

    def __post_init__(self) -> None:
        suite(self.environments)
        if self.updates < 1 or self.seeds < 1:
            raise ValueError(f"updates {self.updates} and seeds {self.seeds} given; both must be at least 1")

    @property
    def steps(self) -> int:
        """Environment steps of the measurement with 64 × 20 steps an update."""
        trainings = len(INPUT_ABLATIONS) * len(suite(self.environments)) * self.seeds
        return trainings * self.updates * TrainingSizes().steps_per_update


def measure(
    rule: Rule,
    settings: Settings,
    sizes: TrainingSizes,
    seed: int,
    progress: Progress | None = None,
    setting: Callable[[str], Setting] = lambda name: Setting(),
    run: Callable[..., Sequence[Curve]] = run_trials,
) -> Tables:
    """Trains agents under every ablated rule.

    Args:
        seed: instances and random numbers are those of the report seeds from here on.
        setting: hyper-parameters by environment, the same for the whole rule and for what is left of it.
        run: trains the agents.

    Returns:
        `areas`, with columns `ablation`, `environment`, `seed`, `area`: mean normalised return over the learning
        curve.

    Raises:
        ValueError: the rule is no whole LPG, so that there is nothing to cut, or less than is cut here; or the best
            return somewhere is not known, so that there is nothing to normalise with.
    """
    why = why_not(rule)
    if why is not None or not isinstance(rule, LPG):
        raise ValueError(why)
    names, seeds = suite(settings.environments), range(seed, seed + settings.seeds)
    reference_returns = {name: references(name, seeds, "report") for name in names}
    for name, reference in reference_returns.items():
        if not np.all(np.isfinite(reference)):
            raise ValueError(f"the best return of {name} is not known; areas need environments where it is")
    rows: list[dict[str, Any]] = []
    for ablation, one in INPUT_ABLATIONS.items():
        chosen = {name: setting(name) for name in names}
        if not one.keeps_predictions:
            chosen = {name: dataclasses.replace(each, y_weight=0.0) for name, each in chosen.items()}
        trials = [Trial(name, each, chosen[name], settings.updates) for name in names for each in seeds]
        curves = run(one.cut(rule), trials, "report", sizes=sizes, progress=progress)
        for trial, (_, returns, *_) in zip(trials, curves, strict=True):
            random, best = (reference[trial.seed - seed] for reference in reference_returns[trial.environment])
            rows.append(
                {"ablation": ablation, "environment": trial.environment, "seed": trial.seed,
                 "area": float(np.nanmean((np.asarray(returns) - random) / (best - random)))}
            )  # fmt: skip
    return {"areas": make_table(rows)}


def why_not(rule: Rule) -> str | None:
    """What keeps a rule from being cut, or None: only a whole LPG has the senses."""
    if isinstance(rule, LPG) and rule.without == "nothing":
        return None
    what = f"LPG without {rule.without}" if isinstance(rule, LPG) else type(rule).__name__
    return f"the rule is {what}; a whole LPG is needed, whose senses can be cut"
