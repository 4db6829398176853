"""Our environments with the interface of gymnax 0, which libraries such as rejax train on."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, Shaped

from lpg.environments import stepping
from lpg.environments.base import Environment, EnvParams, EnvState
from lpg.environments.stepping import auto_step, draw_resets, draw_steps
from lpg.packages import import_optional


class EpisodeState(eqx.Module):
    """State of one environment, and sums over the episodes that have ended in it."""

    inner: EnvState
    episode_return: Float[Array, ""]
    """Undiscounted return of the running episode up to here."""
    totals: tuple[Float[Array, ""], Float[Array, ""], Int[Array, ""]]
    """Of the episodes that ended: sum of returns, sum of their squares, number; see `lpg.evaluation.curves.Totals`."""


class GymnaxAdapter:
    """An environment with the interface of gymnax 0: a step returns five values, and ended episodes are reset.

    State indices become one-hot vectors. An object is never changed, and compared by identity.
    """

    default_params = None

    def __init__(self, env: Environment, num_actions: int) -> None:
        """Shows the first `num_actions` actions of an environment."""
        self.env, self._num_actions = env, num_actions
        self._num_states = env.num_states if env.observation_shape == () else None  # type: ignore[attr-defined]

    def __deepcopy__(self, memo: dict) -> "GymnaxAdapter":
        """Itself; rejax copies its whole configuration."""
        return self

    @property
    def observation_shape(self) -> tuple[int, ...]:
        """Shape of one observation."""
        return self.env.observation_shape if self._num_states is None else (self._num_states,)

    def action_space(self, params: EnvParams = None) -> Any:
        """The actions, as a space of gymnax."""
        return import_optional("gymnax.environments.spaces", "rejax").Discrete(self._num_actions)

    def observation_space(self, params: EnvParams = None) -> Any:
        """The observations, as a space of gymnax."""
        return import_optional("gymnax.environments.spaces", "rejax").Box(-math.inf, math.inf, self.observation_shape)

    def reset(self, key: PRNGKeyArray, params: EnvParams) -> tuple[Float[Array, " *obs"], EpisodeState]:
        """The first observation and state of an episode; all sums are zero."""
        inner = stepping.reset(draw_resets(key, self.env), self.env, params)
        zero = jnp.zeros(())
        return self._observe(inner, params), EpisodeState(inner, zero, (zero, zero, jnp.zeros((), int)))

    def step(
        self, key: PRNGKeyArray, state: EpisodeState, action: Int[Array, ""], params: EnvParams
    ) -> tuple[Float[Array, " *obs"], EpisodeState, Float[Array, ""], Bool[Array, ""], dict]:
        """Observation, state, reward, whether the episode ended, and nothing more.

        After the end of an episode, observation and state are the first ones of the next.
        """
        inner, result, _ = auto_step(draw_steps(key, self.env), state.inner, action, self.env, params)
        done, value = result.terminated | result.truncated, state.episode_return + result.reward
        totals = jax.tree.map(lambda total, x: total + jnp.where(done, x, 0), state.totals, (value, value**2, 1))
        following = EpisodeState(inner, jnp.where(done, 0.0, value), totals)
        return self._observe(inner, params), following, result.reward, done, {}

    def as_vector(self, observation: Shaped[Array, " *env_obs"]) -> Float[Array, " *obs"]:
        """What the networks are shown for an observation of the environment."""
        return observation.astype(float) if self._num_states is None else jax.nn.one_hot(observation, self._num_states)

    def _observe(self, inner: EnvState, params: EnvParams) -> Float[Array, " *obs"]:
        return self.as_vector(self.env.observe(inner, params))
