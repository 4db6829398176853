"""Trains the agents of a sweep wherever their environments are: in JAX many at once, on the host one by one."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from lpg.evaluation.chosen_config import ChosenConfig
from lpg.evaluation.curves import Curve
from lpg.evaluation.evaluate import Progress, Trial, run_trials
from lpg.evaluation.finite import NotFiniteError
from lpg.evaluation.results import Row
from lpg.evaluation.trainer import train_plan
from lpg.evaluation.training_plan import make_plan
from lpg.keys import Purpose
from lpg.learner.gymnasium_environments import is_gymnasium
from lpg.learner.loop import DivergedError
from lpg.update_rules.base import Rule
from lpg.update_rules.registry import NamedRule

FIRST_SEED = 1_000_000
"""Of searches on the host, whose seeds are no stream of their own; those that are reported begin at 0."""


@dataclasses.dataclass(frozen=True)
class SweepTrials:
    """Like `lpg.evaluation.evaluate.run_trials`, on Gymnasium's environments and Atari games, too."""

    named: NamedRule

    def __call__(
        self,
        rule: Rule,
        trials: Sequence[Trial],
        purpose: Purpose,
        *,
        num_actions: int | None = None,
        progress: Progress | None = None,
    ) -> list[Curve]:
        """The learning curves, in the order of the trials; returns are NaN where an agent diverged.

        Raises:
            RuntimeError: an environment failed.
        """
        compiled = [index for index, trial in enumerate(trials) if not is_gymnasium(trial.environment)]
        curves = run_trials(
            rule, [trials[index] for index in compiled], purpose, num_actions=num_actions, progress=progress
        )
        found = dict(zip(compiled, curves, strict=True))
        return [
            found[index] if index in found else self._on_host(trial, progress) for index, trial in enumerate(trials)
        ]

    def _on_host(self, trial: Trial, progress: Progress | None) -> Curve:
        plan = make_plan(
            self.named,
            trial.environment,
            num_steps=trial.num_updates * trial.config.steps_per_update,
            agent=trial.agent,
            chosen=ChosenConfig(trial.config, "tried"),
        )
        try:
            rows, _ = train_plan(plan, [FIRST_SEED + trial.seed], progress=progress)
        except (DivergedError, NotFiniteError):
            rows = [Row("", "", 0, plan.num_updates, 0, float("nan"), float("nan"), 0)]
        columns = ([getattr(row, name) for row in rows] for name in ("agent_updates", "return_mean", "return_stderr"))
        updates, mean, error = map(np.array, columns)
        return updates, mean, error, np.array([row.episodes for row in rows])
