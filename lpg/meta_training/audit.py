"""The meta-gradient audit: cheap looks at every meta-update that tell a healthy run from a broken one."""

import collections
import dataclasses
import math
from typing import Any

import numpy as np

from lpg.meta_training.trainer import StepReport

WINDOW = 50
"""Meta-updates that a verdict looks back on."""
PATIENCE = 20
"""Meta-updates before the first verdict."""


@dataclasses.dataclass(frozen=True)
class Thresholds:
    """When a figure counts as a fault. Each is far outside what healthy runs show."""

    critic_ratio: float = 0.95
    """Critic's squared error over the variance of its targets; at 1 it knows nothing."""
    uniform_prediction: float = 0.98
    """Entropy of y over its maximum log m."""
    gradient_share: float = 0.8
    """One environment's share of the squared gradient norms, where there are at least three."""
    constant_pi_hat: float = 1e-3
    """Variance of π̂ over its mean square."""


class Audit:
    """Watches meta-updates; `flags` are warnings for people and change nothing."""

    def __init__(self, leaf_names: list[str], prediction_size: int, thresholds: Thresholds | None = None) -> None:
        """Args:
        leaf_names: paths of η's leaves, in tree order.
        prediction_size: m; below 2 the rule discovers no predictions.
        """
        self.leaf_names, self.prediction_size = leaf_names, prediction_size
        self.thresholds = thresholds or Thresholds()
        self._seen: collections.deque[StepReport] = collections.deque(maxlen=WINDOW)

    def observe(self, report: StepReport) -> None:
        """Notes one meta-update."""
        self._seen.append(report)

    def flags(self) -> list[str]:
        """What looks wrong over the last meta-updates, one sentence each; empty when healthy or too early to tell."""
        if len(self._seen) < PATIENCE:
            return []
        return [*self._critics(), *self._leaves(), *self._predictions(), *self._owners(), *self._pi_hat()]

    def _critics(self) -> list[str]:
        flags = []
        for name in self._seen[-1].windows:
            error, variance = self._mean(name, "critic.error"), self._mean(name, "critic.variance")
            if variance > 1e-8 and error > self.thresholds.critic_ratio * variance:
                flags.append(
                    f"outer critic of {name}: squared error {error:.3g} is {error / variance:.0%} of its targets' "
                    "variance and does not fall"
                )
        return flags

    def _leaves(self) -> list[str]:
        norms = np.max([report.step.leaf_norms for report in self._seen], axis=0)
        return [f"no gradient reaches {name}" for name, norm in zip(self.leaf_names, norms, strict=True) if norm == 0]

    def _predictions(self) -> list[str]:
        if self.prediction_size < 2:
            return []
        names = self._seen[-1].windows
        share = np.mean([self._mean(name, "terms.prediction_entropy") for name in names]) / math.log(
            self.prediction_size
        )
        if share > self.thresholds.uniform_prediction:
            return [f"predictions stay uniform (entropy {share:.1%} of its maximum): they say little"]
        return []

    def _owners(self) -> list[str]:
        squares = np.mean([report.step.environment_norms**2 for report in self._seen], axis=0)
        names = list(self._seen[-1].windows)
        share = squares / max(squares.sum(), 1e-30)
        if len(names) >= 3 and share.max() > self.thresholds.gradient_share:
            return [f"{names[int(share.argmax())]} owns {share.max():.0%} of the meta-gradient"]
        return []

    def _pi_hat(self) -> list[str]:
        names = self._seen[-1].windows
        square = np.mean([self._mean(name, "terms.pi_hat_square") for name in names])
        mean_square = np.mean([self._mean(name, "terms.pi_hat_mean") ** 2 for name in names])
        if square > 0 and 1 - mean_square / square < self.thresholds.constant_pi_hat:
            return [f"π̂ is saturated: {math.sqrt(square):.3g} whatever happens"]
        return []

    def _mean(self, environment: str, path: str) -> float:
        """Mean of one figure over the window and an environment's lifetimes, but those that were dropped."""
        values = []
        for report in self._seen:
            value: Any = report.windows[environment]
            for part in path.split("."):
                value = getattr(value, part)
            values.append(np.ravel(value)[np.ravel(report.windows[environment].is_finite)])
        every = np.concatenate(values)
        return float(np.mean(every)) if len(every) else math.nan
