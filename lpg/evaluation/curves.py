"""Learning curves: which updates their points cover, and means and standard errors from sums over episodes."""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

Curve = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""One learning curve: agent updates, mean return, its standard error, number of episodes; [P] each."""
Totals = tuple[Any, Any, Any]
"""One point of the curves of R agents: sum of the returns of the episodes that ended, sum of their squares, how many
they were; arrays [R] of NumPy or JAX."""


@dataclasses.dataclass(frozen=True)
class Curves:
    """Learning curves of R agents, P points each; a point covers the updates since the previous one."""

    agent_updates: np.ndarray
    """[P] agent updates done at each point."""
    return_mean: np.ndarray
    """[R, P] mean undiscounted return of the episodes that ended; NaN where none did."""
    return_stderr: np.ndarray
    """[R, P] its standard error over episodes; NaN for fewer than two."""
    episodes: np.ndarray
    """[R, P] how many ended."""

    def of(self, agent: int) -> Curve:
        """The curve of one agent."""
        return self.agent_updates, self.return_mean[agent], self.return_stderr[agent], self.episodes[agent]


def curves_from_totals(ends: np.ndarray, totals: Sequence[Totals]) -> Curves:
    """Curves from sums over episodes.

    Args:
        ends: [P] agent updates done at each point.
        totals: one for each point.
    """
    total, squares, count = np.array([[np.asarray(x, float) for x in point] for point in totals]).transpose(1, 2, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(count > 0, total / count, np.nan)
        variance = np.maximum(squares - count * mean**2, 0) / (count - 1)
        stderr = np.where(count > 1, np.sqrt(variance / count), np.nan)
    return Curves(agent_updates=ends, return_mean=mean, return_stderr=stderr, episodes=count.astype(int))


def continued_ends(budgets: Sequence[int], num_points: int) -> np.ndarray:
    """Like `point_ends`, for a training that went on: every part ends with a point, and all have about equal distances.

    Args:
        budgets: agent updates after which the training was to end at first and whenever it went on, in rising order.
        num_points: at most so many points in the first part.

    Raises:
        ValueError: see `point_ends`.
    """
    parts = [point_ends(budgets[0], num_points)]
    for before, after in itertools.pairwise(budgets):
        count = max(1, round((after - before) * len(parts[0]) / budgets[0]))
        parts.append(before + point_ends(after - before, count))
    return np.concatenate(parts)


def point_ends(num_updates: int, num_points: int) -> np.ndarray:
    """Agent updates at which the points of a curve end: evenly spread, the last one at the end.

    Args:
        num_points: at most so many points.

    Raises:
        ValueError: more updates than compiled programs can count.
    """
    if num_updates >= 2**31:
        raise ValueError(f"{num_updates:,} agent updates asked for; programs count them up to 2,147,483,647 (32 bits)")
    count = min(num_updates, num_points)
    return np.round(np.arange(1, count + 1) * num_updates / count).astype(int)
