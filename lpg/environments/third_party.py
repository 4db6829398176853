"""Environments of other JAX libraries, made to keep the contract of `base`, so that they run inside our programs.

What a library has to say is put into a `Game` by `gymnax_games` or `pgx_games`; here it becomes an environment: its
random key is made of our uniform numbers, episodes end where the game or the time limit says so, and nobody but
`base.auto_step` begins the next one. Libraries are imported when the first game is played and not before, because that
takes seconds.
"""

import dataclasses
import functools
import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, Shaped

from lpg.environments.base import StepResult

EXTRA = "envs"
"""What `pip install 'lpg[…]'` needs for the libraries."""


@dataclasses.dataclass(frozen=True)
class Game:
    """What a library says about one of its environments, for one environment and without any time limit or reset."""

    num_actions: int
    max_steps: int
    """Time limit that the library advises, in steps."""
    reset: Callable[[PRNGKeyArray], tuple[Any, Array]]
    """Key → state, observation."""
    step: Callable[[PRNGKeyArray, Any, Array], tuple[Any, Array, Array, Array]]
    """Key, state, action → state, observation, reward, whether the task itself ended."""


class ThirdPartyParams(eqx.Module):
    """What may vary between two lifetimes: of a game that others made, no more than this."""

    max_steps: Int[Array, ""]
    """Time limit of an episode, in steps."""


class ThirdPartyState(eqx.Module):
    """Where an episode stands."""

    inner: Any
    """The library's own state."""
    observation: Float[Array, " *obs"]
    """What the library showed with it; kept, since not every library can say it again from the state alone."""
    time: Int[Array, ""]


@dataclasses.dataclass(frozen=True)
class ThirdParty:
    """An environment of a library, by the library's name for it."""

    library: str
    name: str

    @property
    def env(self) -> "ThirdPartyEnv":
        """The dynamics.

        Raises:
            ValueError: the library is not installed.
        """
        if importlib.util.find_spec(self.library) is None:
            raise ValueError(_absent(self.library, self.name, "it is not installed"))
        return ThirdPartyEnv(self.library, self.name)

    def sample(self, key: PRNGKeyArray, num_actions: int | None = None) -> ThirdPartyParams:
        """The one instance that there is, whatever the key.

        Raises:
            ValueError: another number of actions is asked for than the game has.
        """
        del key
        game = load(self.library, self.name)
        if num_actions not in (None, game.num_actions):
            raise ValueError(f"{num_actions} actions asked for; {self.name} has {game.num_actions}")
        return ThirdPartyParams(max_steps=jnp.asarray(game.max_steps))


@dataclasses.dataclass(frozen=True)
class ThirdPartyEnv:
    """Dynamics of one game."""

    library: str
    name: str

    num_noise = 2
    num_reset_noise = 2

    @property
    def num_actions(self) -> int:
        """Size of the game's action set; all its actions always exist."""
        return load(self.library, self.name).num_actions

    @property
    def observation_shape(self) -> tuple[int, ...]:
        """[numbers], or [planes, rows, columns] for pictures."""
        return _observation_shape(self.library, self.name)

    def action_mask(self, env_params: ThirdPartyParams) -> Bool[Array, " A"]:
        """Every action exists."""
        return jnp.ones((self.num_actions,), bool)

    def reset(self, env_params: ThirdPartyParams, noise: Float[Array, " noise"]) -> ThirdPartyState:
        """The library's first state."""
        inner, observation = load(self.library, self.name).reset(key_of(noise))
        return ThirdPartyState(inner=_strong(inner), observation=planes_first(observation), time=jnp.zeros((), int))

    def step(
        self,
        env_params: ThirdPartyParams,
        state: ThirdPartyState,
        action: Int[Array, ""],
        noise: Float[Array, " noise"],
    ) -> tuple[ThirdPartyState, StepResult]:
        """The library's step; a time limit that is reached is a truncation."""
        game = load(self.library, self.name)
        inner, observation, reward, ended = game.step(key_of(noise), state.inner, action)
        time, terminated = state.time + 1, jnp.asarray(ended, bool)
        result = StepResult(
            reward=jnp.asarray(reward, float),
            terminated=terminated,
            truncated=~terminated & (time >= env_params.max_steps),
        )
        return ThirdPartyState(inner=_strong(inner), observation=planes_first(observation), time=time), result

    def observe(self, env_params: ThirdPartyParams, state: ThirdPartyState) -> Float[Array, " *obs"]:
        """What the library showed when this state was reached."""
        return state.observation


def key_of(noise: Float[Array, " 2"]) -> PRNGKeyArray:
    """A random key out of two uniform numbers: their bits. Different numbers give different keys."""
    bits = jax.lax.bitcast_convert_type(noise.astype(jnp.float32), jnp.uint32)
    return jax.random.wrap_key_data(bits, impl="threefry2x32")


def planes_first(observation: Shaped[Array, " *seen"]) -> Float[Array, " *obs"]:
    """A library's observation in our layout: [H, W, C] becomes [C, H, W], a matrix one plane, and all are floats."""
    if observation.ndim == 2:
        observation = observation[..., None]
    if observation.ndim == 3:
        observation = jnp.moveaxis(observation, -1, 0)
    return observation.astype(float)


@functools.cache
def load(library: str, name: str) -> Game:
    """A game of a library, imported now.

    Raises:
        ValueError: the library, or something that it needs, is not installed.
    """
    # A library makes arrays while it is imported and built; should this happen inside a transformation, they must be
    # numbers nevertheless, because they outlive it.
    with jax.ensure_compile_time_eval():
        try:
            return importlib.import_module(f"lpg.environments.{library}_games").load(name)
        except ImportError as error:
            raise ValueError(_absent(library, name, str(error))) from error


@functools.cache
def _observation_shape(library: str, name: str) -> tuple[int, ...]:
    game = load(library, name)
    return jax.eval_shape(lambda key: planes_first(game.reset(key)[1]), jax.random.key(0)).shape


def _strong(tree: Any) -> Any:
    """Arrays whose types do not depend on what they meet: a state must have one type in every step."""
    return jax.tree.map(lambda x: jnp.asarray(x, jnp.result_type(x)), tree)


def _absent(library: str, name: str, why: str) -> str:
    return f"{name} is an environment of {library}, which cannot be used ({why}): pip install 'lpg[{EXTRA}]'"
