"""The audit of a meta-training: cheap checks of every meta-update for common failures, with advice."""

import collections
import dataclasses
import math
from typing import Any

import numpy as np

from lpg.meta_training.trainer import MetaUpdateReport

WINDOW = 50
"""Number of the latest meta-updates that are checked together."""
PATIENCE = 20
"""Number of meta-updates before the first check."""


@dataclasses.dataclass(frozen=True)
class Thresholds:
    """Limits beyond which a flag is raised; healthy runs stay far from them."""

    critic_ratio: float = 0.95
    """Squared error of the critic, divided by the variance of its targets (1: no better than a constant)."""
    uniform_prediction: float = 0.98
    """Entropy of y, divided by its maximum log m."""
    gradient_share: float = 0.8
    """Share of one environment in the sum of squared gradient norms, if there are at least three environments."""
    constant_pi_hat: float = 1e-3
    """Variance of π̂, divided by its mean square."""


class Audit:
    """Collects the diagnostics of meta-updates. Flags are warnings; they do not change the run."""

    def __init__(
        self,
        leaf_names: list[str],
        prediction_size: int,
        thresholds: Thresholds | None = None,
        trained: list[str] | None = None,
    ) -> None:
        """No meta-update has been observed.

        Args:
            leaf_names: paths of the leaves of η, in tree order.
            prediction_size: m; below 2 the rule does not discover predictions.
            thresholds: limits.
            trained: paths of the leaves that move; None: all.
        """
        self.trained = leaf_names if trained is None else trained
        self.leaf_names, self.prediction_size = leaf_names, prediction_size
        self.thresholds = thresholds or Thresholds()
        self._reports: collections.deque[MetaUpdateReport] = collections.deque(maxlen=WINDOW)

    def observe(self, report: MetaUpdateReport) -> None:
        """Adds the diagnostics of one meta-update."""
        self._reports.append(report)

    def flags(self) -> list[str]:
        """One line for each failure found in the last meta-updates: what, how bad, and what to do."""
        if len(self._reports) < PATIENCE:
            return []
        return [*self._critics(), *self._leaves(), *self._predictions(), *self._dominance(), *self._pi_hat()]

    def _critics(self) -> list[str]:
        flags = []
        for name in self._reports[-1].windows:
            error, variance = self._mean(name, "critic.error"), self._mean(name, "critic.variance")
            if variance > 1e-8 and error > self.thresholds.critic_ratio * variance:
                flags.append(
                    f"outer critic of {name}: squared error {error:.3g} is {error / variance:.0%} of its targets' "
                    "variance, no better than a constant; raise critic_rate (tables) or critic_learning_rate (networks)"
                )
        return flags

    def _leaves(self) -> list[str]:
        norms = np.max([report.step.leaf_norms for report in self._reports], axis=0)
        advice = "set num_updates to 2 or more; if it is, look for a stop_gradient on the rule's inputs"
        zero = [name for name, norm in zip(self.leaf_names, norms, strict=True) if norm == 0]
        names = [name for name in zero if name in self.trained]
        return [f"no gradient reaches {name}; {advice}" for name in names]

    def _predictions(self) -> list[str]:
        if self.prediction_size < 2:
            return []
        names = self._reports[-1].windows
        share = np.mean([self._mean(name, "terms.prediction_entropy") for name in names]) / math.log(
            self.prediction_size
        )
        if share > self.thresholds.uniform_prediction:
            return [
                f"predictions stay uniform (entropy {share:.1%} of its maximum), as is usual early in a run; "
                "later, raise meta_updates or y_weights, or lower prediction_entropy_weight"
            ]
        return []

    def _dominance(self) -> list[str]:
        squares = np.mean([report.step.environment_norms**2 for report in self._reports], axis=0)
        names = list(self._reports[-1].windows)
        share = squares / max(squares.sum(), 1e-30)
        if len(names) >= 3 and share.max() > self.thresholds.gradient_share:
            return [
                f"{names[int(share.argmax())]} has {share.max():.0%} of the squared meta-gradient; set "
                "scale_gradients=true or lower max_lifetime_gradient_norm"
            ]
        return []

    def _pi_hat(self) -> list[str]:
        names = self._reports[-1].windows
        square = np.mean([self._mean(name, "terms.pi_hat_square") for name in names])
        mean_square = np.mean([self._mean(name, "terms.pi_hat_mean") ** 2 for name in names])
        if square > 0 and 1 - mean_square / square < self.thresholds.constant_pi_hat:
            return [
                f"π̂ is constant ({math.sqrt(square):.3g} at every step); "
                "lower meta_learning_rate or raise pi_hat_weight"
            ]
        return []

    def _mean(self, environment: str, path: str) -> float:
        """Mean of one diagnostic over the reports and the lifetimes of an environment, except those that diverged."""
        values = []
        for report in self._reports:
            value: Any = report.windows[environment]
            for part in path.split("."):
                value = getattr(value, part)
            values.append(np.ravel(value)[np.ravel(report.windows[environment].is_finite)])
        kept = np.concatenate(values)
        return float(np.mean(kept)) if len(kept) else math.nan
