"""True values at several discounts, regressed from y and from the value that TD(λ) learns at one.

On each of many unseen grids a rule evaluates a near-optimal policy, and so does TD(λ), which is A2C with its policy
frozen, and so do the controls: untrained rules and a constant ŷ. After a number of iterations a network is fitted to
the true values of the training grids' cells, and tested on grids that it has not seen. Every number of iterations has
its own network.

Differs from the paper: it does not state the widths, the number of training grids, λ, or when the network is fitted.

Reference: Oh et al. (2020), section 4.4 and figure 5.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from lpg.analysis.controls import NUM_CONTROLS, controls
from lpg.analysis.policy_evaluation import (
    Case,
    Progress,
    as_probabilities,
    default_rate,
    evaluate_policies,
    fresh_predictions,
    hyperparameters,
)
from lpg.analysis.predictions.measure import GAMMAS, check_policy, true_values
from lpg.analysis.study import Tables
from lpg.analysis.table import make_table
from lpg.analysis.unseen_grids import ENV, cell_states, near_optimal_policy, random_grid
from lpg.analysis.value_regression.regressor import NUM_STEPS, fit_and_predict
from lpg.evaluation.train_config import TrainConfig
from lpg.keys import stream
from lpg.update_rules.a2c import A2C
from lpg.update_rules.base import Rule

SHARES = (0.0, 1 / 6, 1 / 3, 2 / 3, 1.0)
"""When the networks are fitted, as shares of all iterations: 0, 50, 100, 200 and 300 of the paper's 300."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """What fixes the measurement, beside rule and seed."""

    gamma: float = 0.995
    """Discount that the rule and TD(λ) are given, and for which the policies are near-optimal."""
    epsilon: float = 0.1
    """Share of random actions that softens the optimal policies."""
    lambda_: float = 0.95
    """λ of TD(λ)."""
    iterations: int = 300
    """Updates of y."""
    training_grids: int = 40
    test_grids: int = 10
    fit_steps: int = NUM_STEPS
    """Adam steps of each regression."""
    rate: float | None = None
    """Learning rate × α_y of the agent; none: 320 for categorical predictions, 10 for others."""
    td_rate: float = 10.0
    """The same for TD(λ)."""

    def __post_init__(self) -> None:
        check_policy(self.gamma, self.epsilon, self.rate)
        for name in ("iterations", "test_grids", "fit_steps", "td_rate"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be positive")
        if self.training_grids < 2:
            raise ValueError(f"training_grids is {self.training_grids}; at least 2 are needed, one of them held back")
        if not 0 <= self.lambda_ <= 1:
            raise ValueError(f"lambda_ is {self.lambda_}; it must lie in [0, 1]")

    @property
    def steps(self) -> int:
        """Environment steps of the measurement with 64 × 20 steps an update, by rule, TD(λ) and controls."""
        return (
            (2 + NUM_CONTROLS)
            * (self.training_grids + self.test_grids)
            * self.iterations
            * TrainConfig().steps_per_update
        )


def measure(
    rule: Rule, config: Config, train_config: TrainConfig, seed: int, progress: Progress | None = None
) -> Tables:
    """Evaluates, fits and tests.

    Returns:
        `errors`: a row per method (`y`, `td` and the controls), iteration and discount with the
        mean squared error on the test grids' cells, all cells counting the same, and with the variance of the true
        values there.
    """
    num_grids = config.training_grids + config.test_grids
    # The regression is fitted on grids of one environment and reported on those of another.
    key_train, key_test = (jax.random.fold_in(stream(seed, purpose), 5) for purpose in ("tuning", "report"))
    key_fit = jax.random.fold_in(key_test, num_grids)
    keys = jnp.concatenate(
        [jax.random.split(key_train, config.training_grids), jax.random.split(key_test, config.test_grids)]
    )
    grids, policies, values, is_cell, states = _prepare(keys, config)
    iterations = sorted({round(share * config.iterations) for share in SHARES})
    # Rows are cells, grid by grid; the last fifth of the training grids is for early stopping.
    number = np.repeat(np.arange(num_grids), states.shape[1])[is_cell.reshape(-1)]
    is_train = number < config.training_grids
    is_held_back = number[is_train] >= min(round(0.8 * config.training_grids), config.training_grids - 1)
    target = values.reshape(-1, len(GAMMAS))[is_cell.reshape(-1)]
    rows = []
    methods: dict[str, tuple[Rule, float]] = {
        "y": (rule, config.rate or default_rate(rule)),
        "td": (A2C(), config.td_rate),
    }
    methods |= {
        name: (control, methods["y"][1]) for name, control in controls(jax.random.fold_in(key_fit, 1), rule).items()
    }
    for name, (method, rate) in methods.items():
        first = fresh_predictions(method, num_grids, ENV.num_states)
        found, _ = evaluate_policies(
            method, ENV, Case(grids, policies, first, keys), hyperparameters(rate, config.gamma, config.lambda_),
            iterations, train_config, progress=progress,
        )  # fmt: skip
        y = as_probabilities(method, np.take_along_axis(found, states[None, :, :, None], axis=2))
        for iteration, features in zip(iterations, y[:, is_cell], strict=True):
            guess = fit_and_predict(
                key_fit, features[is_train], target[is_train], is_held_back, features[~is_train], config.fit_steps
            )
            for gamma, error, spread in zip(
                GAMMAS, np.mean((guess - target[~is_train]) ** 2, axis=0), target[~is_train].var(axis=0), strict=True
            ):
                row = {"iteration": iteration, "gamma": gamma, "mse": float(error), "variance": float(spread)}
                rows.append({"method": name, **row})
    return {"errors": make_table(rows)}


def _prepare(keys, config: Config) -> tuple:  # noqa: ANN001  # an array of keys
    """Grids, their policies and true values [G, C, γ], which of the C numbers are cells, and the cells' states."""

    def one(key):  # noqa: ANN001, ANN202
        grid = random_grid(jax.random.fold_in(key, 1))
        policy = near_optimal_policy(grid, config.gamma, config.epsilon)
        states, share = cell_states(grid)
        value = jnp.stack([true_values(grid, policy, gamma)[states] for gamma in GAMMAS], axis=-1)
        return grid, policy, value, share > 0, states

    grids, policies, values, is_cell, states = jax.jit(lambda k: jax.lax.map(one, k))(keys)
    return grids, policies, np.asarray(values, float), np.asarray(is_cell), np.asarray(states)
