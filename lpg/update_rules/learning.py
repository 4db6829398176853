"""Learning from one rollout: optional normalisation, then one or several agent updates.

By default this is one `agent_update`, as in the paper and in meta-training. The other options are those of A2C and PPO.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, PRNGKeyArray, Shaped

from lpg.agents.normalisation import (
    NormalisedAgent,
    RewardStatistics,
    RunningStatistics,
    init_reward_statistics,
    init_statistics,
    normalise,
    normalise_rewards,
    update_statistics,
)
from lpg.agents.outputs import Agent
from lpg.checks import Count, checked_fields
from lpg.types import Hyperparameters, Trajectory
from lpg.update_rules.base import Rule
from lpg.update_rules.real_steps import OnRealSteps
from lpg.update_rules.standardised import Standardised
from lpg.update_rules.update import UpdateInfo, agent_update


@dataclasses.dataclass(frozen=True, kw_only=True)
class Passes:
    """How a rollout is used; static in a compiled program."""

    num_epochs: Count = 1
    """Passes over each rollout. The rule computes new targets, from the current agent, at every optimiser step."""
    num_minibatches: Count = 1
    """Number of parts into which a pass splits the parallel environments, with one optimiser step for each."""
    normalise_observations: bool = False
    """Show the agent observations with mean 0 and standard deviation 1, by running statistics."""
    normalise_rewards: bool = False
    """Divide rewards by the running standard deviation of the discounted return."""
    normalise_advantages: bool = False
    """Centre and scale π̂ over each batch, see `lpg.update_rules.standardised`."""

    def __post_init__(self) -> None:
        checked_fields(type(self), vars(self))

    @property
    def steps_per_update(self) -> int:
        """Optimiser steps on each rollout."""
        return self.num_epochs * self.num_minibatches


class StepSize(eqx.Module):
    """Gradient clipping and learning-rate schedule; traced, so a sweep is a `vmap`."""

    max_gradient_norm: Float[Array, ""]
    """Clip the agent's gradient to this global norm; infinity: never."""
    final_learning_rate: Float[Array, ""]
    """Fraction of the learning rate at the end of training, after a linear decay. 1: constant."""


class AgentState(eqx.Module):
    """All parts of one agent that change in training."""

    agent: Agent
    optimizer_state: optax.OptState
    observations: RunningStatistics | None
    rewards: RewardStatistics | None

    @property
    def acting(self) -> Agent:
        """The agent as a function of observations that are not normalised."""
        return self.agent if self.observations is None else NormalisedAgent(self.agent, self.observations)


def init_agent_state(
    agent: Agent,
    optimizer: optax.GradientTransformation,
    passes: Passes,
    *,
    num_envs: int,
    observation_shape: tuple[int, ...],
) -> AgentState:
    """A fresh agent with empty statistics."""
    return AgentState(
        agent=agent,
        optimizer_state=optimizer.init(agent),
        observations=init_statistics(observation_shape) if passes.normalise_observations else None,
        rewards=init_reward_statistics(num_envs) if passes.normalise_rewards else None,
    )


def learn(
    rule: Rule,
    state: AgentState,
    trajectory: Trajectory,
    action_mask: Bool[Array, " A"],
    hyper: Hyperparameters,
    optimizer: optax.GradientTransformation,
    *,
    passes: Passes,
    key: PRNGKeyArray,
    step_size: StepSize | None = None,
    progress: Float[Array, ""] | float = 0.0,
    is_real: Bool[Array, " T B"] | None = None,
) -> tuple[AgentState, UpdateInfo]:
    """Updates an agent on one rollout.

    Args:
        trajectory: a rollout of `state.acting`, not normalised.
        optimizer: gives the step for a learning rate of one.
        key: of the shuffling of minibatches.
        step_size: clipping and schedule; None: those of the optimiser, if it has any.
        progress: share of the training that is done, in [0, 1].
        is_real: which rows are steps, see `lpg.update_rules.real_steps`; None: all. Nothing is learned from the others,
            and no statistics include them.

    Returns:
        The agent after all passes, and diagnostics of the first optimiser step.
    """
    shown = trajectory
    observations, rewards = state.observations, state.rewards
    if observations is not None:
        shown = dataclasses.replace(
            shown,
            observation=normalise(observations, trajectory.observation),
            next_observation=normalise(observations, trajectory.next_observation),
        )
        shape = observations.mean.shape
        rows = None if is_real is None else is_real.ravel()
        observations = update_statistics(observations, trajectory.observation.reshape(-1, *shape), rows)
    if rewards is not None:
        rewards, scaled = normalise_rewards(rewards, trajectory.reward, trajectory.is_last, hyper.gamma, is_real)
        shown = dataclasses.replace(shown, reward=scaled)
    stepping = optimizer if step_size is None else _stepping(optimizer, step_size, progress)
    num_envs = trajectory.reward.shape[1]

    def step(carry: tuple, members: Array | None) -> tuple:
        take = (lambda x: x) if members is None else (lambda x: x[:, members])
        real = None if is_real is None else take(is_real)
        used = Standardised(rule, real) if passes.normalise_advantages else rule
        used = used if real is None else OnRealSteps(used, real)
        agent, optimizer_state = carry
        agent, optimizer_state, info = agent_update(
            used, agent, stepping, optimizer_state, jax.tree.map(take, shown), action_mask, hyper, real
        )
        return (agent, optimizer_state), info

    carry = (state.agent, state.optimizer_state)
    if passes.steps_per_update == 1:
        carry, info = step(carry, None)
    else:
        parts = _parts(key, num_envs, passes)
        carry, infos = jax.lax.scan(step, carry, parts)
        info = jax.tree.map(lambda x: x[0], infos)
    agent, optimizer_state = carry
    return AgentState(agent=agent, optimizer_state=optimizer_state, observations=observations, rewards=rewards), info


def check_passes(passes: Passes, num_envs: int) -> None:
    """Checks that the environments can be split into minibatches.

    Raises:
        ValueError: they cannot.
    """
    if num_envs % passes.num_minibatches:
        raise ValueError(
            f"num_minibatches is {passes.num_minibatches} and num_envs {num_envs}; the second must be a multiple of "
            "the first, because a minibatch is a part of the parallel environments"
        )


def _parts(key: PRNGKeyArray, num_envs: int, passes: Passes) -> Shaped[Array, " steps part"]:
    """Indices of the environments of each optimiser step, shuffled for every epoch."""
    check_passes(passes, num_envs)
    orders = jax.vmap(lambda k: jax.random.permutation(k, num_envs))(jax.random.split(key, passes.num_epochs))
    return orders.reshape(passes.steps_per_update, -1)


def _stepping(
    optimizer: optax.GradientTransformation, step_size: StepSize, progress: Float[Array, ""] | float
) -> optax.GradientTransformationExtraArgs:
    """The optimiser with gradient clipping and the learning-rate schedule."""
    inner = optax.with_extra_args_support(optimizer)
    share = 1 + (step_size.final_learning_rate - 1) * progress

    def update(gradient: Agent, state: optax.OptState, params: Agent | None = None, **extra: object) -> tuple:
        norm = jnp.maximum(optax.tree.norm(gradient), 1e-12)
        clip = jnp.minimum(step_size.max_gradient_norm / norm, 1.0)
        direction, state = inner.update(jax.tree.map(lambda g: g * clip, gradient), state, params, **extra)
        return jax.tree.map(lambda d: d * share, direction), state

    return optax.GradientTransformationExtraArgs(inner.init, update)
