"""Agent × environment → trajectory: T steps of B copies of an environment with equal `EnvParams`, in one scan."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from lpg.agents.outputs import Agent, outputs
from lpg.environments.base import Environment, EnvParams, EnvState
from lpg.environments.masks import batch_mask, has_state_masks
from lpg.environments.stepping import StepDraws, auto_step, draw_resets, draw_steps, reset
from lpg.types import Trajectory

FEW_ACTIONS = 32
"""Up to so many actions are drawn without `cumsum`, in a third of the time."""


class RolloutState(eqx.Module):
    """State of B environments between two rollouts."""

    env_state: EnvState
    """[B, …]"""
    episode_return: Float[Array, " B"]
    """Sum of rewards so far in each running episode."""


class RolloutInfo(eqx.Module):
    """Episodes that ended during a rollout."""

    return_sum: Float[Array, ""]
    """Sum of the undiscounted returns of the episodes that ended."""
    return_square_sum: Float[Array, ""]
    """Sum of their squares."""
    num_episodes: Int[Array, ""]


def init_rollout(key: PRNGKeyArray, env: Environment, env_params: EnvParams, num_envs: int) -> RolloutState:
    """B environments, each at the start of an episode."""
    return RolloutState(
        env_state=jax.vmap(lambda draw: reset(draw, env, env_params))(draw_resets(key, env, (num_envs,))),
        episode_return=jnp.zeros((num_envs,)),
    )


@jax.named_scope("rollout")
def rollout(
    key: PRNGKeyArray,
    state: RolloutState,
    agent: Agent,
    env: Environment,
    env_params: EnvParams,
    *,
    num_steps: int,
    time_limit_is_termination: bool,
) -> tuple[RolloutState, Trajectory, RolloutInfo]:
    """T steps of every environment; episodes that end are followed by new ones.

    All random numbers are drawn at once, which is several times faster than step by step.

    Args:
        state: of the environments; from `init_rollout` or the rollout before.
        agent: one agent for all environments; no gradient reaches it.
        num_steps: T.
        time_limit_is_termination: show the agent an episode cut by its time limit as terminated (the paper's way)
            instead of truncated. Final states are then never needed, and `next_observation` has one row.
    """
    agent = jax.lax.stop_gradient(agent)
    exists, is_masked = env.action_mask(env_params), has_state_masks(env)
    num_envs = state.episode_return.shape[0]
    observe = jax.vmap(env.observe, in_axes=(0, None))
    advance = jax.vmap(lambda draws, state, action: auto_step(draws, state, action, env, env_params))

    def step(carry: tuple, draws: StepDraws) -> tuple[tuple, tuple]:
        env_state, observation, episode_return = carry
        mask = batch_mask(env, env_state, env_params) if is_masked else exists
        action = sample_action(outputs(agent, observation, mask, batch_ndim=1).logits, draws.action)
        env_state, result, next_observation = advance(draws, env_state, action)
        is_last = result.terminated | result.truncated
        episode_return = episode_return + result.reward
        kept = None if time_limit_is_termination else next_observation
        masks = mask if is_masked else None
        row = (observation, kept, action, result.reward, result.terminated, is_last, episode_return, masks)
        return (env_state, observe(env_state, env_params), jnp.where(is_last, 0.0, episode_return)), row

    carry = (state.env_state, observe(state.env_state, env_params), state.episode_return)
    carry, rows = jax.lax.scan(step, carry, draw_steps(key, env, (num_steps, num_envs)))
    env_state, last_observation, running_return = carry
    observation, next_observation, action, reward, terminated, is_last, episode_return, masks = rows
    trajectory = Trajectory(
        observation=observation,
        next_observation=last_observation[None] if time_limit_is_termination else next_observation,
        action=action,
        reward=reward,
        terminated=is_last if time_limit_is_termination else terminated,
        is_last=is_last,
        action_mask=masks,
    )
    ended = jnp.where(is_last, episode_return, 0.0)
    info = RolloutInfo(return_sum=jnp.sum(ended), return_square_sum=jnp.sum(ended**2), num_episodes=jnp.sum(is_last))
    return RolloutState(env_state=env_state, episode_return=running_return), trajectory, info


def sample_action(logits: Float[Array, " B A"], uniform: Float[Array, " B"]) -> Int[Array, " B"]:
    """Draws one action per row by inverting the cumulative distribution at a uniform number in [0, 1)."""
    weight = jnp.exp(logits - jnp.max(logits, axis=-1, keepdims=True))
    # Strictly below the total, because uniform < 1; the first action whose cumulative weight exceeds the draw.
    if weight.shape[-1] > FEW_ACTIONS:
        cumulative = jnp.cumsum(weight, axis=-1)
        return jnp.sum(cumulative <= uniform[:, None] * cumulative[:, -1:], axis=-1)
    # The same; XLA makes one loop of these sums, but several of `cumsum`.
    totals = list(itertools.accumulate(weight[:, action] for action in range(weight.shape[-1])))
    threshold = uniform * totals[-1]
    return sum(((total <= threshold).astype(jnp.int32) for total in totals), jnp.zeros_like(threshold, jnp.int32))
