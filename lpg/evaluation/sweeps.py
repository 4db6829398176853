"""What a sweep of hyper-parameters is over, and the score of a configuration."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from lpg.evaluation.curves import Curve
from lpg.evaluation.results import Row, smoothed
from lpg.evaluation.scores import normalise
from lpg.evaluation.search_space import agent_kind
from lpg.evaluation.tasks import references
from lpg.evaluation.training_plan import backend_of

WORST = -10.0
"""Score of a configuration under which no episode ended, or agents diverged; lower scores count as this."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sweep:
    """What is searched: one configuration for one or for several environments."""

    name: str
    environments: tuple[str, ...]
    num_steps: Mapping[str, int | float]
    """Environment steps of a trial in each environment, all parallel environments together."""
    agent: str | None = None
    """Which agents learn; none: each environment's own, all of one kind."""

    @property
    def kind(self) -> str:
        """The kind of agents, see `lpg.evaluation.search_space`.

        Raises:
            ValueError: they are of several kinds, which cannot share a configuration.
        """
        kinds = {agent_kind(self.agent or backend_of(name).default_agent) for name in self.environments}
        if len(kinds) > 1:
            raise ValueError(
                f"{self.name}: agents of kinds {', '.join(sorted(kinds))}; one configuration serves one kind, so sweep "
                "their environments apart"
            )
        return kinds.pop()


def sweeps_of(
    environments: Sequence[str], num_steps: Mapping[str, int | float], agent: str | None = None
) -> list[Sweep]:
    """One sweep for each environment, called by its name."""
    return [Sweep(name=name, environments=(name,), num_steps=num_steps, agent=agent) for name in environments]


def general_sweeps(environments: Sequence[str], num_steps: Mapping[str, int | float]) -> list[Sweep]:
    """One sweep for each kind of agent, called by the kind: one configuration for all environments of the kind."""
    kinds: dict[str, list[str]] = {}
    for one in sweeps_of(environments, num_steps):
        kinds.setdefault(one.kind, []).append(one.name)
    return [Sweep(name=kind, environments=tuple(names), num_steps=num_steps) for kind, names in kinds.items()]


class SweepScorer:
    """From the learning curves of one configuration to its score."""

    def __init__(self, sweep: Sweep, num_seeds: int, num_actions: int | None) -> None:
        pairs = [references(name, range(num_seeds), "tuning", num_actions) for name in sweep.environments]
        self._random, self._best = (np.concatenate(column) for column in zip(*pairs, strict=True))
        self.is_normalised = bool(np.isfinite(self._random).all() and np.isfinite(self._best).all())
        self.num_seeds, self.num_curves = num_seeds, len(self._random)

    def __call__(self, curves: Sequence[Curve]) -> float:
        areas = [_area(curve, *pair) for curve, *pair in zip(curves, self._random, self._best, strict=True)]
        score = float(np.mean(areas))
        return max(score, WORST) if self.is_normalised else score if np.isfinite(score) else -1e9


def _area(curve: Curve, random: float, best: float) -> float:
    """Mean over the curve: normalised return, or plain return without reference returns; −∞ if no episode ended."""
    rows = [Row("", "", 0, int(at), 0, float(mean), 0.0, int(n)) for at, mean, _, n in zip(*curve, strict=True)]
    value = smoothed(rows) if np.isnan(random) or np.isnan(best) else normalise(smoothed(rows), random, best)
    area = float(np.mean(value))
    return area if np.isfinite(area) else -np.inf
