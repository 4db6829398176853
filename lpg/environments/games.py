"""Environments of gymnax and pgx, and objects with the interface of gymnax, read into one form."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from lpg.environments.names import split_kwargs
from lpg.packages import import_optional

PGX_MAX_STEPS = 1000
"""pgx has no time limit, and a good player of MinAtar may never finish; gymnax has this one for the same games."""
NO_LIMIT = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class Game:
    """A library's environment: one copy, without resets."""

    num_actions: int
    max_steps: int
    """Default time limit, in steps; `NO_LIMIT`: none beside the environment's own."""
    reset: Callable[[PRNGKeyArray], tuple[Any, Array]]
    """key → state, observation."""
    step: Callable[[PRNGKeyArray, Any, Array], tuple[Any, Array, Array, Array, Array]]
    """key, state, action → state, observation, reward, terminated, truncated by the environment itself."""
    num_states: int | None = None
    """Number of states where observations are their indices."""


def is_gymnax_style(made: Any) -> bool:
    """Whether an object has the interface of gymnax: `reset(key, params)` and `step(key, state, action, params)`."""
    return all(callable(getattr(made, name, None)) for name in ("reset", "step", "action_space")) and not isinstance(
        made, type
    )


def gymnax_style(environment: Any, params: Any, name: str) -> Game:
    """An environment with the interface of gymnax, version 0 or 1.

    Its raw steps are taken (`reset_env`, `step_env`) where it has them. If it has only `step`, which resets by itself,
    the observation at an end is the next episode's first; ends are then terminations unless it returns six values,
    which tell a time limit apart.

    Args:
        params: of the environment; none: its own, if it has any.
        name: for errors.

    Raises:
        ValueError: actions are not discrete, or observations are no single array.
    """
    params = getattr(environment, "default_params", None) if params is None else params
    space = environment.action_space(params)
    if getattr(space, "n", None) is None:
        raise ValueError(
            f"{name} has actions {' '.join(str(space).split())}; Discrete ones are needed, because policies here "
            "choose one of several actions; a wrapper can map numbers to actions"
        )
    is_raw = hasattr(environment, "step_env") and hasattr(environment, "reset_env")
    first, take = (environment.reset_env, environment.step_env) if is_raw else (environment.reset, environment.step)

    def reset(key: PRNGKeyArray) -> tuple[Any, Any]:
        observation, state = first(key, params)
        return state, observation

    def step(key: PRNGKeyArray, state: Any, action: Array) -> tuple[Any, Array, Array, Array, Array]:
        observation, state, reward, terminated, *rest = take(key, state, action, params)
        truncated = rest[0] if len(rest) == 2 else False
        return state, observation, reward, terminated, jnp.asarray(truncated)

    seen = jax.eval_shape(reset, jax.random.key(0))[1]
    if not hasattr(seen, "shape"):
        raise ValueError(f"{name} has observations of type {type(seen).__name__}; one array is needed")
    is_index = seen.shape == () and jnp.issubdtype(seen.dtype, jnp.integer)
    states = getattr(environment.observation_space(params), "n", None) if is_index else None
    if seen.shape == () and states is None:
        raise ValueError(f"{name} has observations without axes; an array, or a Discrete space of states, is needed")
    return Game(
        num_actions=int(space.n),
        max_steps=int(getattr(params, "max_steps_in_episode", NO_LIMIT)),
        reset=reset,
        step=step,
        num_states=None if states is None else int(states),
    )


def gymnax_game(name: str) -> Game:
    """An environment of gymnax; keyword arguments in its name are parameters, or else arguments of its class.

    Raises:
        ValueError: gymnax has no environment of this name, cannot be imported, or does not know an argument.
    """
    identity, kwargs = split_kwargs(name)
    gymnax = import_optional("gymnax", name)
    try:
        _, params = gymnax.make(identity)
        fields = {field.name for field in dataclasses.fields(params)}
        own = {key: value for key, value in kwargs.items() if key in fields}
        environment, params = gymnax.make(identity, **{key: v for key, v in kwargs.items() if key not in own})
    except (TypeError, ValueError, OSError) as error:
        raise ValueError(f"gymnax/{name}: {' '.join(str(error).split())}") from error
    return gymnax_style(environment, params.replace(**own), f"gymnax/{name}")


def pgx_game(name: str) -> Game:
    """A single-player environment of pgx.

    Raises:
        ValueError: pgx has no environment of this name, it is for several players, or pgx cannot be imported.
    """
    identity, kwargs = split_kwargs(name)
    pgx = import_optional("pgx", name)
    if identity not in pgx.available_envs():
        raise ValueError(f"pgx has no environment {identity!r}; it has {', '.join(sorted(pgx.available_envs()))}")
    try:
        environment = pgx.make(identity, **kwargs)
    except TypeError as error:
        raise ValueError(f"pgx/{name}: {' '.join(str(error).split())}") from error
    if environment.num_players != 1:
        raise ValueError(f"{name} is a game for {environment.num_players} players; one for a single player is needed")

    def reset(key: PRNGKeyArray) -> tuple[Any, Array]:
        state = environment.init(key)
        return state, state.observation

    def step(key: PRNGKeyArray, state: Any, action: Array) -> tuple[Any, Array, Array, Array, Array]:
        state = environment.step(state, action, key)
        return state, state.observation, state.rewards[0], state.terminated, jnp.asarray(False)

    return Game(num_actions=int(environment.num_actions), max_steps=PGX_MAX_STEPS, reset=reset, step=step)


GAMES: Mapping[str, Callable[[str], Game]] = {"gymnax": gymnax_game, "pgx": pgx_game}
"""Library → how to read one of its environments."""
