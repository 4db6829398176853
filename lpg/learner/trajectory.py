"""Trajectories from anywhere: checked in one place, and given the types that everything inside expects."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from lpg.types import Trajectory


def as_arrays(trajectory: Trajectory, is_real: Any = None) -> tuple[Trajectory, Bool[Array, " T B"] | None]:
    """The same trajectory as JAX arrays: actions int32, rewards of the default float, ends Boolean.

    Args:
        trajectory: [T, B] arrays of NumPy or JAX; ends may be 0 and 1.
        is_real: [T, B] truth values, or none.

    Raises:
        ValueError: shapes differ, or actions are not discrete. The numbers in JAX arrays are not looked at.
    """
    shape = np.shape(trajectory.reward)
    if len(shape) != 2 or 0 in shape:
        raise ValueError(
            f"rewards of shape {list(shape)} given; [steps, environments] is needed, with at least one of each (one "
            "environment is reward[:, None])"
        )
    if not jnp.issubdtype(_dtype(trajectory.action), np.integer):
        raise ValueError(
            f"actions of type {_dtype(trajectory.action)} given; whole numbers are needed, because policies here are "
            "discrete (no continuous actions)"
        )
    for name in ("action", "terminated", "is_last"):
        _same(name, np.shape(getattr(trajectory, name)), shape)
    seen, following = np.shape(trajectory.observation), np.shape(trajectory.next_observation)
    _same("observation", seen[:2], shape)
    if following not in (seen, (1, *seen[1:])):
        raise ValueError(
            f"next_observation has shape {list(following)}; the shape of observation, {list(seen)}, is needed"
        )
    is_numpy = isinstance(trajectory.terminated, np.ndarray) and isinstance(trajectory.is_last, np.ndarray)
    if following != seen and is_numpy and not np.array_equal(trajectory.terminated, trajectory.is_last):
        raise ValueError(
            "one row of next_observation given, and an episode ends without termination; all rows are needed, because "
            "its final state is worth something"
        )
    if is_real is not None:
        _same("is_real", np.shape(is_real), shape)
    if isinstance(trajectory.action, np.ndarray) and trajectory.action.min() < 0:
        raise ValueError(f"action {trajectory.action.min()} given; actions are numbered from 0")
    mask = trajectory.action_mask
    if mask is not None:
        if np.ndim(mask) != 3 or np.shape(mask)[:2] != shape:
            raise ValueError(
                f"action_mask has shape {list(np.shape(mask))}; {[*shape, 'actions']} is needed, a truth value for "
                "each step, environment and action"
            )
        if isinstance(mask, np.ndarray) and isinstance(trajectory.action, np.ndarray):
            _check_allowed(mask, trajectory.action)
    arrays = Trajectory(
        observation=jnp.asarray(trajectory.observation),
        next_observation=jnp.asarray(trajectory.next_observation),
        action=jnp.asarray(trajectory.action, jnp.int32),
        reward=jnp.asarray(trajectory.reward, jax.dtypes.canonicalize_dtype(float)),
        terminated=jnp.asarray(trajectory.terminated, bool),
        is_last=jnp.asarray(trajectory.is_last, bool),
        action_mask=None if mask is None else jnp.asarray(mask, bool),
    )
    return arrays, None if is_real is None else jnp.asarray(is_real, bool)


def _check_allowed(mask: np.ndarray, action: np.ndarray) -> None:
    """Whether each action is one that its mask allows."""
    num_actions = mask.shape[-1]
    if action.max() >= num_actions:
        raise ValueError(f"action {action.max()} given; action_mask has {num_actions} actions, numbered from 0")
    allowed = np.take_along_axis(mask.astype(bool), action[..., None], axis=-1)[..., 0]
    if not allowed.all():
        t, b = np.argwhere(~allowed)[0]
        raise ValueError(f"action {action[t, b]} given in step {t} of environment {b}; action_mask forbids it there")


def _dtype(values: Any) -> np.dtype:
    return values.dtype if hasattr(values, "dtype") else np.asarray(values).dtype


def _same(name: str, found: tuple[int, ...], needed: tuple[int, ...]) -> None:
    if found != needed:
        raise ValueError(
            f"{name} has shape {list(found)}; {list(needed)} is needed, the steps and environments of the rewards"
        )
