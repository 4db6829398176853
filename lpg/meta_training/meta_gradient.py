"""d objective / dη through K updates of one lifetime."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from lpg.agents.outputs import outputs
from lpg.agents.registry import TABULAR, agent_optimizer
from lpg.agents.rollout import RolloutInfo
from lpg.environments.base import Environment
from lpg.meta_training.config import MetaConfig
from lpg.meta_training.critic import CriticInfo, update_critic
from lpg.meta_training.lifetime import LifetimeState, fresh_rollout, update_running_return
from lpg.meta_training.objective import ObjectiveTerms, meta_loss, terms
from lpg.types import Targets, Trajectory
from lpg.update_rules.base import Rule
from lpg.update_rules.update import agent_update

DETERMINISTIC = 0.01
"""Share of the largest possible entropy below which a policy counts as deterministic.

Differs from the paper: it resets lifetimes at zero entropy without saying what counts as zero.
"""


class WindowInfo(eqx.Module):
    """What one window of one lifetime looked like."""

    loss: Float[Array, ""]
    terms: ObjectiveTerms
    """Means over the window's updates."""
    critic: CriticInfo
    return_sum: Float[Array, ""]
    num_episodes: Int[Array, ""]
    is_deterministic: Bool[Array, ""]
    """The policy's entropy has fallen below a hundredth of its maximum: the agent has stopped exploring for good."""
    is_finite: Bool[Array, ""]
    """Agent, loss and meta-gradient are all finite."""


def run_window(
    rule: Rule,
    lifetime: LifetimeState,
    key: PRNGKeyArray,
    config: MetaConfig,
    env: Environment,
    agent_name: str = TABULAR,
) -> tuple[Float[Array, ""], tuple[LifetimeState, WindowInfo]]:
    """K times: update the agent on its newest rollout, then roll out the updated agent.

    The rollout that measures θ_k is the next update's data, so that every rollout is used twice and made once. The
    derivative of the loss in `rule` is the meta-gradient: it flows through all K updates and, through θ_k, through
    later inputs of the rule. Actions, observations, advantages and the critic are constants.

    Returns:
        The meta-loss; the lifetime after the window, and a report.
    """
    mask = env.action_mask(lifetime.env_params)

    def step(carry: tuple, key: PRNGKeyArray) -> tuple:
        now = dataclasses.replace(lifetime, **carry[0])
        now, before, seen = _update(rule, now, carry[1], key, mask, config, env, agent_name)
        return (_moving(now), before), seen

    first = (_moving(lifetime), nothing_before(lifetime.trajectory, rule))
    last, (measured, critic_info, finished) = jax.lax.scan(step, first, jax.random.split(key, config.num_updates))
    following = dataclasses.replace(lifetime, **last[0])
    output = outputs(following.agent, following.trajectory.observation, mask)
    newest = terms(output, following.trajectory.action, *last[1], rule.discovers_predictions)
    # The first measurement belongs to the window before this one.
    per_update = jax.tree.map(lambda rows, row: jnp.append(rows[1:], row), measured, newest)
    steps = jnp.arange(config.num_updates)
    is_measured = jnp.where(config.objective == "every", True, steps == config.num_updates - 1)
    loss = meta_loss(
        per_update,
        is_measured / jnp.sum(is_measured),
        lifetime.policy_entropy_weight,
        config.prediction_entropy_weight,
        config.pi_hat_weight,
        config.y_hat_weight,
    )
    report = WindowInfo(
        loss=loss,
        terms=jax.tree.map(jnp.mean, per_update),
        critic=jax.tree.map(jnp.mean, critic_info),
        return_sum=jnp.sum(finished.return_sum),
        num_episodes=jnp.sum(finished.num_episodes),
        is_deterministic=per_update.policy_entropy[-1] < DETERMINISTIC * jnp.log(jnp.sum(mask)),
        is_finite=all_finite((following.agent, loss)),
    )
    return loss, (following, report)


