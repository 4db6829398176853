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
    Statistics,
    init_reward_statistics,
    init_statistics,
    normalise_trajectory,
)
from lpg.agents.outputs import Agent, mask_of, outputs
from lpg.checks import Count, checked_fields
from lpg.types import Hyperparameters, Trajectory
from lpg.update_rules.base import Rule
from lpg.update_rules.clipped import Clipped
from lpg.update_rules.losses import log_prob
from lpg.update_rules.real_steps import OnRealSteps
from lpg.update_rules.standardised import Standardised
from lpg.update_rules.update import UpdateInfo, agent_update


@dataclasses.dataclass(frozen=True, kw_only=True)
class LearnOptions:
    """How an agent learns from a rollout; static in a compiled program."""

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
    clip_policy: bool = False
    """Hold the policy near the one that acted, see `lpg.update_rules.clipped`."""

    def __post_init__(self) -> None:
        checked_fields(type(self), vars(self))

    @property
    def steps_per_update(self) -> int:
        """Optimiser steps on each rollout."""
        return self.num_epochs * self.num_minibatches


class StepSize(eqx.Module):
    """Gradient clipping and learning-rate schedule; traced, so a sweep is a `vmap`."""

    max_gradient_norm: Float[Array, ""] | None
    """Clip the agent's gradient to this global norm; infinity, and faster None: never."""
    final_learning_rate: Float[Array, ""]
    """A fraction of the initial learning rate, reached at the end of training by linear decay. 1: constant."""


class AgentState(eqx.Module):
    """All parts of one agent that change in training."""

    agent: Agent
    optimizer_state: optax.OptState
    observations: RunningStatistics | None
    """Statistics by which observations are normalised."""
    rewards: RewardStatistics | None
    """Statistics by which rewards are normalised."""

    @property
    def acting(self) -> Agent:
        """The agent as a function of observations that are not normalised."""
        return self.agent if self.observations is None else NormalisedAgent(self.agent, self.observations)


def init_agent_state(
    agent: Agent,
    optimizer: optax.GradientTransformation,
    options: LearnOptions,
    *,
    num_envs: int,
    observation_shape: tuple[int, ...],
) -> AgentState:
    """A fresh agent with empty statistics."""
    return AgentState(
        agent=agent,
        optimizer_state=optimizer.init(agent),
        observations=init_statistics(observation_shape) if options.normalise_observations else None,
        rewards=init_reward_statistics(num_envs) if options.normalise_rewards else None,
    )


def learn(
    rule: Rule,
    state: AgentState,
    trajectory: Trajectory,
    action_mask: Bool[Array, " A"],
    hyper: Hyperparameters,
    optimizer: optax.GradientTransformation,
    *,
    options: LearnOptions,
    key: PRNGKeyArray,
    step_size: StepSize | None = None,
    progress: Float[Array, ""] | float = 0.0,
    num_updates: Shaped[Array, ""] | int | None = None,
    is_real: Bool[Array, " T B"] | None = None,
) -> tuple[AgentState, UpdateInfo]:
    """Updates an agent on one rollout.

    Args:
        trajectory: a rollout of `state.acting`, not normalised.
        action_mask: actions that exist; where the trajectory has a mask of its own, both count.
        optimizer: with a learning rate of one; its step is multiplied by α_lr.
        key: shuffles the minibatches.
        step_size: clipping and schedule; None: those of the optimiser, if it has any.
        progress: share of the training that is done, in [0, 1].
        num_updates: rollouts of the whole training; the rule is then told this and `progress`. None: `hyper` as it is.
        is_real: false for rows that only reset an environment, see `lpg.update_rules.real_steps`; None: all are real.
            Nothing is learned from other rows, and no statistics include them.

    Returns:
        The agent after all passes, and diagnostics of the first optimiser step.
    """
    before = Statistics(observations=state.observations, rewards=state.rewards)
    after, normalised = normalise_trajectory(before, trajectory, hyper.gamma, is_real)
    if num_updates is not None:
        kind = hyper.gamma.dtype
        hyper = dataclasses.replace(
            hyper, progress=jnp.asarray(progress, kind), num_updates=jnp.asarray(num_updates, kind)
        )
    rate_scale: Float[Array, ""] | float = 1.0
    if step_size is not None:
        rate_scale = 1 + (step_size.final_learning_rate - 1) * progress
        if step_size.max_gradient_norm is not None:
            optimizer = _clipped(optimizer, step_size.max_gradient_norm)
    num_envs = trajectory.reward.shape[1]
    old_log_prob = None
    if options.steps_per_update > 1:
        # The agent as it acted: `normalised` has the statistics from before this rollout.
        acted = outputs(state.agent, normalised.observation, mask_of(action_mask, normalised))
        old_log_prob = log_prob(acted.logits, normalised.action)

    def step(carry: tuple, env_indices: Array | None) -> tuple:
        take = (lambda x: x) if env_indices is None else (lambda x: x[:, env_indices])
        real, rows = None if is_real is None else take(is_real), jax.tree.map(take, normalised)
        mask = mask_of(action_mask, rows)
        used = Clipped(rule) if options.clip_policy else rule
        used = Standardised(used, real) if options.normalise_advantages else used
        used = used if real is None else OnRealSteps(used, real)
        agent, optimizer_state = carry
        old = None if old_log_prob is None else take(old_log_prob)
        agent, optimizer_state, info = agent_update(
            used, agent, optimizer, optimizer_state, rows, mask, hyper, real, old, rate_scale
        )
        return (agent, optimizer_state), info

    carry = (state.agent, state.optimizer_state)
    if options.steps_per_update == 1:
        carry, info = step(carry, None)
    else:
        minibatches = _minibatches(key, num_envs, options)
        carry, infos = jax.lax.scan(step, carry, minibatches)
        info = jax.tree.map(lambda x: x[0], infos)
    agent, optimizer_state = carry
    state = AgentState(
        agent=agent, optimizer_state=optimizer_state, observations=after.observations, rewards=after.rewards
    )
    return state, info


def check_minibatches(options: LearnOptions, num_envs: int) -> None:
    """Checks that the environments can be split into minibatches.

    Raises:
        ValueError: they cannot.
    """
    if num_envs % options.num_minibatches:
        raise ValueError(
            f"num_minibatches is {options.num_minibatches} and num_envs {num_envs}; the second must be a multiple of "
            "the first, because a minibatch is a part of the parallel environments"
        )


def _minibatches(key: PRNGKeyArray, num_envs: int, options: LearnOptions) -> Shaped[Array, " steps minibatch"]:
    """Indices of the environments of each optimiser step, shuffled for every epoch."""
    check_minibatches(options, num_envs)
    orders = jax.vmap(lambda k: jax.random.permutation(k, num_envs))(jax.random.split(key, options.num_epochs))
    return orders.reshape(options.steps_per_update, -1)


def _clipped(
    optimizer: optax.GradientTransformation, max_norm: Float[Array, ""] | float
) -> optax.GradientTransformationExtraArgs:
    """The optimiser with gradient clipping."""
    inner = optax.with_extra_args_support(optimizer)

    def update(gradient: Agent, state: optax.OptState, params: Agent | None = None, **extra: object) -> tuple:
        norm = jnp.maximum(optax.tree.norm(gradient), 1e-12)
        clip = jnp.minimum(max_norm / norm, 1.0)
        return inner.update(jax.tree.map(lambda g: g * clip, gradient), state, params, **extra)

    return optax.GradientTransformationExtraArgs(inner.init, update)
