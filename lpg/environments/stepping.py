"""Resets and steps with randomness drawn in advance, and steps that reset an environment whose episode has ended.

An environment takes a key, or uniform numbers if it is a `UniformEnv`. Here both look the same: `draw_resets` and
`draw_steps` draw the random numbers of many resets and steps, and `reset`, `step` and `auto_step` consume it.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, Shaped

from lpg.environments.base import Environment, EnvParams, EnvState, StepResult, UniformEnv

Draw = Any
"""Randomness of one reset or step: uniform numbers [U] for a `UniformEnv`, a key otherwise."""


class StepDraws(eqx.Module):
    """Randomness of steps, each followed by a reset; every field has the leading axes that were asked for."""

    action: Float[Array, " *batch"]
    """Uniform number in [0, 1) by which a policy chooses the action."""
    step: Draw
    reset: Draw


def draw_resets(key: PRNGKeyArray, env: Environment, shape: tuple[int, ...] = ()) -> Draw:
    """Randomness of resets, with leading axes `shape`."""
    if isinstance(env, UniformEnv):
        return jax.random.uniform(key, (*shape, env.num_reset_uniforms))
    return jax.random.split(key, shape)


def draw_steps(key: PRNGKeyArray, env: Environment, shape: tuple[int, ...] = ()) -> StepDraws:
    """Randomness of steps, with leading axes `shape`."""
    if isinstance(env, UniformEnv):
        end = 1 + env.num_uniforms
        uniforms = jax.random.uniform(key, (*shape, end + env.num_reset_uniforms))
        return StepDraws(action=uniforms[..., 0], step=uniforms[..., 1:end], reset=uniforms[..., end:])
    key_action, key_step, key_reset = jax.random.split(key, 3)
    return StepDraws(
        action=jax.random.uniform(key_action, shape),
        step=jax.random.split(key_step, shape),
        reset=jax.random.split(key_reset, shape),
    )


def reset(draw: Draw, env: Environment, env_params: EnvParams) -> EnvState:
    """`env.reset`."""
    return env.reset_from(draw, env_params) if isinstance(env, UniformEnv) else env.reset(draw, env_params)


def step(
    draw: Draw, state: EnvState, action: Int[Array, ""], env: Environment, env_params: EnvParams
) -> tuple[EnvState, StepResult]:
    """`env.step`."""
    take_step = env.step_from if isinstance(env, UniformEnv) else env.step
    return take_step(draw, state, action, env_params)


def auto_step(
    draws: StepDraws, state: EnvState, action: Int[Array, ""], env: Environment, env_params: EnvParams
) -> tuple[EnvState, StepResult, Shaped[Array, " *obs"]]:
    """One step, and a reset if it ended the episode.

    Returns:
        The state to continue from, the result, and the observation of the state before any reset.
    """
    stepped, result = step(draws.step, state, action, env, env_params)
    fresh = reset(draws.reset, env, env_params)
    done = result.terminated | result.truncated
    next_state = jax.tree.map(lambda new, old: jnp.where(done, new, old), fresh, stepped)
    return next_state, result, env.observe(stepped, env_params)
