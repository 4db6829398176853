"""Shared by several tests: a small chain and grid, and trajectories made of literals."""

import equinox as eqx
import jax
import jax.numpy as jnp

from lpg.agents.tabular import Table
from lpg.environments.delayed_chain import ChainEnv, ChainParams
from lpg.environments.grid_families import place_objects
from lpg.environments.grid_world import GridEnv
from lpg.sinks import BaseSink
from lpg.types import AgentOutput, Hyperparameters, Trajectory

CHAIN = ChainEnv(max_length=5)
"""2 + 4 · 4 = 18 state indices."""
GRID = GridEnv(side=2, num_objects=1, num_states=8)
"""Four cells × (object there or not) = 8 states."""


def chain(length: int, is_noisy: bool = False) -> ChainParams:
    """A chain of known length."""
    return ChainParams(length=jnp.asarray(length), is_noisy=jnp.asarray(is_noisy))


def grid(*, p_term: float = 0.5, max_steps: int = 3, has_collect_actions: bool = False):
    """Two by two free cells with one object worth 1."""
    return place_objects(
        jax.random.key(0),
        GRID,
        jnp.ones((2, 2), bool),
        size=jnp.array([2, 2]),
        exists=jnp.array([True]),
        reward=jnp.array([1.0]),
        p_term=jnp.array([p_term]),
        p_respawn=jnp.array([0.5]),
        max_steps=jnp.asarray(max_steps),
        has_collect_actions=jnp.asarray(has_collect_actions),
    )


def hyperparameters(**changes: float) -> Hyperparameters:
    """Round numbers, with changes."""
    values = {"learning_rate": 1.0, "y_weight": 0.5, "gamma": 0.9, "policy_entropy_weight": 0.0, "lambda_": 0.8}
    return Hyperparameters(**{name: jnp.asarray(float(value)) for name, value in (values | changes).items()})


def trajectory(*, reward, terminated=None, is_last=None, action=None, observation=None, next_observation=None):
    """One environment from plain lists; what is left out is zero, and `is_last` is `terminated`."""
    reward = jnp.asarray(reward, float)[:, None]
    zero = [0] * len(reward)
    terminated = zero if terminated is None else terminated

    def column(values, dtype):
        return jnp.asarray(zero if values is None else values).astype(dtype)[:, None]

    return Trajectory(
        observation=column(observation, int),
        next_observation=column(next_observation, int),
        action=column(action, int),
        reward=reward,
        terminated=column(terminated, bool),
        is_last=column(terminated if is_last is None else is_last, bool),
    )


def random_output(key, batch: tuple[int, ...], num_actions: int = 3, prediction_size: int = 3) -> AgentOutput:
    """Outputs drawn from N(0, 1)."""
    key_logits, key_prediction = jax.random.split(key)
    return AgentOutput(
        logits=jax.random.normal(key_logits, (*batch, num_actions)),
        prediction=jax.random.normal(key_prediction, (*batch, prediction_size)),
    )


def with_random_predictions(key, agent):
    """A table or a network whose predictions differ from state to state; those of a fresh agent are all zero."""
    if isinstance(agent, Table):
        rows, start = agent.rows, agent.num_actions
        random = jax.random.normal(key, rows[:, start:].shape, rows.dtype)
        return Table(rows=rows.at[:, start:].set(random), num_actions=start)
    weight = agent.prediction.weight
    random = jax.random.normal(key, weight.shape, weight.dtype) / weight.shape[0] ** 0.5
    return eqx.tree_at(lambda a: a.prediction.weight, agent, random)


class Diary(BaseSink):
    """A sink that writes down what it is told; may fail in one method."""

    def __init__(self, fails_in=None, error=OSError):
        self.lines, self.fails_in, self.error = [], fails_in, error

    def _write(self, *line):
        self.lines.append(line)
        if line[0] == self.fails_in:
            raise self.error("no\nspace")

    def start(self, config):
        self._write("start", config)

    def row(self, step, values, run):
        self._write("row", step, values, run)

    def figure(self, path):
        self._write("figure", path)

    def close(self):
        self._write("close")


class Silent:
    """A listener of a meta-training that does nothing."""

    def note(self, text):
        pass

    def step(self, state, values, flags):
        pass
