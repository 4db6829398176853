"""Curricula: new lifetimes begin on levels that were seen before, the more often the more there is to learn on them.

A level is the random key from which the parameters of an environment are drawn. What an agent reached on it is known
exactly, because dynamic programming solves it: the share p of the way from the random policy's return to the optimum.
"regret" prefers levels with a large 1 − p, "learnability" those with a large p (1 − p), which are neither solved nor
out of reach.

Reference: Jackson et al. (2023), levels by regret, there estimated with A2C; Rutherford et al. (2024), p (1 − p);
Jiang et al. (2021), replay with probabilities by rank.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, Literal

import jax
import numpy as np
from jaxtyping import Array, Float, UInt32

from lpg.environments.exact import optimal_return, policy_return, uniform_policy

CAPACITY = 256
"""Levels that are kept of each environment; the one with the lowest score makes room."""

LevelSampling = Literal["uniform", "regret", "learnability"]
SCORES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "regret": lambda share: 1 - share,
    "learnability": lambda share: share * (1 - share),
}


@dataclasses.dataclass
class Levels:
    """The levels that are kept, in the order in which they came; lists of equal lengths."""

    sampling: LevelSampling
    replay: float
    """Probability that a new lifetime begins on a level that is kept, in [0, 1]."""
    environment: list[int] = dataclasses.field(default_factory=list)
    key: list[tuple[int, int]] = dataclasses.field(default_factory=list)
    """Data of the random key, two numbers below 2³²."""
    random: list[float] = dataclasses.field(default_factory=list)
    """Expected return of the random policy."""
    best: list[float] = dataclasses.field(default_factory=list)
    """Largest expected return."""
    share: list[float] = dataclasses.field(default_factory=list)
    """p of the latest agent."""

    def choose(self, environment: int, generator: np.random.Generator) -> tuple[int, int]:
        """The level of a new lifetime: a new one, or one that is kept, with a probability ∝ 1/rank of its score."""
        rows = self._of(environment)
        if len(rows) and generator.random() < self.replay:
            weight = 1 / (1 + np.argsort(np.argsort(-self._scores(rows), kind="stable")))
            return self.key[generator.choice(rows, p=weight / weight.sum())]
        first, second = generator.integers(0, 2**32, 2, dtype=np.uint32).tolist()
        return first, second

    def record(
        self,
        environment: int,
        key: tuple[int, int],
        final_return: float,
        solve: Callable[[tuple[int, int]], tuple[float, float]],
    ) -> None:
        """Records what an agent reached on a level; without a finite return (no episode ended) nothing.

        Args:
            environment: number of the level's environment.
            key: the level.
            final_return: mean return of the lifetime's latest episodes.
            solve: level → returns of the random policy and of the best one; called for levels that are not kept.
        """
        if not np.isfinite(final_return):
            return
        rows = self._of(environment)
        known = [row for row in rows if self.key[row] == key]
        if known:
            row = known[0]
        else:
            if len(rows) >= CAPACITY:
                self._remove(int(rows[np.argmin(self._scores(rows))]))
            row, (random, best) = len(self.key), solve(key)
            self.environment.append(environment)
            self.key.append(key)
            self.random.append(random)
            self.best.append(best)
            self.share.append(0.0)
        width = self.best[row] - self.random[row]
        # Where no policy is better than the random one there is nothing to learn.
        share = (final_return - self.random[row]) / width if width > 0 else 1.0
        self.share[row] = float(np.clip(share, 0, 1))

    def _of(self, environment: int) -> np.ndarray:
        """Rows of an environment."""
        return np.flatnonzero(np.array(self.environment, int) == environment)

    def _scores(self, rows: np.ndarray) -> np.ndarray:
        return SCORES[self.sampling](np.array(self.share)[rows])

    def _remove(self, row: int) -> None:
        columns: tuple[list, ...] = (self.environment, self.key, self.random, self.best, self.share)
        for column in columns:
            del column[row]

    def arrays(self) -> dict[str, np.ndarray]:
        """The lists as arrays, for a checkpoint."""
        return {
            "environment": np.array(self.environment, np.int64),
            "key": np.array(self.key, np.uint32).reshape(-1, 2),
            **{name: np.array(getattr(self, name), np.float64) for name in ("random", "best", "share")},
        }

    def with_arrays(self, arrays: dict[str, np.ndarray]) -> "Levels":
        """The inverse of `arrays`."""
        lists: dict[str, Any] = {name: array.tolist() for name, array in arrays.items()}
        return dataclasses.replace(self, **{**lists, "key": [tuple(key) for key in lists["key"]]})


def exact_returns(distribution: Any, key: tuple[int, int]) -> tuple[float, float]:
    """Expected undiscounted returns of an episode of a level, under the random policy and the best one.

    Args:
        distribution: an `EnvDistribution` of an `ExactEnvironment`.
        key: the level.
    """
    random, best = jax.device_get(_solver(distribution)(np.array(key, np.uint32)))
    return float(random), float(best)


@functools.cache
def _solver(distribution: Any) -> Callable[[UInt32[Any, "2"]], tuple[Float[Array, ""], Float[Array, ""]]]:
    env = distribution.env

    @jax.jit
    def solve(key: UInt32[Array, "2"]) -> tuple[Float[Array, ""], Float[Array, ""]]:
        params = distribution.sample(jax.random.wrap_key_data(key))
        return policy_return(env, params, uniform_policy(env, params)), optimal_return(env, params)

    return solve
