"""A lifetime: one environment, a freshly initialised agent, its hyper-parameters, and a number of agent updates."""

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt32

from lpg.agents.initial_value import with_initial_value
from lpg.agents.normalisation import Statistics, init_reward_statistics, init_statistics, normalise_trajectory
from lpg.agents.outputs import Agent
from lpg.agents.registry import TABULAR, agent_optimizer, init_agent
from lpg.agents.rollout import RolloutInfo, RolloutState, init_rollout, rollout
from lpg.environments.base import Environment, EnvParams, IndexEnvironment
from lpg.meta_training.config import MetaConfig
from lpg.meta_training.critic import Critic, init_critic, init_network_critic
from lpg.types import Hyperparameters, Trajectory
from lpg.update_rules.base import Rule


class LifetimeState(eqx.Module):
    """State of one lifetime between two windows."""

    env_params: EnvParams
    agent: Agent
    optimizer_state: optax.OptState
    hyper: Hyperparameters
    policy_entropy_weight: Float[Array, ""]
    """β0, of the meta-loss; not that of `hyper`, which is a rule's own entropy bonus."""
    rollout: RolloutState
    trajectory: Trajectory
    """The newest rollout, by the current agent: the data of the next update; scaled by `statistics`."""
    statistics: Statistics
    """What scales observations and rewards, if the configuration says so."""
    critic: Critic
    return_sum: Float[Array, ""]
    """Sum of the returns of about the last B episodes, see `update_running_return`."""
    return_count: Float[Array, ""]
    """Number of these episodes (older ones decay)."""


class LifetimeSpec(eqx.Module):
    """The environment and the agent hyper-parameters (by the bandit) that are chosen for a new lifetime."""

    environment: Int[Array, " *N"]
    """Index into the environments of its group, see `lpg.meta_training.groups`."""
    learning_rate: Float[Array, " *N"]
    y_weight: Float[Array, " *N"]
    level: UInt32[Array, " *N 2"] | None = None
    """Data of the key from which the environment's parameters are drawn; None: a new key."""


def init_lifetime(
    key: PRNGKeyArray,
    spec: LifetimeSpec,
    config: MetaConfig,
    env: Environment,
    samplers: tuple,
    rule: Rule,
    agent_name: str = TABULAR,
) -> LifetimeState:
    """A new lifetime with its first rollout.

    Args:
        key: of this lifetime.
        spec: environment and agent hyper-parameters.
        config: the meta-training.
        env: the group's environment (static).
        samplers: for each environment of the group, a function key → `EnvParams`.
        rule: fixes the size of the agent's prediction.
        agent_name: name of the agent, see `lpg.agents.registry`.
    """
    key_params, key_agent, key_gamma, key_entropy, key_reset, key_rollout, key_critic = jax.random.split(key, 7)
    if spec.level is not None:
        key_params = jax.random.wrap_key_data(spec.level)
    env_params = jax.lax.switch(spec.environment, samplers, key_params)
    agent = init_agent(key_agent, agent_name, env, prediction_size=rule.prediction_size)
    if config.initial_values != (0.0,):
        value = jax.random.choice(jax.random.fold_in(key_agent, 1), jnp.array(config.initial_values))
        agent = with_initial_value(agent, value, rule.prediction_size)
    gamma = jax.random.choice(key_gamma, jnp.array(config.gammas))
    has_scale = config.normalise_observations and not isinstance(env, IndexEnvironment)  # state indices have none
    statistics = Statistics(
        observations=init_statistics(env.observation_shape) if has_scale else None,
        rewards=init_reward_statistics(config.num_envs) if config.normalise_rewards else None,
    )
    state = init_rollout(key_reset, env, env_params, config.num_envs)
    state, trajectory, info = fresh_rollout(key_rollout, state, statistics.acting(agent), env, env_params, config)
    statistics, trajectory = normalise_trajectory(statistics, trajectory, gamma)
    if isinstance(env, IndexEnvironment):
        critic = init_critic(env.num_states)
    else:
        critic = init_network_critic(key_critic, agent_name, env.observation_shape)
    return LifetimeState(
        env_params=env_params,
        agent=agent,
        optimizer_state=agent_optimizer(agent_name, config.table_step).init(agent),
        hyper=Hyperparameters(
            learning_rate=spec.learning_rate,
            y_weight=spec.y_weight,
            gamma=gamma,
            policy_entropy_weight=jnp.zeros(()),
            lambda_=jnp.asarray(config.outer_lambda),
        ),
        policy_entropy_weight=jax.random.choice(key_entropy, jnp.array(config.policy_entropy_weights)),
        rollout=state,
        trajectory=trajectory,
        statistics=statistics,
        critic=critic,
        return_sum=info.return_sum,
        return_count=info.num_episodes.astype(info.return_sum.dtype),
    )


def fresh_rollout(
    key: PRNGKeyArray,
    state: RolloutState,
    agent: Agent,
    env: Environment,
    env_params: EnvParams,
    config: MetaConfig,
) -> tuple[RolloutState, Trajectory, RolloutInfo]:
    """A rollout of the configured number of steps, not scaled."""
    return rollout(
        key,
        state,
        agent,
        env,
        env_params,
        num_steps=config.num_steps,
        time_limit_is_termination=config.time_limit_is_termination,
    )


def update_running_return(
    total: Float[Array, ""], count: Float[Array, ""], info: RolloutInfo, num_envs: int
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Running sum and number of episode returns; n new episodes scale the older ones by 1 − n/B.

    Args:
        total: sum of returns.
        count: number of episodes.
        info: what ended in the newest rollout.
        num_envs: B.
    """
    decay = jnp.maximum(1 - info.num_episodes / num_envs, 0.0)
    return decay * total + info.return_sum, decay * count + info.num_episodes
