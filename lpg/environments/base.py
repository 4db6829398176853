"""The contract of an environment, and the one place where finished episodes begin anew.

An `Environment` holds what fixes array shapes (a frozen dataclass: hashable, static). What may differ between two
lifetimes is a pytree, `EnvParams`. All methods are pure and written for one copy of the environment; randomness enters
as uniform numbers in [0, 1), so that a caller can draw them for a whole rollout at once and a test can choose them.
"""

from typing import Any, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, ScalarLike, Shaped

EnvParams = Any
"""Pytree of arrays: what may vary between two lifetimes of one environment."""
EnvState = Any
"""Pytree of arrays: where one episode stands."""
Model = Any
"""Pytree of arrays: what the exact solver needs of an instance."""


class StepResult(eqx.Module):
    """What one step paid and whether it ended the episode."""

    reward: Float[Array, ""]
    terminated: Bool[Array, ""]
    """The task itself ended."""
    truncated: Bool[Array, ""]
    """The time limit was reached and the task had not ended."""


@runtime_checkable
class Environment(Protocol):
    """One family of Markov decision processes with equal shapes."""

    @property
    def num_actions(self) -> int:
        """Size of the action set, masked actions included."""
        ...

    @property
    def num_noise(self) -> int:
        """How many uniform numbers one step consumes."""
        ...

    @property
    def num_reset_noise(self) -> int:
        """How many uniform numbers a reset consumes."""
        ...

    @property
    def observation_shape(self) -> tuple[int, ...]:
        """Shape of one observation: () for an index, else of an array of numbers."""
        ...

    def action_mask(self, env_params: EnvParams) -> Bool[Array, " A"]:
        """Which actions exist in this instance."""
        ...

    def reset(self, env_params: EnvParams, noise: Float[Array, " noise"]) -> EnvState:
        """The first state of an episode."""
        ...

    def step(
        self, env_params: EnvParams, state: EnvState, action: Int[Array, ""], noise: Float[Array, " noise"]
    ) -> tuple[EnvState, StepResult]:
        """One step, without any reset."""
        ...

    def observe(self, env_params: EnvParams, state: EnvState) -> Shaped[Array, " *obs"]:
        """What the agent sees in a state."""
        ...


@runtime_checkable
class IndexEnvironment(Environment, Protocol):
    """An environment whose observations number its states, so that an agent can be a table."""

    @property
    def num_states(self) -> int:
        """Observations are integers in [0, num_states)."""
        ...


@runtime_checkable
class ExactEnvironment(IndexEnvironment, Protocol):
    """An environment small enough for exact solution: states are numbered and every expectation is known.

    `exact.py` needs no more than this.
    """

    def initial_states(self, env_params: EnvParams) -> Float[Array, " S"]:
        """Probability of each state index at the start of an episode."""
        ...

    def time_limit(self, env_params: EnvParams) -> Int[Array, ""]:
        """Steps after which an episode has ended in any case."""
        ...

    def model(self, env_params: EnvParams) -> Model:
        """The part of `backup` that does not depend on the value, made once per instance."""
        ...

    def backup(self, model: Model, value: Float[Array, " S"], gamma: ScalarLike) -> Float[Array, " S A"]:
        """E[r + γ V(s′)]; −∞ for actions that the instance lacks, 0 for numbers that are no state."""
        ...


def auto_step(
    environment: Environment,
    env_params: EnvParams,
    state: EnvState,
    action: Int[Array, ""],
    noise: Float[Array, " noise"],
) -> tuple[EnvState, StepResult, Shaped[Array, " *obs"]]:
    """One step; a finished episode is followed by the first state of the next.

    Args:
        noise: `num_noise` numbers for the step, then `num_reset_noise` for the reset.

    Returns:
        The state to go on from, the outcome, and the observation of the state that the step led to (before a reset).
    """
    arrived, result = environment.step(env_params, state, action, noise[: environment.num_noise])
    fresh = environment.reset(env_params, noise[environment.num_noise :])
    done = result.terminated | result.truncated
    following = jax.tree.map(lambda new, old: jnp.where(done, new, old), fresh, arrived)
    return following, result, environment.observe(env_params, arrived)


def step_with_key(
    environment: Environment, env_params: EnvParams, state: EnvState, action: Int[Array, ""], key: PRNGKeyArray
) -> tuple[EnvState, StepResult]:
    """`environment.step` for a caller who has a key instead of uniform numbers."""
    return environment.step(env_params, state, action, jax.random.uniform(key, (environment.num_noise,)))
