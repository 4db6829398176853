"""The contract of an environment.

An environment object fixes array shapes and holds no state: it is a frozen dataclass, hashable, and static in a
compiled program. `EnvParams` is a pytree of what may differ between two lifetimes, `EnvState` one that holds the
state of an episode. All methods are pure and written for one copy of the environment; the caller applies `vmap`.

Argument order: key first, `env_params` last.
"""

import abc
from typing import Any, Protocol, runtime_checkable

import equinox as eqx
import jax
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, ScalarLike, Shaped

EnvParams = Any
"""Pytree of arrays: what may vary between two lifetimes in one environment."""
EnvState = Any
"""Pytree of arrays: the state of one episode."""
Model = Any
"""Pytree of arrays: what dynamic programming needs to know of an environment with given `EnvParams`."""


class StepResult(eqx.Module):
    """Reward of one step, and whether the step ended the episode."""

    reward: Float[Array, ""]
    terminated: Bool[Array, ""]
    """The task itself ended."""
    truncated: Bool[Array, ""]
    """The time limit was reached and the task had not ended."""


@runtime_checkable
class Environment(Protocol):
    """Markov decision processes whose arrays have equal shapes."""

    @property
    def num_actions(self) -> int:
        """Size of the action set, masked actions included."""
        ...

    @property
    def observation_shape(self) -> tuple[int, ...]:
        """Shape of one observation: () for a state index, [numbers] or [planes, rows, columns] otherwise."""
        ...

    def reset(self, key: PRNGKeyArray, env_params: EnvParams) -> EnvState:
        """The first state of an episode."""
        ...

    def step(
        self, key: PRNGKeyArray, state: EnvState, action: Int[Array, ""], env_params: EnvParams
    ) -> tuple[EnvState, StepResult]:
        """One step, without a reset."""
        ...

    def observe(self, state: EnvState, env_params: EnvParams) -> Shaped[Array, " *obs"]:
        """The observation of a state, of shape `observation_shape`."""
        ...

    def action_mask(self, env_params: EnvParams) -> Bool[Array, " A"]:
        """True for the actions that exist with these parameters. Which of them a state allows is said by a method
        `state_action_mask` where an environment has one, see `lpg.environments.masks`."""
        ...


@runtime_checkable
class IndexEnvironment(Environment, Protocol):
    """An environment whose observations are state indices, so that an agent can be a table."""

    @property
    def num_states(self) -> int:
        """Observations are integers in [0, num_states)."""
        ...


@runtime_checkable
class ExactEnvironment(IndexEnvironment, Protocol):
    """An environment that dynamic programming solves (`lpg.environments.exact`): every expectation is known."""

    def initial_states(self, env_params: EnvParams) -> Float[Array, " S"]:
        """Probability of each state index at the start of an episode."""
        ...

    def time_limit(self, env_params: EnvParams) -> Int[Array, ""]:
        """Largest number of steps of an episode."""
        ...

    def model(self, env_params: EnvParams) -> Model:
        """The part of `backup` that does not depend on the value, computed once per `env_params`."""
        ...

    def backup(self, model: Model, value: Float[Array, " S"], gamma: ScalarLike) -> Float[Array, " S A"]:
        """Q(s, a) = E[r + γ V(s′)]; −∞ for masked actions, 0 for indices without a state."""
        ...


class UniformEnv(abc.ABC):
    """An environment whose randomness is a fixed number of uniform numbers per step; implements `reset` and `step`.

    The uniform numbers of a whole rollout can be drawn at once, which is several times faster than a key per step, and
    a test can choose them.
    """

    @property
    @abc.abstractmethod
    def num_uniforms(self) -> int:
        """How many uniform numbers a step consumes."""

    @property
    @abc.abstractmethod
    def num_reset_uniforms(self) -> int:
        """How many uniform numbers a reset consumes."""

    @abc.abstractmethod
    def reset_from(self, uniforms: Float[Array, " U"], env_params: EnvParams) -> EnvState:
        """`reset` with `num_reset_uniforms` numbers in [0, 1) instead of a key."""

    @abc.abstractmethod
    def step_from(
        self, uniforms: Float[Array, " U"], state: EnvState, action: Int[Array, ""], env_params: EnvParams
    ) -> tuple[EnvState, StepResult]:
        """`step` with `num_uniforms` numbers in [0, 1) instead of a key."""

    def reset(self, key: PRNGKeyArray, env_params: EnvParams) -> EnvState:
        """The first state of an episode."""
        return self.reset_from(jax.random.uniform(key, (self.num_reset_uniforms,)), env_params)

    def step(
        self, key: PRNGKeyArray, state: EnvState, action: Int[Array, ""], env_params: EnvParams
    ) -> tuple[EnvState, StepResult]:
        """One step, without a reset."""
        return self.step_from(jax.random.uniform(key, (self.num_uniforms,)), state, action, env_params)
