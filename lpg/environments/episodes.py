"""Whole episodes under a policy that may look at the state: what it returns, by playing."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from lpg.environments.base import Environment, EnvParams, EnvState

Policy = Callable[[EnvParams, EnvState, Float[Array, ""]], Int[Array, ""]]
"""(instance, state, a uniform number in [0, 1)) → action."""
BATCH = 1000
"""Episodes played at once."""


def random_policy(env: Environment) -> Policy:
    """Every action that the instance has is equally probable."""

    def act(env_params: EnvParams, state: EnvState, uniform: Float[Array, ""]) -> Int[Array, ""]:
        mask = env.action_mask(env_params)
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
    """Undiscounted returns [episodes], each episode on an instance of its own.

    Args:
        distribution: of instances, see `registry.Distribution`.
        policy_for: makes the policy for an instance; what it works out beforehand is not done anew at every step.
        num_actions: which version of the environment; none: all its actions.
    """
    env = distribution.env
    sample = functools.partial(distribution.sample, num_actions=num_actions or env.num_actions)

    def episode(key: PRNGKeyArray) -> Float[Array, ""]:
        key_instance, key_reset, key_steps = jax.random.split(key, 3)
        env_params = sample(key_instance)
        policy = policy_for(env_params)

        def step(carry: tuple) -> tuple:
            state, total, _, time = carry
            uniform = jax.random.uniform(jax.random.fold_in(key_steps, time), (1 + env.num_noise,))
            action = policy(env_params, state, uniform[0])
            state, result = env.step(env_params, state, action, uniform[1:])
            return state, total + result.reward, result.terminated | result.truncated, time + 1

        state = env.reset(env_params, jax.random.uniform(key_reset, (env.num_reset_noise,)))
        start = (state, jnp.zeros(()), jnp.asarray(False), jnp.asarray(0))
        return jax.lax.while_loop(lambda carry: ~carry[2], step, start)[1]

    play = jax.jit(jax.vmap(episode))
    keys = jax.random.split(key, num_episodes)
    return np.concatenate([np.asarray(play(keys[at : at + BATCH])) for at in range(0, num_episodes, BATCH)])
