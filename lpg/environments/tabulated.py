"""Environments with published transition tables, Gymnasium's toy text, run in compiled programs.

A table lists the outcomes of an action in a state with their probabilities. A step is a few lookups in arrays.
"""

import dataclasses
import functools
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from lpg.environments.base import StepResult, UniformEnv
from lpg.packages import import_optional

NO_LIMIT = 2**31 - 1
"""Time limit of an environment that has none."""
RETURN_TOLERANCE = 1e-9
"""Without a time limit, `exact_returns` iterates until no return changes by more."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Transitions:
    """A transition table; the last axis K numbers the outcomes and is padded with zeros."""

    probability: Float[np.ndarray, "S A K"]
    following: Int[np.ndarray, "S A K"]
    reward: Float[np.ndarray, "S A K"]
    terminated: Bool[np.ndarray, "S A K"]
    start: Float[np.ndarray, " S"]
    """Probability of each first state."""
    max_steps: int | None
    """Time limit of an episode; None: there is none."""


@functools.lru_cache(maxsize=8)
def transitions(name: str) -> Transitions:
    """Transition table of an environment of Gymnasium.

    Raises:
        ValueError: it publishes no transitions, there is no such environment, or Gymnasium is not installed.
    """
    gymnasium = import_optional("gymnasium", name)
    try:
        made = gymnasium.make(name)
    except gymnasium.error.Error as error:
        raise ValueError(f"{name}: {' '.join(str(error).split())}") from error
    inside: Any = made.unwrapped
    if not hasattr(inside, "P") or not hasattr(inside, "initial_state_distrib"):
        raise ValueError(f"{name} publishes no transition table; one is needed to solve it or to run it in JAX")
    sizes = (len(inside.P), len(inside.P[0]), max(len(found) for by in inside.P.values() for found in by.values()))
    probability, reward = np.zeros(sizes), np.zeros(sizes)
    following, terminated = np.zeros(sizes, int), np.zeros(sizes, bool)
    for state, actions in inside.P.items():
        for action, outcomes in actions.items():
            for k, result in enumerate(outcomes):
                at = (state, action, k)
                probability[at], following[at], reward[at], terminated[at] = result
    start, limit = np.asarray(inside.initial_state_distrib, float), made.spec.max_episode_steps
    made.close()
    return Transitions(probability=probability, following=following, reward=reward, terminated=terminated,
                       start=start, max_steps=limit)  # fmt: skip


def exact_returns(table: Transitions) -> tuple[float, float]:
    """Expected undiscounted returns of an episode, solved backwards from the time limit.

    Returns:
        That of the uniformly random policy, and that of the best one.
    """
    paid = np.sum(table.probability * table.reward, axis=-1)
    continues = table.probability * ~table.terminated
    random, best = np.zeros((2, len(table.start)))
    steps, is_moving = 0, True
    while is_moving if table.max_steps is None else steps < table.max_steps:
        before = random, best
        random = np.mean(paid + np.sum(continues * random[table.following], axis=-1), axis=1)
        best = np.max(paid + np.sum(continues * best[table.following], axis=-1), axis=1)
        is_moving = max(np.abs(random - before[0]).max(), np.abs(best - before[1]).max()) > RETURN_TOLERANCE
        steps += 1
    return float(table.start @ random), float(table.start @ best)


class TabulatedParams(eqx.Module):
    """The transition table."""

    threshold: Float[Array, "S A K"]
    """Outcome k follows where a uniform number is below threshold k and not below threshold k − 1."""
    following: Int[Array, "S A K"]
    reward: Float[Array, "S A K"]
    terminated: Bool[Array, "S A K"]
    start: Float[Array, " S"]
    """As `threshold`, of the first state."""
    max_steps: Int[Array, ""]


class TabulatedState(eqx.Module):
    """State of one episode."""

    index: Int[Array, ""]
    time: Int[Array, ""]


@dataclasses.dataclass(frozen=True)
class Tabulated:
    """An environment of Gymnasium with a published transition table, by its Gymnasium id."""

    name: str

    @property
    def env(self) -> "TabulatedEnv":
        """The environment.

        Raises:
            ValueError: as `transitions`.
        """
        return TabulatedEnv(*transitions(self.name).probability.shape[:2])

    def sample(self, key: PRNGKeyArray, num_actions: int | None = None) -> TabulatedParams:
        """The published transitions, whatever the key.

        Raises:
            ValueError: `num_actions` is not the environment's.
        """
        del key
        found = transitions(self.name)
        if num_actions not in (None, found.reward.shape[1]):
            raise ValueError(f"{num_actions} actions given; {self.name} has {found.reward.shape[1]}")
        return TabulatedParams(
            threshold=_thresholds(found.probability),
            following=jnp.asarray(found.following),
            reward=jnp.asarray(found.reward, float),
            terminated=jnp.asarray(found.terminated),
            start=_thresholds(found.start),
            max_steps=jnp.asarray(NO_LIMIT if found.max_steps is None else found.max_steps),
        )


@dataclasses.dataclass(frozen=True)
class TabulatedEnv(UniformEnv):
    """Environments given by transition tables of these sizes, which fix array shapes (static)."""

    num_states: int
    num_actions: int

    num_uniforms = 1
    num_reset_uniforms = 1
    observation_shape = ()

    def action_mask(self, env_params: TabulatedParams) -> Bool[Array, " A"]:
        """Every action exists."""
        return jnp.ones((self.num_actions,), bool)

    def reset_from(self, uniforms: Float[Array, " U"], env_params: TabulatedParams) -> TabulatedState:
        """A first state."""
        return TabulatedState(index=_drawn(env_params.start, uniforms[0]), time=jnp.zeros((), int))

    def step_from(
        self, uniforms: Float[Array, " U"], state: TabulatedState, action: Int[Array, ""], env_params: TabulatedParams
    ) -> tuple[TabulatedState, StepResult]:
        """One of the outcomes; the time limit truncates."""
        at = (state.index, action, _drawn(env_params.threshold[state.index, action], uniforms[0]))
        time, terminated = state.time + 1, env_params.terminated[at]
        result = StepResult(
            reward=env_params.reward[at], terminated=terminated, truncated=~terminated & (time >= env_params.max_steps)
        )
        return TabulatedState(index=env_params.following[at], time=time), result

    def observe(self, state: TabulatedState, env_params: TabulatedParams) -> Int[Array, ""]:
        """The state index."""
        return state.index


def _thresholds(probability: Float[np.ndarray, "*axes K"]) -> Float[Array, "*axes K"]:
    """Cumulative probabilities, in float64 and made to end in 1, so that impossible outcomes never occur."""
    total = np.cumsum(probability, axis=-1)
    return jnp.asarray(total / total[..., -1:], float)


def _drawn(threshold: Float[Array, " K"], uniform: Float[Array, ""]) -> Int[Array, ""]:
    """The first outcome whose threshold lies above the number."""
    return jnp.argmax(uniform < threshold)
