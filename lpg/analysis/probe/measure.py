"""Opens a rule: synthetic trajectories, delayed chains, and real data beside what actor-critic would have said."""

import dataclasses
from collections.abc import Callable

import jax

from lpg.analysis.policy_evaluation import Progress, default_rate
from lpg.analysis.predictions.measure import check_policy
from lpg.analysis.probe.advantages import samples
from lpg.analysis.probe.delay import LENGTHS, gaps
from lpg.analysis.probe.synthetic import predictions, probabilities, rewards
from lpg.analysis.study import Tables
from lpg.environments.registry import suite
from lpg.evaluation.settings import Setting
from lpg.evaluation.train_agents import TrainingSizes
from lpg.keys import stream
from lpg.update_rules.base import Rule


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What fixes the measurement, beside rule and seed."""

    gamma: float = 0.995
    """Discount that the rule is given."""
    steps_ahead: int = 20
    """Length of the synthetic trajectories."""
    iterations: int = 300
    """Updates after which predictions on chains have settled."""
    environments: str = "tabular/dense,tabular/sparse,tabular/long_horizon,chain/short"
    """Where real data comes from: a suite, or names with commas; all exactly solvable."""
    updates: tuple[int, ...] = (20, 100)
    """Agent updates after which agents are looked at."""
    rate: float | None = None
    """Learning rate × α_y of the agents on chains; none: 320 for categorical predictions, 10 for others."""

    def __post_init__(self) -> None:
        check_policy(self.gamma, 1.0, self.rate)
        suite(self.environments)
        if self.steps_ahead < 2 or self.iterations < 1 or not self.updates or min(self.updates) < 1:
            raise ValueError("steps_ahead must be at least 2, iterations and all updates at least 1")

    @property
    def steps(self) -> int:
        """Environment steps of the measurement with 64 × 20 steps an update."""
        on_grids = len(suite(self.environments)) * sum(self.updates)
        return (len(LENGTHS) * self.iterations + on_grids) * TrainingSizes().steps_per_update


def measure(
    rule: Rule,
    settings: Settings,
    sizes: TrainingSizes,
    seed: int,
    progress: Progress | None = None,
    setting: Callable[[str], Setting] = lambda name: Setting(),
) -> Tables:
    """Asks everything.

    Args:
        setting: hyper-parameters of the agents that make real data, by environment.

    Returns:
        `rewards`, `probabilities`, `predictions`, `chains`, `samples`; see the functions that make them.
    """
    gamma, steps = settings.gamma, settings.steps_ahead
    key = jax.random.fold_in(stream(seed, "report"), 11)
    rate = settings.rate or default_rate(rule)
    return {
        "rewards": rewards(rule, gamma, steps),
        "probabilities": probabilities(rule, gamma, steps),
        "predictions": predictions(rule, gamma, steps),
        "chains": gaps(rule, key, gamma, rate, settings.iterations, sizes, progress=progress),
        "samples": samples(rule, suite(settings.environments), settings.updates, setting, sizes, seed, progress),
    }
