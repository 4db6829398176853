"""y on the unseen grid of figure 4 while a rule evaluates a frozen near-optimal policy, and the true values beside it.

Reference: Oh et al. (2020), section 4.4 and figure 4.
"""

import dataclasses

import jax
import numpy as np

from lpg.analysis.controls import NUM_CONTROLS, controls
from lpg.analysis.policy_evaluation import (
    Case,
    EvaluationState,
    Progress,
    as_probabilities,
    default_rate,
    evaluate_policies,
    fresh_predictions,
    hyperparameters,
)
from lpg.analysis.study import Tables
from lpg.analysis.unseen_grids import ENV, cell_states, near_optimal_policy, paper_grid
from lpg.environments import exact
from lpg.evaluation.train_config import TrainConfig
from lpg.keys import stream
from lpg.update_rules.base import Rule

GAMMAS = (0.995, 0.99, 0.95, 0.9)
"""Discounts whose true values are looked for in y."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """What fixes the measurement, beside rule and seed."""

    gamma: float = 0.995
    """Discount that the rule is given, and for which the policy is near-optimal."""
    epsilon: float = 0.1
    """Share of random actions that softens the optimal policy."""
    iterations: int = 300
    """Updates of y."""
    frames: int = 30
    """How often y is recorded."""
    rate: float | None = None
    """Learning rate × α_y of the agent; none: 320 for categorical predictions, 10 for others."""

    def __post_init__(self) -> None:
        check_policy(self.gamma, self.epsilon, self.rate)
        if not 1 <= self.frames <= self.iterations:
            raise ValueError(f"frames is {self.frames}; 1 to iterations = {self.iterations} are needed")

    @property
    def steps(self) -> int:
        """Environment steps of the measurement with 64 × 20 steps an update, controls included."""
        return (1 + NUM_CONTROLS) * self.iterations * TrainConfig().steps_per_update


def check_policy(gamma: float, epsilon: float, rate: float | None) -> None:
    """Whether there is a near-optimal policy with these numbers, and predictions move.

    Raises:
        ValueError: there is none.
    """
    if not 0 < gamma < 1:
        raise ValueError(f"gamma is {gamma}; 0 < γ < 1 is needed, because values of endless tasks must be finite")
    if not 0 < epsilon <= 1:
        raise ValueError(f"epsilon is {epsilon}; 0 < ε ≤ 1 is needed, or some actions would never be tried")
    if rate is not None and not 0 < rate < float("inf"):
        raise ValueError(f"rate is {rate}; it must be positive")


def measure(
    rule: Rule, config: Config, train_config: TrainConfig, seed: int, progress: Progress | None = None
) -> Tables:
    """Records y under the rule, and at the end under its controls.

    Returns:
        `cells`: a row per cell with its place, goal, policy, visits and true values; `y`: a row per recorded iteration
        and cell with every component; `controls`: a row per control (column `method`) and cell, after the last
        iteration.
    """
    key = jax.random.fold_in(stream(seed, "report"), 4)
    grid = paper_grid()
    policy = near_optimal_policy(grid, config.gamma, config.epsilon)
    states, share = cell_states(grid)
    num_cells = int(grid.num_cells)
    iterations = np.unique(np.round(np.linspace(0, config.iterations, config.frames + 1)).astype(int)).tolist()
    hyper = hyperparameters(config.rate or default_rate(rule), config.gamma)

    def evaluate(method: Rule, iterations: list[int]) -> tuple[np.ndarray, EvaluationState]:
        one = (grid, policy, fresh_predictions(method, ENV.num_states), key)
        cases = Case(*jax.tree.map(lambda x: x[None], one))
        found, state = evaluate_policies(
            method, ENV, cases, hyper, iterations, train_config, states=states[:num_cells], progress=progress
        )
        return as_probabilities(method, found[:, 0]), state

    y, state = evaluate(rule, iterations)
    others = {
        name: evaluate(control, iterations[-1:])[0][0]
        for name, control in controls(jax.random.fold_in(key, 1), rule).items()
    }
    goal = np.zeros(num_cells)
    goal[np.asarray(grid.object_cell)] = np.asarray(grid.object_reward)
    place = np.asarray(grid.place)[:num_cells]
    actions = np.asarray(policy)[states[:num_cells]]
    cells = {
        "row": place[:, 0],
        "column": place[:, 1],
        "goal": goal,
        "visits": np.asarray(state.visits)[0, states[:num_cells]].astype(float),
        **{f"pi_{a}": actions[:, a] for a in range(actions.shape[1])},
        **{f"value_{g:g}": np.asarray(true_values(grid, policy, g))[states[:num_cells]] for g in GAMMAS},
    }
    recorded = {"iteration": np.repeat(iterations, num_cells), "cell": np.tile(np.arange(num_cells), len(iterations))}
    compared = {"method": np.repeat(list(others), num_cells), "cell": np.tile(np.arange(num_cells), len(others))}
    return {
        "cells": cells,
        "y": recorded | _components(y),
        "controls": compared | _components(np.stack(list(others.values()))),
    }


def _components(y: np.ndarray) -> dict[str, np.ndarray]:
    """A column per component of predictions [..., C, P]."""
    return {f"y_{i}": y[..., i].reshape(-1) for i in range(y.shape[-1])}


@jax.jit
def true_values(grid, policy, gamma):  # noqa: ANN001, ANN201  # arrays of `exact.policy_values`
    """V^π of every state index, exactly; time limits are no part of it."""
    return exact.policy_values(ENV, grid, policy, gamma)
