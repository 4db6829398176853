"""Agent × environment → trajectories as DiscoRL's rule reads them, with a row for the last state of an episode.

The step from a last state to the first one of the next episode counts as a step, as it did in the rule's discovery.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray, Shaped

from lpg.agents.outputs import Agent, outputs
from lpg.agents.rollout import RolloutInfo, sample_action
from lpg.environments.base import Environment, EnvParams, EnvState
from lpg.environments.stepping import StepDraws, auto_step, draw_resets, draw_steps, reset
from lpg.update_rules.disco.update import DiscoTrajectory


class DiscoRolloutState(eqx.Module):
    """State of B environments between two rollouts."""

    env_state: EnvState
    """Where an episode has ended, that of the next one."""
    observation: Shaped[Array, " B *obs"]
    """Where an episode has ended, of its last state."""
    at_end: Bool[Array, " B"]
    episode_return: Float[Array, " B"]
    """Sum of rewards so far in each running episode."""


def init_disco_rollout(key: PRNGKeyArray, env: Environment, env_params: EnvParams, num_envs: int) -> DiscoRolloutState:
    """B environments, each at the start of an episode."""
    env_state = jax.vmap(lambda draw: reset(draw, env, env_params))(draw_resets(key, env, (num_envs,)))
    return DiscoRolloutState(
        env_state=env_state,
        observation=jax.vmap(env.observe, in_axes=(0, None))(env_state, env_params),
        at_end=jnp.zeros((num_envs,), bool),
        episode_return=jnp.zeros((num_envs,)),
    )


def disco_rollout(
    key: PRNGKeyArray,
    state: DiscoRolloutState,
    agent: Agent,
    env: Environment,
    env_params: EnvParams,
    num_steps: int,
) -> tuple[DiscoRolloutState, DiscoTrajectory, RolloutInfo]:
    """T steps of every environment. All actions must exist."""
    mask = env.action_mask(env_params)
    advance = jax.vmap(lambda draws, state, action: auto_step(draws, state, action, env, env_params))
    observe = jax.vmap(env.observe, in_axes=(0, None))

    def step(state: DiscoRolloutState, draws: StepDraws) -> tuple[DiscoRolloutState, tuple]:
        logits = outputs(agent, state.observation, mask, batch_ndim=1).logits
        action = sample_action(logits, draws.action)
        moved, result, seen = advance(draws, state.env_state, action)

        def unless_at_end(new: Array, old: Array) -> Array:
            return jnp.where(state.at_end.reshape(-1, *[1] * (new.ndim - 1)), old, new)

        reward = unless_at_end(result.reward, jnp.zeros_like(result.reward))
        is_last = (result.terminated | result.truncated) & ~state.at_end
        total = state.episode_return + reward
        following = DiscoRolloutState(
            env_state=jax.tree.map(unless_at_end, moved, state.env_state),
            observation=unless_at_end(seen, observe(state.env_state, env_params)),
            at_end=is_last,
            episode_return=jnp.where(is_last, 0.0, total),
        )
        return following, (state.observation, state.at_end, action, reward, logits, jnp.where(is_last, total, 0.0))

    num_envs = state.at_end.shape[0]
    following, rows = jax.lax.scan(step, state, draw_steps(key, env, (num_steps, num_envs)))
    observation, at_end, action, reward, logits, ended = rows
    trajectory = DiscoTrajectory(
        observation=jnp.concatenate([observation, following.observation[None]]),
        at_end=jnp.concatenate([at_end, following.at_end[None]]),
        action=action,
        reward=reward,
        logits=logits,
    )
    count = jnp.sum(trajectory.at_end[1:])
    return following, trajectory, RolloutInfo(jnp.sum(ended), jnp.sum(ended**2), count)
