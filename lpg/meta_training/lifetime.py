"""A lifetime: one environment instance, one agent that begins afresh, one draw of hyper-parameters, N updates."""

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from lpg.agents.outputs import Agent
from lpg.agents.registry import TABULAR, agent_optimizer, init_agent
from lpg.agents.rollout import RolloutInfo, RolloutState, init_rollout, rollout
from lpg.environments.base import Environment, EnvParams, IndexEnvironment
from lpg.meta_training.config import MetaConfig
from lpg.meta_training.critic import Critic, init_critic, init_network_critic
from lpg.types import Hyperparameters, Trajectory
from lpg.update_rules.base import Rule


class LifetimeState(eqx.Module):
    """Where one lifetime stands between two windows."""

    env_params: EnvParams
    agent: Agent
    optimizer_state: optax.OptState
    hyper: Hyperparameters
    policy_entropy_weight: Float[Array, ""]
    """β0."""
    rollout: RolloutState
    trajectory: Trajectory
    """The newest rollout, made by the agent as it stands: the next update's data."""
    critic: Critic
    return_sum: Float[Array, ""]
    """Returns of about the last B episodes, and how many they are (older ones fade)."""
    return_count: Float[Array, ""]


class LifetimeSpec(eqx.Module):
    """What is decided before a lifetime begins."""

    environment: Int[Array, " *N"]
    """Index into the group's environments."""
    learning_rate: Float[Array, " *N"]
    y_weight: Float[Array, " *N"]


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
        samplers: for each environment of the group, key → instance.
        agent_name: which agent acts, see `lpg.agents.registry`.
    """
    key_instance, key_agent, key_gamma, key_entropy, key_reset, key_rollout, key_critic = jax.random.split(key, 7)
    env_params = jax.lax.switch(spec.environment, samplers, key_instance)
    agent = init_agent(key_agent, agent_name, env, prediction_size=rule.prediction_size)
    if isinstance(env, IndexEnvironment):
        critic = init_critic(env.num_states)
    else:
        critic = init_network_critic(key_critic, agent_name, env.observation_shape)
    state = init_rollout(key_reset, env, env_params, config.num_envs)
    state, trajectory, info = fresh_rollout(key_rollout, state, agent, env, env_params, config)
    return LifetimeState(
        env_params=env_params,
        agent=agent,
        optimizer_state=agent_optimizer(agent_name, config.table_step).init(agent),
        hyper=Hyperparameters(
            learning_rate=spec.learning_rate,
            y_weight=spec.y_weight,
            gamma=jax.random.choice(key_gamma, jnp.array(config.gammas)),
            policy_entropy_weight=jnp.zeros(()),
            lambda_=jnp.asarray(config.outer_lambda),
        ),
        policy_entropy_weight=jax.random.choice(key_entropy, jnp.array(config.policy_entropy_weights)),
        rollout=state,
        trajectory=trajectory,
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
    """A rollout with the configuration's sizes."""
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
    """Adds finished episodes to a sum over about the last B of them: n new ones push out the share n/B of the old."""
    kept = jnp.maximum(1 - info.num_episodes / num_envs, 0.0)
    return kept * total + info.return_sum, kept * count + info.num_episodes
