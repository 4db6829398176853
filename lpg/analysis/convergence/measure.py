"""How far apart predictions are that began differently, and where they go when the policy changes.

On each of many unseen grids, four evaluations with predictions y that begin at random and each on its own, unlike those
of fresh agents, which are uniform:

    a        near-optimal policy, then the uniformly random one
    b        near-optimal policy, with other random numbers than a's
    b′       as b, but with a's random numbers: the rollouts of both are the same
    c        the random policy all along, for as long as both of a's halves together

Figure 6 is KL(a ‖ b) in the first half. In the second half KL(a ‖ c) says whether a's predictions become those of the
new policy, and KL(a ‖ b) that they leave those of the old one. The distance to b′ tells what random numbers does.

Differs from the paper: it does not state whether its two predictions share their random numbers, and no policy changes.

Reference: Oh et al. (2020), section 4.4 and figure 6.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from lpg.analysis.policy_evaluation import (
    Case,
    Progress,
    default_rate,
    evaluate_policies,
    hyperparameters,
    random_predictions,
    shown,
)
from lpg.analysis.predictions.measure import check_policy
from lpg.analysis.study import Tables
from lpg.analysis.table import make_table
from lpg.analysis.unseen_grids import ENV, cell_states, near_optimal_policy, random_grid
from lpg.environments import exact
from lpg.evaluation.train_config import TrainConfig
from lpg.keys import stream
from lpg.update_rules.base import Rule

SHARES = (0.0, 0.025, 0.05, 0.125, 0.25, 0.375, 0.5, 0.75, 1.0)
"""When distances are taken, as shares of a half: 0, 5, 10, 25, 50, 75, 100, 150, 200 of 200 iterations."""
FLOOR = 1e-8


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """What fixes the measurement, beside rule and seed."""

    gamma: float = 0.995
    """Discount that the rule is given, and for which the policies are near-optimal."""
    epsilon: float = 0.1
    """Share of random actions that softens the optimal policies."""
    grids: int = 128
    iterations: int = 200
    """Updates of y under each policy."""
    switch_grids: int = 32
    """Grids on which the policy changes: the first so many."""
    rate: float | None = None
    """Learning rate × α_y of the agent; none: 320 for categorical predictions, 10 for others."""

    def __post_init__(self) -> None:
        check_policy(self.gamma, self.epsilon, self.rate)
        for name in ("grids", "iterations", "switch_grids"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; at least 1 is needed")
        if self.switch_grids > self.grids:
            raise ValueError(f"switch_grids is {self.switch_grids}; at most grids = {self.grids} are possible")

    @property
    def steps(self) -> int:
        """Environment steps of the measurement with 64 × 20 steps an update."""
        return (3 * self.grids + 4 * self.switch_grids) * self.iterations * TrainConfig().steps_per_update


def measure(
    rule: Rule, config: Config, train_config: TrainConfig, seed: int, progress: Progress | None = None
) -> Tables:
    """Evaluates and compares.

    Returns:
        `distances`: a row per pair (`other`, `same-seed`; `old`, `new` after the change) and iteration, with the
        mean over grids of the mean over cells, and its standard error over grids. Numbers are KL in nats, or squared
        distances where predictions are not categorical.
    """
    key = jax.random.fold_in(stream(seed, "report"), 6)
    grids, greedy, random, states, share = _prepare(jax.random.split(key, config.grids), config)
    first = sorted({round(part * config.iterations) for part in SHARES})
    hyper = hyperparameters(config.rate or default_rate(rule), config.gamma)

    def begin(number: int) -> tuple[Float[Array, " G S P"], Key[Array, " G"]]:
        pair = jax.random.split(jax.random.fold_in(key, 10**6 + number), (2, config.grids))
        return jax.vmap(lambda k: random_predictions(k, rule, ENV.num_states))(pair[0]), pair[1]

    def go(case: Case, iterations: list[int]) -> tuple[np.ndarray, Float[Array, " G S P"]]:
        found, state = evaluate_policies(rule, ENV, case, hyper, iterations, train_config, progress=progress)
        at = np.asarray(states)[None, : found.shape[1], :, None]
        return shown(rule, np.take_along_axis(found, at, axis=2)), state.prediction

    def few(tree):  # noqa: ANN001, ANN202
        return jax.tree.map(lambda x: x[: config.switch_grids], tree)

    (y_a, luck_a), (y_b, luck_b), (y_c, luck_c) = (begin(number) for number in range(3))
    a, end_a = go(Case(grids, greedy, y_a, luck_a), first)
    b, end_b = go(Case(grids, greedy, y_b, luck_b), first)
    same, _ = go(Case(grids, greedy, y_b, luck_a), first)
    rows = _rows("other", first, a, b, rule, share) + _rows("same-seed", first, a, same, rule, share)

    def fresh(keys_of_half):  # noqa: ANN001, ANN202  # keys that no first half has used
        return jax.vmap(lambda k: jax.random.fold_in(k, 1))(keys_of_half)

    moved, _ = go(few(Case(grids, random, end_a, fresh(luck_a))), first)
    stayed, _ = go(few(Case(grids, greedy, end_b, fresh(luck_b))), first)
    whole, _ = go(few(Case(grids, random, y_c, luck_c)), [config.iterations + i for i in first])
    later = [config.iterations + i for i in first]
    rows += _rows("old", later, moved, stayed, rule, few(share)) + _rows("new", later, moved, whole, rule, few(share))
    return {"distances": make_table(rows)}


def distance(
    rule: Rule, one: Float[np.ndarray, " *b P"], other: Float[np.ndarray, " *b P"]
) -> Float[np.ndarray, " *b"]:
    """KL(one ‖ other) in nats of categorical predictions, the squared distance of others."""
    if rule.discovers_predictions and getattr(rule, "without", "nothing") != "softmax":
        p, q = np.maximum(one, FLOOR), np.maximum(other, FLOOR)
        return np.sum(one * (np.log(p) - np.log(q)), axis=-1)
    return np.sum((one - other) ** 2, axis=-1)


def _rows(
    pair: str, iterations: list[int], one: np.ndarray, other: np.ndarray, rule: Rule, share: Float[Array, " G C"]
) -> list[dict]:
    """Means over cells, then over grids."""
    by_grid = np.sum(distance(rule, one, other) * np.asarray(share)[None], axis=-1)
    error = (
        by_grid.std(1, ddof=1) / np.sqrt(by_grid.shape[1]) if by_grid.shape[1] > 1 else np.full(len(by_grid), np.nan)
    )
    return [
        {"pair": pair, "iteration": i, "distance": float(d), "stderr": float(e)}
        for i, d, e in zip(iterations, by_grid.mean(1), error, strict=True)
    ]


def _prepare(keys: Key[Array, " G"], config: Config) -> tuple:
    """Grids, both policies [G, S, A], the cells' states and their shares [G, C]."""

    def one(key: Key[Array, ""]) -> tuple:
        grid = random_grid(key)
        return (
            grid,
            near_optimal_policy(grid, config.gamma, config.epsilon),
            exact.uniform_policy(ENV, grid),
            *cell_states(grid),
        )

    return jax.jit(lambda k: jax.lax.map(one, k))(jnp.asarray(keys))
