"""Agent × environment → trajectory: T steps of B streams of one environment instance, by one scan."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from lpg.agents.outputs import Agent, outputs
from lpg.environments.base import Environment, Instance, State, auto_step
from lpg.types import Trajectory


class RolloutState(eqx.Module):
    """Where B streams stand between two rollouts."""

    environment: State
    """[B, …] episode states."""
    episode_return: Float[Array, " B"]
    """Undiscounted reward so far in each running episode."""


class RolloutInfo(eqx.Module):
    """What finished during a rollout."""

    return_sum: Float[Array, ""]
    """Sum of the undiscounted returns of the episodes that ended."""
    return_square_sum: Float[Array, ""]
    """Sum of their squares."""
    num_episodes: Int[Array, ""]


def init_rollout(key: PRNGKeyArray, environment: Environment, instance: Instance, num_streams: int) -> RolloutState:
    """B streams, each at the start of an episode."""
    noise = jax.random.uniform(key, (num_streams, environment.num_reset_noise))
    return RolloutState(
        environment=jax.vmap(environment.reset, in_axes=(None, 0))(instance, noise),
        episode_return=jnp.zeros((num_streams,)),
    )


def rollout(
    key: PRNGKeyArray,
    state: RolloutState,
    agent: Agent,
    environment: Environment,
    instance: Instance,
    *,
    num_steps: int,
    time_limit_is_termination: bool,
) -> tuple[RolloutState, Trajectory, RolloutInfo]:
    """T steps of every stream; episodes that end are followed by new ones.

    All random numbers are drawn at once, which is several times faster than step by step.

    Args:
        time_limit_is_termination: show the agent an episode cut by its time limit as terminated (the paper's way)
            instead of truncated. What comes after an end is then never needed, and `next_observation` has one row.
    """
    agent = jax.lax.stop_gradient(agent)
    mask = environment.action_mask(instance)
    num_streams = state.episode_return.shape[0]
    num_noise = 1 + environment.num_noise + environment.num_reset_noise
    noise = jax.random.uniform(key, (num_steps, num_streams, num_noise))
    observe = jax.vmap(environment.observe, in_axes=(None, 0))
    advance = jax.vmap(lambda s, a, u: auto_step(environment, instance, s, a, u))

    def step(carry: tuple, noise_t: Float[Array, " B noise"]) -> tuple[tuple, tuple]:
        environment_state, observation, running = carry
        action = sample_action(outputs(agent, observation, mask, batch_ndim=1).logits, noise_t[:, 0])
        following, outcome, next_observation = advance(environment_state, action, noise_t[:, 1:])
        is_last = outcome.terminated | outcome.truncated
        total = running + outcome.reward
        arrived = None if time_limit_is_termination else next_observation
        row = (observation, arrived, action, outcome.reward, outcome.terminated, is_last, total)
        return (following, observe(instance, following), jnp.where(is_last, 0.0, total)), row

    first = (state.environment, observe(instance, state.environment), state.episode_return)
    (last, after, running), rows = jax.lax.scan(step, first, noise)
    observation, arrived, action, reward, terminated, is_last, total = rows
    trajectory = Trajectory(
        observation=observation,
        next_observation=after[None] if time_limit_is_termination else arrived,
        action=action,
        reward=reward,
        terminated=is_last if time_limit_is_termination else terminated,
        is_last=is_last,
    )
    ended = jnp.where(is_last, total, 0.0)
    info = RolloutInfo(return_sum=jnp.sum(ended), return_square_sum=jnp.sum(ended**2), num_episodes=jnp.sum(is_last))
    return RolloutState(environment=last, episode_return=running), trajectory, info


def sample_action(logits: Float[Array, " B A"], uniform: Float[Array, " B"]) -> Int[Array, " B"]:
    """Draws one action per row by inverting the cumulative distribution at a uniform number in [0, 1)."""
    weight = jnp.exp(logits - jnp.max(logits, axis=-1, keepdims=True))
    cumulative = jnp.cumsum(weight, axis=-1)
    # Strictly below the total, because uniform < 1; the first action whose cumulative weight exceeds the draw.
    return jnp.sum(cumulative <= uniform[:, None] * cumulative[:, -1:], axis=-1)
