"""Environments of gymnax, pgx and Jumanji, and objects like them, in the contract of `base` for compiled programs.

A library's functions are read into a `Game` (`lpg.environments.games`); the classes here add the time limit. Episodes
are reset by `stepping.auto_step` only, never by the library. The libraries are imported when an environment is first
used, because that takes seconds.

References: Lange (2022), gymnax, from version 1, which distinguishes terminations from time limits; Koyamada et al.
(2023), pgx; Bonnet et al. (2024), Jumanji.
"""

import dataclasses
import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, Shaped

from lpg.environments.base import StepResult
from lpg.environments.games import GAMES, Game
from lpg.packages import check_installed


class ThirdPartyParams(eqx.Module):
    """What may vary between two lifetimes: the time limit."""

    max_steps: Int[Array, ""]
    """Time limit of an episode, in steps."""


class ThirdPartyState(eqx.Module):
    """State of one episode."""

    inner: Any
    """The library's own state."""
    observation: Shaped[Array, " *obs"]
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
        return _params(load(self.library, self.name), self.name, num_actions)


class GameDynamics:
    """Dynamics of a game; a derived class has the game."""

    game: Any

    @property
    def num_actions(self) -> int:
        """Size of the action set."""
        return self.game.num_actions

    @property
    def observation_shape(self) -> tuple[int, ...]:
        """[numbers] or [planes, rows, columns]; () for state indices."""
        return _observation_shape(self.game)

    def action_mask(self, env_params: ThirdPartyParams) -> Bool[Array, " A"]:
        """Every action exists."""
        return jnp.ones((self.num_actions,), bool)

    @property
    def has_state_masks(self) -> bool:
        """Whether the game says which actions a state allows."""
        return self.game.mask is not None

    def state_action_mask(self, state: "ThirdPartyState", env_params: ThirdPartyParams) -> Bool[Array, " A"]:
        """The actions that the game allows."""
        return self.game.mask(state.inner)

    def reset(self, key: PRNGKeyArray, env_params: ThirdPartyParams) -> ThirdPartyState:
        """The library's first state."""
        inner, observation = self.game.reset(key)
        return ThirdPartyState(_strong(inner), _seen(observation, self.game), time=jnp.zeros((), int))

    def step(
        self, key: PRNGKeyArray, state: ThirdPartyState, action: Int[Array, ""], env_params: ThirdPartyParams
    ) -> tuple[ThirdPartyState, StepResult]:
        """The library's step; the time limit truncates.

        Raises:
            ValueError: the reward is no single number.
        """
        inner, observation, reward, ended, cut = self.game.step(key, state.inner, action)
        if jnp.shape(reward) != ():
            raise ValueError(
                f"a step of the environment gave a reward of shape {list(jnp.shape(reward))}; one number is needed"
            )
        time, terminated = state.time + 1, jnp.asarray(ended, bool)
        result = StepResult(
            reward=jnp.asarray(reward, float),
            terminated=terminated,
            truncated=~terminated & (jnp.asarray(cut, bool) | (time >= env_params.max_steps)),
        )
        return ThirdPartyState(_strong(inner), _seen(observation, self.game), time), result

    def observe(self, state: ThirdPartyState, env_params: ThirdPartyParams) -> Shaped[Array, " *obs"]:
        """The observation that the library returned with this state."""
        return state.observation


@dataclasses.dataclass(frozen=True)
class ThirdPartyEnv(GameDynamics):
    """Dynamics of one environment of a library, which is imported when it is needed."""

    library: str
    name: str

    @property
    def game(self) -> Game:  # type: ignore[override]
        """The library's functions."""
        return load(self.library, self.name)


@dataclasses.dataclass(frozen=True)
class GameEnv(GameDynamics):
    """Dynamics of a game at hand. Equal are only those of one object."""

    game: Game


class IndexGameEnv(GameEnv):
    """A game whose observations are state indices, so that an agent can be a table."""

    @property
    def num_states(self) -> int:
        """Observations are integers in [0, num_states)."""
        assert self.game.num_states is not None
        return self.game.num_states


@dataclasses.dataclass(frozen=True)
class SingleGame:
    """A game with its default time limit as a distribution of environments."""

    game: Game
    name: str

    @property
    def env(self) -> GameEnv:
        """The dynamics."""
        return GameEnv(self.game) if self.game.num_states is None else IndexGameEnv(self.game)

    def sample(self, key: PRNGKeyArray, num_actions: int | None = None) -> ThirdPartyParams:
        """The default parameters, whatever the key.

        Raises:
            ValueError: `num_actions` is not the environment's.
        """
        del key
        return _params(self.game, self.name, num_actions)


def _params(game: Game, name: str, num_actions: int | None) -> ThirdPartyParams:
    if num_actions not in (None, game.num_actions):
        raise ValueError(f"{num_actions} actions given; {name} has {game.num_actions}")
    return ThirdPartyParams(max_steps=jnp.asarray(game.max_steps))


def planes_first(observation: Shaped[Array, " *seen"]) -> Float[Array, " *obs"]:
    """An observation in our layout: [H, W, C] becomes [C, H, W], a matrix becomes one plane, and all are floats."""
    if observation.ndim == 2:
        observation = observation[..., None]
    if observation.ndim == 3:
        observation = jnp.moveaxis(observation, -1, 0)
    return observation.astype(float)


@functools.cache
def load(library: str, name: str) -> Game:
    """A library's environment; imports the library at the first call.

    Raises:
        ValueError: as `lpg.environments.games.gymnax_game` and the like.
    """
    # A library creates arrays while it is imported and built. If that happens inside a transformation, they must be
    # concrete all the same, because they outlive it.
    with jax.ensure_compile_time_eval():
        return GAMES[library](name)


def _seen(observation: Shaped[Array, " *seen"], game: Game) -> Shaped[Array, " *obs"]:
    return jnp.asarray(observation, int) if game.num_states is not None else planes_first(jnp.asarray(observation))


@functools.cache
def _observation_shape(game: Game) -> tuple[int, ...]:
    return jax.eval_shape(lambda key: _seen(game.reset(key)[1], game), jax.random.key(0)).shape


def _strong(tree: Any) -> Any:
    """Strongly typed arrays: a scan needs a state of one type in every step."""
    return jax.tree.map(lambda x: jnp.asarray(x, jnp.result_type(x)), tree)
