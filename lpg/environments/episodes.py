"""Returns of whole episodes under a policy that may depend on the state."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from lpg.environments import stepping
from lpg.environments.base import Environment, EnvParams, EnvState
from lpg.environments.masks import state_mask
from lpg.environments.stepping import draw_resets, draw_steps

Policy = Callable[[Float[Array, ""], EnvState, EnvParams], Int[Array, ""]]
"""(uniform number in [0, 1), state, env params) → action."""
BATCH = 1000
"""Episodes played at once."""


def random_policy(env: Environment) -> Policy:
    """Every action that a state allows is equally probable."""

    def act(uniform: Float[Array, ""], state: EnvState, env_params: EnvParams) -> Int[Array, ""]:
        mask = state_mask(env, state, env_params)
        rank = jnp.floor(uniform * jnp.sum(mask)).astype(int)
        return jnp.argmax(jnp.cumsum(mask) > rank)

    return act


def episode_returns(
    distribution: Any,
    policy_for: Callable[[EnvParams], Policy],
    key: PRNGKeyArray,
    num_episodes: int,
    num_actions: int | None = None,
) -> np.ndarray:
    """Undiscounted returns [num_episodes], each episode with its own draw of `EnvParams`.

    Args:
        distribution: see `registry.EnvDistribution`.
        policy_for: env params → policy; what it computes itself is computed once per episode.
        num_actions: which version of the environment; None: all its actions.
    """
    env = distribution.env
    sample = functools.partial(distribution.sample, num_actions=num_actions or env.num_actions)

    def episode(key: PRNGKeyArray) -> Float[Array, ""]:
        key_params, key_reset, key_steps = jax.random.split(key, 3)
        env_params = sample(key_params)
        policy = policy_for(env_params)

        def step(carry: tuple) -> tuple:
            state, total, _, time = carry
            draws = draw_steps(jax.random.fold_in(key_steps, time), env)
            action = policy(draws.action, state, env_params)
            state, result = stepping.step(draws.step, state, action, env, env_params)
            return state, total + result.reward, result.terminated | result.truncated, time + 1

        state = stepping.reset(draw_resets(key_reset, env), env, env_params)
        start = (state, jnp.zeros(()), jnp.asarray(False), jnp.asarray(0))
        return jax.lax.while_loop(lambda carry: ~carry[2], step, start)[1]

    play = jax.jit(jax.vmap(episode))
    keys = jax.random.split(key, num_episodes)
    return np.concatenate([np.asarray(play(keys[at : at + BATCH])) for at in range(0, num_episodes, BATCH)])
