"""Environments of gymnax, pgx and Jumanji, and objects with the interface of gymnax, read into one form."""

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
    mask: Callable[[Any], Array] | None = None
    """state → which actions it allows; none: always all."""


def is_gymnax_style(made: Any) -> bool:
    """Whether an object has the interface of gymnax: `reset(key, params)` and `step(key, state, action, params)`."""
    return all(callable(getattr(made, name, None)) for name in ("reset", "step", "action_space")) and not isinstance(
        made, type
    )


def gymnax_style(environment: Any, params: Any, name: str) -> Game:
    """An environment with the interface of gymnax, version 0 or 1.

    A method `state_action_mask(state, params)`, which gymnax does not know, says which actions a state allows. Its raw
    steps are taken (`reset_env`, `step_env`) where it has them. If it has only `step`, which resets by itself,
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
        mask=(lambda state: environment.state_action_mask(state, params))
        if callable(getattr(environment, "state_action_mask", None))
        else None,
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

    # Games of MinAtar allow all actions always; the mask would only be carried about.
    mask = None if identity.startswith("minatar-") else lambda state: state.legal_action_mask
    return Game(int(environment.num_actions), PGX_MAX_STEPS, reset, step, mask=mask)


def jumanji_game(name: str) -> Game:
    """An environment of Jumanji with one discrete action a step; observations, without their mask, become one vector.

    Raises:
        ValueError: Jumanji has no environment of this name, its actions have parts, or Jumanji cannot be imported.
    """
    identity, kwargs = split_kwargs(name)
    jumanji = import_optional("jumanji", name)
    try:
        environment = jumanji.make(identity, **kwargs)
    except (TypeError, ValueError) as error:
        raise ValueError(f"jumanji/{name}: {' '.join(str(error).split())}") from error
    count = getattr(environment.action_spec, "num_values", None)
    if count is None or jnp.shape(count) != ():
        raise ValueError(
            f"jumanji/{name} has actions {environment.action_spec}; one discrete action a step is needed; a wrapper of "
            "yours, as module:factory, can map numbers to such actions"
        )

    def read(observation: Any) -> Array:
        """All parts, one after the other."""
        parts = observation._replace(action_mask=()) if hasattr(observation, "action_mask") else observation
        return jnp.concatenate([jnp.ravel(leaf).astype(float) for leaf in jax.tree.leaves(parts)])

    def reset(key: PRNGKeyArray) -> tuple[Any, Array]:
        state, first = environment.reset(key)
        return (state, mask_of(first)), read(first.observation)

    def step(key: PRNGKeyArray, state: Any, action: Array) -> tuple[Any, Array, Array, Array, Array]:
        after, taken = environment.step(state[0], action)  # its random numbers come from its state
        is_last, is_over = taken.last(), taken.discount == 0
        return (after, mask_of(taken)), read(taken.observation), taken.reward, is_last & is_over, is_last & ~is_over

    def mask_of(moment: Any) -> Array:
        return jnp.asarray(getattr(moment.observation, "action_mask", jnp.ones((int(count),), bool)), bool)

    has_mask = hasattr(jax.eval_shape(environment.reset, jax.random.key(0))[1].observation, "action_mask")
    return Game(int(count), NO_LIMIT, reset, step, mask=(lambda state: state[1]) if has_mask else None)


GAMES: Mapping[str, Callable[[str], Game]] = {"gymnax": gymnax_game, "pgx": pgx_game, "jumanji": jumanji_game}
"""Library → how to read one of its environments."""
