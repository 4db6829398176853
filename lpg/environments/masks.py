"""Which actions a state allows, where an environment says so: a method that the contract of `base` does not ask for.

    state_action_mask(state, env_params) -> Bool[A]

It is true for the actions that are allowed in the state; `action_mask` counts, too. A state that allows none (games
that are over give such masks) counts as one that allows all. An attribute `has_state_masks` that is false says that the
method has nothing to tell, so that trajectories need no masks.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from lpg.environments.base import Environment, EnvParams, EnvState


def has_state_masks(env: Environment) -> bool:
    """Whether an environment allows different actions in different states."""
    return callable(getattr(env, "state_action_mask", None)) and getattr(env, "has_state_masks", True)


def state_mask(env: Environment, state: EnvState, env_params: EnvParams) -> Bool[Array, " A"]:
    """The actions that exist and that a state allows."""
    exists = env.action_mask(env_params)
    if not has_state_masks(env):
        return exists
    allowed = exists & jnp.asarray(env.state_action_mask(state, env_params), bool)  # type: ignore[attr-defined]
    return jnp.where(jnp.any(allowed), allowed, exists)


def batch_mask(env: Environment, states: EnvState, env_params: EnvParams) -> Bool[Array, " *B A"]:
    """The same for the states [B, …] of several copies: [B, A], or [A] where all states allow the same."""
    if not has_state_masks(env):
        return env.action_mask(env_params)
    return jax.vmap(lambda state: state_mask(env, state, env_params))(states)
