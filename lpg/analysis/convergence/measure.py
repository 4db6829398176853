"""Distances between predictions with different initial values, before and after the policy changes.

On each of many unseen grids there are four evaluations. Their initial predictions y are random, each with its own key,
unlike those of fresh agents, which are uniform:

    a        near-optimal policy, then the uniformly random one
    b        near-optimal policy, with other random numbers than a's
    b′       as b, but with a's random numbers: the rollouts of both are the same
    c        the random policy all along, for as long as both of a's halves together

Figure 6 is KL(a ‖ b) in the first half. In the second half KL(a ‖ c) shows whether a's predictions become those of the
new policy, and KL(a ‖ b) that they leave those of the old one. The distance to b′ shows the effect of random numbers.
The distance between the cells of one grid under a is what a constant ŷ would remove as well.

Differs from the paper: it does not state whether its two predictions share their random numbers, and no policy changes.

Reference: Oh et al. (2020), section 4.4 and figure 6.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from lpg.analysis.controls import NUM_CONTROLS, controls
from lpg.analysis.policy_evaluation import (
    Case,
    Progress,
    as_probabilities,
    default_rate,
    evaluate_policies,
    hyperparameters,
    is_categorical,
    random_predictions,
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
    """Number of grids on which the policy changes."""
    control_grids: int = 8
    """Number of grids for each control."""
    rate: float | None = None
    """Learning rate × α_y of the agent; none: 320 for categorical predictions, 10 for others."""

    def __post_init__(self) -> None:
        check_policy(self.gamma, self.epsilon, self.rate)
        for name in ("grids", "iterations", "switch_grids", "control_grids"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; at least 1 is needed")
        if self.switch_grids > self.grids:
            raise ValueError(f"switch_grids is {self.switch_grids}; at most grids = {self.grids} are possible")

    @property
    def steps(self) -> int:
        """Environment steps of the measurement with 64 × 20 steps an update, controls included."""
        few = min(self.control_grids, self.grids)
        grids = 3 * self.grids + 4 * self.switch_grids + NUM_CONTROLS * (3 * few + 4 * min(self.switch_grids, few))
        return grids * self.iterations * TrainConfig().steps_per_update


def measure(
    rule: Rule, config: Config, train_config: TrainConfig, seed: int, progress: Progress | None = None
) -> Tables:
    """Evaluates and compares.

    Returns:
        `distances`: a row per method (`y` and the controls), pair (`other`, `same-seed`; `cells`: of one grid under one
        evaluation; `old`, `new` after the change) and iteration, with the mean over grids of the mean over cells, and
        its standard error over grids. Numbers are KL in nats, or squared distances where predictions are not
        categorical.
    """
    key = jax.random.fold_in(stream(seed, "report"), 6)
    prepared = _prepare(jax.random.split(key, config.grids), config)
    rate = config.rate or default_rate(rule)
    rows = []
    for method, one in {"y": rule, **controls(jax.random.fold_in(key, 10**6 + 3), rule)}.items():
        count = config.grids if method == "y" else min(config.control_grids, config.grids)
        keys = [
            jax.random.split(jax.random.fold_in(key, 10**6 + number), (2, config.grids))[:, :count]
            for number in range(3)
        ]
        found = _distances(one, _first(prepared, count), keys, rate, config, train_config, progress)
        rows += [{"method": method, **row} for row in found]
    return {"distances": make_table(rows)}


def _distances(
    rule: Rule,
    prepared: tuple,
    keys: list[Key[Array, " 2 G"]],
    rate: float,
    config: Config,
    train_config: TrainConfig,
    progress: Progress | None,
) -> list[dict[str, Any]]:
    """The rows of one rule.

    Args:
        prepared: as `_prepare` makes it, for G grids.
        keys: of the initial predictions and of the rollouts of a, b and c.
    """
    grids, greedy, random, states, share = prepared
    switch = min(config.switch_grids, len(share))
    first = sorted({round(part * config.iterations) for part in SHARES})
    later = [config.iterations + i for i in first]
    hyper = hyperparameters(rate, config.gamma)

    def evaluate(case: Case, iterations: list[int]) -> tuple[np.ndarray, Float[Array, " G S P"]]:
        found, state = evaluate_policies(rule, ENV, case, hyper, iterations, train_config, progress=progress)
        at = np.asarray(states)[None, : found.shape[1], :, None]
        return as_probabilities(rule, np.take_along_axis(found, at, axis=2)), state.prediction

    def rows(pair: str, iterations: list[int], by_grid: Float[np.ndarray, " L G"]) -> list[dict[str, Any]]:
        count = by_grid.shape[1]
        error = by_grid.std(1, ddof=1) / np.sqrt(count) if count > 1 else np.full(len(by_grid), np.nan)
        return [
            {"pair": pair, "iteration": i, "distance": float(d), "stderr": float(e)}
            for i, d, e in zip(iterations, by_grid.mean(1), error, strict=True)
        ]

    def apart(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return np.sum(distance(rule, one, other) * np.asarray(share)[None, : one.shape[1]], axis=-1)

    y_a, y_b, y_c = (jax.vmap(lambda k: random_predictions(k, rule, ENV.num_states))(pair[0]) for pair in keys)
    key_a, key_b, key_c = (pair[1] for pair in keys)
    a, end_a = evaluate(Case(grids, greedy, y_a, key_a), first)
    b, end_b = evaluate(Case(grids, greedy, y_b, key_b), first)
    same, _ = evaluate(Case(grids, greedy, y_b, key_a), first)

    def second_half(keys: Key[Array, " G"]) -> Key[Array, " G"]:
        """Keys that no first half has used."""
        return jax.vmap(lambda k: jax.random.fold_in(k, 1))(keys)

    moved, _ = evaluate(_first(Case(grids, random, end_a, second_half(key_a)), switch), first)
    stayed, _ = evaluate(_first(Case(grids, greedy, end_b, second_half(key_b)), switch), first)
    whole, _ = evaluate(_first(Case(grids, random, y_c, key_c), switch), later)
    return [
        *rows("other", first, apart(a, b)),
        *rows("same-seed", first, apart(a, same)),
        *rows("cells", first, distance_between_cells(rule, a, np.asarray(share))),
        *rows("old", later, apart(moved, stayed)),
        *rows("new", later, apart(moved, whole)),
    ]


def distance(
    rule: Rule, one: Float[np.ndarray, " *b P"], other: Float[np.ndarray, " *b P"]
) -> Float[np.ndarray, " *b"]:
    """KL(one ‖ other) in nats of categorical predictions, the squared distance of others."""
    if is_categorical(rule):
        p, q = np.maximum(one, FLOOR), np.maximum(other, FLOOR)
        return np.sum(one * (np.log(p) - np.log(q)), axis=-1)
    return np.sum((one - other) ** 2, axis=-1)


def distance_between_cells(
    rule: Rule, y: Float[np.ndarray, " L G C P"], share: Float[np.ndarray, " G C"]
) -> Float[np.ndarray, " L G"]:
    """Mean of `distance` over all pairs of cells of one grid, Σ_ij s_i s_j D(y_i, y_j) with s the cells' shares."""

    def mean(x: np.ndarray) -> np.ndarray:
        return np.einsum("lgcp,gc->lgp", x, share)

    if is_categorical(rule):
        log_y = np.log(np.maximum(y, FLOOR))
        return np.sum(mean(y * log_y) - mean(y) * mean(log_y), axis=-1)
    return 2 * np.sum(mean(y**2) - mean(y) ** 2, axis=-1)


def _first(tree: Any, count: int) -> Any:
    """The first entries along the axis of grids."""
    return jax.tree.map(lambda x: x[:count], tree)


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
