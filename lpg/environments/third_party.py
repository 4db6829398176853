"""Environments of gymnax and pgx, adapted to the contract of `base`, so that they run in compiled programs.

A library's functions are read into a `Game`; `ThirdPartyEnv` adds the time limit. Episodes are reset by
`stepping.auto_step` only, never by the library. The libraries are imported when an environment is first used, because
that takes seconds.

References: Lange (2022), gymnax, from version 1, which distinguishes terminations from time limits; Koyamada et al.
(2023), pgx.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, Shaped

from lpg.environments.base import StepResult
from lpg.packages import check_installed, import_optional

PGX_MAX_STEPS = 1000
"""pgx has no time limit, and a good player of MinAtar may never finish; gymnax has this one for the same games."""


@dataclasses.dataclass(frozen=True)
class Game:
    """A library's environment: one copy, without time limit and without resets."""

    num_actions: int
    max_steps: int
    """Default time limit, in steps."""
    reset: Callable[[PRNGKeyArray], tuple[Any, Array]]
    """key → state, observation."""
    step: Callable[[PRNGKeyArray, Any, Array], tuple[Any, Array, Array, Array]]
    """key, state, action → state, observation, reward, terminated."""


class ThirdPartyParams(eqx.Module):
    """What may vary between two lifetimes: the time limit."""

    max_steps: Int[Array, ""]
    """Time limit of an episode, in steps."""


class ThirdPartyState(eqx.Module):
    """State of one episode."""

    inner: Any
    """The library's own state."""
    observation: Float[Array, " *obs"]
    """Kept here, because some libraries return it from a step only."""
    time: Int[Array, ""]


@dataclasses.dataclass(frozen=True)
class ThirdParty:
    """An environment of a library, by the library's own name for it."""

    library: str
    name: str

    @property
    def env(self) -> "ThirdPartyEnv":
        """The dynamics.

        Raises:
            ValueError: the library is not installed.
        """
        check_installed(self.library, self.name)
        return ThirdPartyEnv(self.library, self.name)

    def sample(self, key: PRNGKeyArray, num_actions: int | None = None) -> ThirdPartyParams:
        """The library's default parameters, whatever the key.

        Raises:
            ValueError: `num_actions` is not the environment's.
        """
        del key
        game = load(self.library, self.name)
        if num_actions not in (None, game.num_actions):
            raise ValueError(f"{num_actions} actions given; {self.name} has {game.num_actions}")
        return ThirdPartyParams(max_steps=jnp.asarray(game.max_steps))


@dataclasses.dataclass(frozen=True)
class ThirdPartyEnv:
    """Dynamics of one environment of a library."""

    library: str
    name: str

    @property
    def num_actions(self) -> int:
        """Size of the action set; no action is ever masked."""
        return load(self.library, self.name).num_actions

    @property
    def observation_shape(self) -> tuple[int, ...]:
        """[numbers] or [planes, rows, columns]."""
        return _observation_shape(self.library, self.name)

    def action_mask(self, env_params: ThirdPartyParams) -> Bool[Array, " A"]:
        """Every action exists."""
        return jnp.ones((self.num_actions,), bool)

    def reset(self, key: PRNGKeyArray, env_params: ThirdPartyParams) -> ThirdPartyState:
        """The library's first state."""
        inner, observation = load(self.library, self.name).reset(key)
        return ThirdPartyState(inner=_strong(inner), observation=planes_first(observation), time=jnp.zeros((), int))

    def step(
        self, key: PRNGKeyArray, state: ThirdPartyState, action: Int[Array, ""], env_params: ThirdPartyParams
    ) -> tuple[ThirdPartyState, StepResult]:
        """The library's step; the time limit truncates."""
        inner, observation, reward, ended = load(self.library, self.name).step(key, state.inner, action)
        time, terminated = state.time + 1, jnp.asarray(ended, bool)
        result = StepResult(
            reward=jnp.asarray(reward, float),
            terminated=terminated,
            truncated=~terminated & (time >= env_params.max_steps),
        )
        return ThirdPartyState(inner=_strong(inner), observation=planes_first(observation), time=time), result

    def observe(self, state: ThirdPartyState, env_params: ThirdPartyParams) -> Float[Array, " *obs"]:
        """The observation that the library returned with this state."""
        return state.observation


def planes_first(observation: Shaped[Array, " *seen"]) -> Float[Array, " *obs"]:
    """An observation in our layout: [H, W, C] becomes [C, H, W], a matrix becomes one plane, and all are floats."""
    if observation.ndim == 2:
        observation = observation[..., None]
    if observation.ndim == 3:
        observation = jnp.moveaxis(observation, -1, 0)
    return observation.astype(float)


def gymnax_game(name: str) -> Game:
    """An environment of gymnax with its default parameters: its raw steps, which do not reset.

    Raises:
        ValueError: gymnax has no environment of this name, or cannot be imported.
    """
    environment, params = import_optional("gymnax", name).make(name)

    def reset(key: PRNGKeyArray) -> tuple[Any, Array]:
        observation, state = environment.reset_env(key, params)
        return state, observation

    def step(key: PRNGKeyArray, state: Any, action: Array) -> tuple[Any, Array, Array, Array]:
        observation, state, reward, terminated, _ = environment.step_env(key, state, action, params)
        return state, observation, reward, terminated

    return Game(
        num_actions=int(environment.num_actions), max_steps=int(params.max_steps_in_episode), reset=reset, step=step
    )


def pgx_game(name: str) -> Game:
    """A single-player environment of pgx.

    Raises:
        ValueError: pgx has no environment of this name, it is for several players, or pgx cannot be imported.
    """
    environment = import_optional("pgx", name).make(name)
    if environment.num_players != 1:
        raise ValueError(f"{name} is a game for {environment.num_players} players; one for a single player is needed")

    def reset(key: PRNGKeyArray) -> tuple[Any, Array]:
        state = environment.init(key)
        return state, state.observation

    def step(key: PRNGKeyArray, state: Any, action: Array) -> tuple[Any, Array, Array, Array]:
        state = environment.step(state, action, key)
        return state, state.observation, state.rewards[0], state.terminated

    return Game(num_actions=int(environment.num_actions), max_steps=PGX_MAX_STEPS, reset=reset, step=step)


GAMES: dict[str, Callable[[str], Game]] = {"gymnax": gymnax_game, "pgx": pgx_game}
"""Library → how to read one of its environments."""


@functools.cache
def load(library: str, name: str) -> Game:
    """A library's environment; imports the library at the first call.

    Raises:
        ValueError: as `gymnax_game` and `pgx_game`.
    """
    # A library creates arrays while it is imported and built. If that happens inside a transformation, they must be
    # concrete all the same, because they outlive it.
    with jax.ensure_compile_time_eval():
        return GAMES[library](name)


@functools.cache
def _observation_shape(library: str, name: str) -> tuple[int, ...]:
    game = load(library, name)
    return jax.eval_shape(lambda key: planes_first(game.reset(key)[1]), jax.random.key(0)).shape


def _strong(tree: Any) -> Any:
    """Strongly typed arrays: a scan needs a state of one type in every step."""
    return jax.tree.map(lambda x: jnp.asarray(x, jnp.result_type(x)), tree)
