"""The state of a learner: parameters, optimiser and statistics, and the shapes of the statistics."""

import equinox as eqx
import jax.numpy as jnp
import optax
from jaxtyping import PyTree

from lpg.agents.normalisation import RewardStatistics, RunningStatistics


class LearnerState(eqx.Module):
    """Everything that changes when an agent learns."""

    params: PyTree
    """θ, as the agent's init made it."""
    optimizer_state: optax.OptState
    observations: RunningStatistics | None = None
    """Statistics that normalise observations; their shape is () until the first observations are seen."""
    rewards: RewardStatistics | None = None
    """Statistics that normalise rewards; of no environment until the first trajectory is seen."""

    @property
    def observation_shape(self) -> tuple[int, ...]:
        """Shape of the statistics of observations."""
        return () if self.observations is None else self.observations.mean.shape

    @property
    def num_envs(self) -> int:
        """Number of environments in the statistics of rewards."""
        return 0 if self.rewards is None else len(self.rewards.discounted_return)


def with_shapes(state: LearnerState, observation_shape: tuple[int, ...], num_envs: int | None = None) -> LearnerState:
    """The state with statistics of these shapes, if a fresh state had none.

    Args:
        num_envs: None: leave the statistics of rewards as they are.

    Raises:
        ValueError: the statistics have other shapes.
    """
    observations, rewards = state.observations, state.rewards
    fits = observations is None or observations.mean.shape == observation_shape
    if fits and (rewards is None or num_envs in (None, state.num_envs)):
        return state
    if observations is not None and not fits:
        if observations.mean.shape:
            raise ValueError(
                f"observations of shape {list(observation_shape)} given; {list(observations.mean.shape)} is needed, "
                "the shape of the state's statistics"
            )
        mean, variance = (jnp.broadcast_to(x, observation_shape) for x in (observations.mean, observations.variance))
        observations = RunningStatistics(mean=mean, variance=variance, count=observations.count)
    if rewards is not None and num_envs is not None and state.num_envs != num_envs:
        if state.num_envs:
            raise ValueError(
                f"a trajectory of {num_envs} environments given; {state.num_envs} are needed, because the statistics "
                "of rewards have a discounted return for each"
            )
        rewards = RewardStatistics(discounted_return=jnp.zeros(num_envs), statistics=rewards.statistics)
    return LearnerState(state.params, state.optimizer_state, observations, rewards)
