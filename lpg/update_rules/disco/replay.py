"""Replay: a buffer of an agent's latest trajectories, from which batches are drawn."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, PRNGKeyArray

from lpg.update_rules.disco.update import DiscoTrajectory

CAPACITY = 1024
"""Trajectories, fewer where that is no multiple of the environments."""


class Replay(eqx.Module):
    """Trajectories with capacity C in the place of their axis B, and how many rollouts of B were put in so far."""

    trajectories: DiscoTrajectory
    num_rollouts: Int[Array, ""]


def init_replay(like: DiscoTrajectory) -> Replay:
    """An empty buffer.

    Args:
        like: a rollout of B environments, or its shapes.
    """
    num_envs = like.reward.shape[1]
    capacity = num_envs * max(1, CAPACITY // num_envs)
    empty = jax.tree.map(lambda x: jnp.zeros((x.shape[0], capacity, *x.shape[2:]), x.dtype), like)
    return Replay(empty, jnp.zeros((), jnp.int32))


def add(replay: Replay, trajectory: DiscoTrajectory) -> Replay:
    """With a rollout in the place of the oldest one."""
    start = replay.num_rollouts % _slots(replay, trajectory) * trajectory.reward.shape[1]
    put = jax.tree.map(
        lambda buffer, x: jax.lax.dynamic_update_slice_in_dim(buffer, x, start, axis=1), replay.trajectories, trajectory
    )  # fmt: skip
    return Replay(put, replay.num_rollouts + 1)


def draw(replay: Replay, key: PRNGKeyArray, num_envs: int) -> DiscoTrajectory:
    """As many trajectories as a rollout has, with replacement, all equally probable."""
    filled = jnp.minimum(replay.num_rollouts * num_envs, replay.trajectories.reward.shape[1])
    rows = jax.random.randint(key, (num_envs,), 0, filled)
    return jax.tree.map(lambda x: x[:, rows], replay.trajectories)


def _slots(replay: Replay, trajectory: DiscoTrajectory) -> int:
    return replay.trajectories.reward.shape[1] // trajectory.reward.shape[1]
