"""What several tests of the learner share: rules that say known things, agents that are tables, random trajectories."""

import jax
import jax.numpy as jnp

from lpg.agents.tabular import Table
from lpg.layers import Linear
from lpg.types import Trajectory
from lpg.update_rules.a2c import A2C
from lpg.update_rules.lpg import LPG, init_lpg
from lpg.update_rules.lpg_v import init_lpg_v
from lpg.update_rules.lstm import LSTM

RULES = {
    "a2c": lambda: A2C(),
    "lpg": lambda: init_lpg(jax.random.key(1), lstm_size=4, prediction_size=3),
    "lpg-v": lambda: init_lpg_v(jax.random.key(2), lstm_size=4),
}


def fixed_targets(pi_hat: float, y_hat: tuple[float, ...]) -> LPG:
    """An LPG whose weights are zero: it says the same at every step."""
    size = len(y_hat)
    return LPG(
        hidden=Linear(weight=jnp.zeros((size, 1)), bias=jnp.zeros(1)),
        scalar=Linear(weight=jnp.zeros((1, 1)), bias=jnp.zeros(1)),
        lstm=LSTM(weight=jnp.zeros((7, 4)), bias=jnp.zeros(4)),
        pi_head=Linear(weight=jnp.zeros((1, 1)), bias=jnp.array([pi_hat])),
        y_head=Linear(weight=jnp.zeros((1, size)), bias=jnp.log(jnp.array(y_hat))),
        prediction_size=size,
    )


def table(num_states: int = 4, num_actions: int = 2, prediction_size: int = 3):
    """A factory of tables with random rows."""

    def make(key):
        return Table(rows=jax.random.normal(key, (num_states, num_actions + prediction_size)), num_actions=num_actions)

    return make


def table_pair(num_states: int = 4, num_actions: int = 2, prediction_size: int = 3):
    """The same tables as a pair of plain functions."""

    def init(key):
        return {"rows": jax.random.normal(key, (num_states, num_actions + prediction_size))}

    def apply(params, observation):
        row = params["rows"][observation]
        return row[:num_actions], row[num_actions:]

    return init, apply


def seen(key=None, shape: tuple[int, int] = (6, 3), num_states: int = 4, num_actions: int = 2) -> Trajectory:
    """A random trajectory of state indices with a termination and a truncation in it."""
    keys = jax.random.split(jax.random.key(7) if key is None else key, 4)
    terminated = jnp.zeros(shape, bool).at[2, 0].set(True)
    return Trajectory(
        observation=jax.random.randint(keys[0], shape, 0, num_states),
        next_observation=jax.random.randint(keys[1], shape, 0, num_states),
        action=jax.random.randint(keys[2], shape, 0, num_actions),
        reward=jax.random.normal(keys[3], shape),
        terminated=terminated,
        is_last=terminated.at[3, -1].set(True),
    )