def _moving(lifetime: LifetimeState) -> dict[str, Any]:
    """What a window changes; carrying the rest through the loop would keep it for the backward pass, K times."""
    names = ("agent", "optimizer_state", "rollout", "trajectory", "critic", "return_sum", "return_count")
    return {name: getattr(lifetime, name) for name in names}


def _update(
    rule: Rule,
    lifetime: LifetimeState,
    before: tuple[Float[Array, " T B"], Targets],
    key: PRNGKeyArray,
    mask: Bool[Array, " A"],
    config: MetaConfig,
    env: Environment,
    agent_name: str,
) -> tuple[LifetimeState, tuple[Float[Array, " T B"], Targets], tuple[ObjectiveTerms, CriticInfo, RolloutInfo]]:
    """One agent update and the rollout after it.

    Args:
        before: advantages of the newest rollout, and the targets of the update that was made before it.

    Returns:
        The lifetime after it; its own advantages and targets; and what it measured of the update before.
    """
    optimizer = agent_optimizer(agent_name, config.table_step)

    def update(rule: Rule, agent, optimizer_state, trajectory):  # noqa: ANN001, ANN202
        return agent_update(rule, agent, optimizer, optimizer_state, trajectory, mask, lifetime.hyper)

    if config.remat:
        update = jax.checkpoint(update)
    agent, optimizer_state, info = update(rule, lifetime.agent, lifetime.optimizer_state, lifetime.trajectory)
    # An update begins where the one before it is measured, so its forward pass serves both.
    measured = terms(info.output, lifetime.trajectory.action, *before, rule.discovers_predictions)
    state, trajectory, finished = fresh_rollout(key, lifetime.rollout, agent, env, lifetime.env_params, config)
    critic, advantage, critic_info = update_critic(
        lifetime.critic,
        trajectory,
        lifetime.hyper.gamma,
        lambda_=config.outer_lambda,
        rate=config.critic_rate,
        learning_rate=config.critic_learning_rate,
        scale_advantages=config.scale_advantages,
    )
    total, count = update_running_return(lifetime.return_sum, lifetime.return_count, finished, config.num_envs)
    following = dataclasses.replace(
        lifetime,
        agent=agent,
        optimizer_state=optimizer_state,
        rollout=state,
        trajectory=trajectory,
        critic=critic,
        return_sum=total,
        return_count=count,
    )
    return following, (advantage, info.targets), (measured, critic_info, finished)


def nothing_before(trajectory: Trajectory, rule: Rule) -> tuple[Float[Array, " T B"], Targets]:
    """Advantages and targets, all zero, in the place of those of the update before a window's first."""
    zero = jnp.zeros_like(trajectory.reward)
    return zero, Targets(pi_hat=zero, y_hat=jnp.zeros((*zero.shape, rule.prediction_size), zero.dtype))


def meta_gradient(
    rule: Rule,
    lifetime: LifetimeState,
    key: PRNGKeyArray,
    config: MetaConfig,
    env: Environment,
    agent_name: str = TABULAR,
) -> tuple[Rule, LifetimeState, WindowInfo]:
    """Gradient of one lifetime's meta-loss in η; zero, and reported, where anything is not finite.

    Returns:
        The gradient (shaped like the rule), the lifetime after the window, and a report.
    """
    gradient, (lifetime, info) = jax.grad(run_window, has_aux=True)(rule, lifetime, key, config, env, agent_name)
    is_finite = info.is_finite & all_finite(gradient)
    gradient = jax.tree.map(lambda g: jnp.where(is_finite, g, 0.0), gradient)
    if config.max_lifetime_gradient_norm is not None:
        scale = config.max_lifetime_gradient_norm / jnp.maximum(optax.tree.norm(gradient), 1e-12)
        gradient = jax.tree.map(lambda g: g * jnp.minimum(scale, 1.0), gradient)
    return gradient, lifetime, eqx.tree_at(lambda i: i.is_finite, info, is_finite)


def all_finite(tree: object) -> Bool[Array, ""]:
    """Whether every number in the tree is finite."""
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(tree)]))
