"""Running statistics that scale observations and rewards; learned from the data, saved with the agent."""

import dataclasses
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Shaped

from lpg.types import AgentOutput, Trajectory

LARGEST = 10.0
"""Scaled numbers are clipped to ± this."""
PRIOR_COUNT = 1e-4
"""Weight of the initial mean 0 and variance 1, in samples."""


class RunningStatistics(eqx.Module):
    """Mean and variance of all samples so far, per component."""

    mean: Float[Array, " *shape"]
    variance: Float[Array, " *shape"]
    count: Float[Array, ""]


def init_statistics(shape: tuple[int, ...]) -> RunningStatistics:
    """Mean 0 and variance 1 with almost no weight."""
    return RunningStatistics(mean=jnp.zeros(shape), variance=jnp.ones(shape), count=jnp.asarray(PRIOR_COUNT, float))


def update_statistics(
    statistics: RunningStatistics, samples: Float[Array, " N *shape"], is_real: Bool[Array, " N"] | None = None
) -> RunningStatistics:
    """The statistics of the samples so far and of N more.

    Args:
        is_real: which of the samples count; None: all.

    Reference: Chan, Golub and LeVeque (1983), equation 1.5.
    """
    where = None
    number: int | Array = samples.shape[0]
    if is_real is not None:
        number = jnp.sum(is_real)
        # A mean over no sample would be NaN; with a weight of zero any mean will do.
        where = (is_real | (number == 0)).reshape(-1, *[1] * (samples.ndim - 1))
    difference = jnp.mean(samples, axis=0, where=where) - statistics.mean
    count = statistics.count + number
    square = (
        statistics.variance * statistics.count
        + jnp.var(samples, axis=0, where=where) * number
        + difference**2 * statistics.count * number / count
    )
    return RunningStatistics(mean=statistics.mean + difference * number / count, variance=square / count, count=count)


def normalise(statistics: RunningStatistics, x: Shaped[Array, " *batch_shape"]) -> Float[Array, " *batch_shape"]:
    """(x − mean) / standard deviation, clipped to ± `LARGEST`.

    Raises:
        ValueError: x are state indices.
    """
    if statistics.mean.ndim == 0 and jnp.issubdtype(x.dtype, jnp.integer):
        raise ValueError(
            "normalise_observations is true and observations are state indices; arrays of numbers are needed, because "
            "an index has no scale"
        )
    scaled = (x - statistics.mean) / jnp.sqrt(statistics.variance + 1e-8)
    return jnp.clip(scaled, -LARGEST, LARGEST)


class NormalisedAgent(eqx.Module):
    """An agent that is shown normalised observations."""

    agent: Callable
    statistics: RunningStatistics

    @property
    def takes_batches(self) -> bool:
        """As the agent inside, see `lpg.agents.outputs.Agent`."""
        return getattr(self.agent, "takes_batches", False)

    def __call__(self, observation: Shaped[Array, " *obs"]) -> AgentOutput:
        """The agent's outputs for the normalised observation."""
        return self.agent(normalise(self.statistics, observation))


class RewardStatistics(eqx.Module):
    """The discounted return of each parallel environment so far, and its statistics over time."""

    discounted_return: Float[Array, " B"]
    statistics: RunningStatistics


def init_reward_statistics(num_envs: int) -> RewardStatistics:
    """No reward seen."""
    return RewardStatistics(discounted_return=jnp.zeros(num_envs), statistics=init_statistics(()))


def normalise_rewards(
    state: RewardStatistics,
    reward: Float[Array, " T B"],
    is_last: Bool[Array, " T B"],
    gamma: Float[Array, ""],
    is_real: Bool[Array, " T B"] | None = None,
) -> tuple[RewardStatistics, Float[Array, " T B"]]:
    """Rewards divided by the standard deviation of the discounted return so far, not centred, clipped to ± `LARGEST`.

    Args:
        is_real: which rows are steps, see `lpg.update_rules.real_steps`; None: all. The others leave the statistics as
            they are.

    Returns:
        The statistics with these T steps in them, and the scaled rewards.

    Reference: Engstrom et al. (2020), section 3.
    """

    def step(total: Float[Array, " B"], row: tuple) -> tuple:
        reward_t, is_last_t, is_real_t = row
        after = gamma * total + reward_t
        total = after if is_real_t is None else jnp.where(is_real_t, after, total)
        return jnp.where(is_last_t, 0.0, total), total

    last, totals = jax.lax.scan(step, state.discounted_return, (reward, is_last, is_real))
    statistics = update_statistics(state.statistics, totals.reshape(-1), None if is_real is None else is_real.ravel())
    scaled = jnp.clip(reward / jnp.sqrt(statistics.variance + 1e-8), -LARGEST, LARGEST)
    return RewardStatistics(discounted_return=last, statistics=statistics), scaled


class Statistics(eqx.Module):
    """What scales the data of one agent; None: not scaled."""

    observations: RunningStatistics | None
    rewards: RewardStatistics | None

    def acting(self, agent: Callable) -> Callable:
        """The agent as a function of observations that are not normalised."""
        return agent if self.observations is None else NormalisedAgent(agent, self.observations)


def normalise_trajectory(
    statistics: Statistics,
    trajectory: Trajectory,
    gamma: Float[Array, ""],
    is_real: Bool[Array, " T B"] | None = None,
) -> tuple[Statistics, Trajectory]:
    """A rollout with scaled observations and rewards.

    Observations are scaled by the statistics before the rollout, as the agent saw them, rewards by those after it.

    Args:
        trajectory: not normalised.
        is_real: which rows are steps, see `lpg.update_rules.real_steps`; None: all. No statistics include the others.

    Returns:
        The statistics with this rollout in them, and the rollout for the rule.
    """
    observations, rewards, normalised = statistics.observations, statistics.rewards, trajectory
    if observations is not None:
        normalised = dataclasses.replace(
            normalised,
            observation=normalise(observations, trajectory.observation),
            next_observation=normalise(observations, trajectory.next_observation),
        )
        shape = observations.mean.shape
        rows = None if is_real is None else is_real.ravel()
        observations = update_statistics(observations, trajectory.observation.reshape(-1, *shape), rows)
    if rewards is not None:
        rewards, scaled = normalise_rewards(rewards, trajectory.reward, trajectory.is_last, gamma, is_real)
        normalised = dataclasses.replace(normalised, reward=scaled)
    return Statistics(observations=observations, rewards=rewards), normalised
