"""The meta-gradient: derivative of the meta-loss w.r.t. η through the K agent updates of one window of a lifetime."""

import dataclasses
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from lpg.agents.normalisation import normalise_trajectory
from lpg.agents.outputs import mask_of, outputs
from lpg.agents.registry import TABULAR, agent_optimizer
from lpg.agents.rollout import RolloutInfo
from lpg.environments.base import Environment
from lpg.meta_training.config import MetaConfig
from lpg.meta_training.critic import CriticInfo, update_critic
from lpg.meta_training.lifetime import LifetimeState, fresh_rollout, update_running_return
from lpg.meta_training.objective import ObjectiveTerms, meta_loss, terms
from lpg.meta_training.own_term import find_term
from lpg.types import Targets, Trajectory, after_updates
from lpg.update_rules.base import Rule
from lpg.update_rules.update import agent_update

DETERMINISTIC_ENTROPY = 0.01
"""A policy counts as deterministic if its mean entropy is below this share of a uniform policy's.

Differs from the paper, which resets lifetimes at zero entropy and gives no threshold.
"""


class WindowInfo(eqx.Module):
    """Diagnostics of one window of one lifetime."""

    loss: Float[Array, ""]
    terms: ObjectiveTerms
    """Means over the K updates."""
    critic: CriticInfo
    """Means over the K updates."""
    return_sum: Float[Array, ""]
    """Sum of the returns of the episodes that ended in the window."""
    num_episodes: Int[Array, ""]
    is_deterministic: Bool[Array, ""]
    """The policy is deterministic, see `DETERMINISTIC_ENTROPY`: the agent explores no more."""
    is_finite: Bool[Array, ""]
    """All numbers in agent, loss and meta-gradient are finite."""


def run_window(
    rule: Rule,
    lifetime: LifetimeState,
    key: PRNGKeyArray,
    config: MetaConfig,
    env: Environment,
    agent_name: str = TABULAR,
) -> tuple[Float[Array, ""], tuple[LifetimeState, WindowInfo]]:
    """The meta-loss of one window: K times, update the agent on its newest rollout and roll out the updated agent.

    Every rollout is used twice: it evaluates θ_k (meta-loss) and it is the data of update k + 1. The derivative of the
    loss w.r.t. `rule` is the meta-gradient; it flows through all K updates and, through θ_k, through the later inputs
    of the rule. Actions, observations, advantages and the critic are constants.

    Args:
        rule: η.
        lifetime: before the window.
        key: of this window and lifetime.
        config: the meta-training.
        env: the environment (static).
        agent_name: name of the agent, see `lpg.agents.registry`.

    Returns:
        The meta-loss, and the lifetime after the window with diagnostics.

    Reference: Oh et al. (2020), Algorithm 1.
    """
    mask = env.action_mask(lifetime.env_params)

    def step(carry: tuple, row: tuple) -> tuple:
        (fields, previous), (key, count) = carry, row
        now = dataclasses.replace(lifetime, hyper=after_updates(lifetime.hyper, count), **fields)
        new_lifetime, previous, info = _update(rule, now, previous, key, mask, config, env, agent_name)
        return (_changing_fields(new_lifetime), previous), info

    carry = (_changing_fields(lifetime), _zero_previous(lifetime.trajectory, rule))
    (fields, previous), (previous_terms, critic_info, rollout_info) = jax.lax.scan(
        step, carry, (jax.random.split(key, config.num_updates), jnp.arange(config.num_updates))
    )
    new_lifetime = dataclasses.replace(lifetime, **fields)
    newest = new_lifetime.trajectory
    output = outputs(new_lifetime.agent, newest.observation, mask_of(mask, newest))
    last_terms = terms(output, newest.action, *previous, rule.discovers_predictions, find_term(config.meta_term))
    # Row 0 of `previous_terms` belongs to the window before this one and is dropped.
    per_update = jax.tree.map(lambda rows, last: jnp.append(rows[1:], last), previous_terms, last_terms)
    steps = jnp.arange(config.num_updates)
    is_in_objective = jnp.where(config.objective == "every", True, steps == config.num_updates - 1)
    loss = meta_loss(
        per_update,
        is_in_objective / jnp.sum(is_in_objective),
        lifetime.policy_entropy_weight,
        config.prediction_entropy_weight,
        config.pi_hat_weight,
        config.y_hat_weight,
    )
    info = WindowInfo(
        loss=loss,
        terms=jax.tree.map(jnp.mean, per_update),
        critic=jax.tree.map(jnp.mean, critic_info),
        return_sum=jnp.sum(rollout_info.return_sum),
        num_episodes=jnp.sum(rollout_info.num_episodes),
        is_deterministic=per_update.policy_entropy[-1] < DETERMINISTIC_ENTROPY * jnp.log(jnp.sum(mask)),
        is_finite=all_finite((new_lifetime.agent, loss)),
    )
    return loss, (new_lifetime, info)


def _changing_fields(lifetime: LifetimeState) -> dict[str, Any]:
    """Fields that an update changes; the scan would store the others K times for its gradient."""
    names = (
        "agent", "optimizer_state", "rollout", "trajectory", "statistics", "critic", "return_sum", "return_count",
    )  # fmt: skip
    return {name: getattr(lifetime, name) for name in names}


def _update(
    rule: Rule,
    lifetime: LifetimeState,
    previous: tuple[Float[Array, " T B"], Targets],
    key: PRNGKeyArray,
    mask: Bool[Array, " A"],
    config: MetaConfig,
    env: Environment,
    agent_name: str,
) -> tuple[LifetimeState, tuple[Float[Array, " T B"], Targets], tuple[ObjectiveTerms, CriticInfo, RolloutInfo]]:
    """One agent update, and a rollout of the updated agent.

    The update starts with a forward pass of θ on the newest rollout. The meta-loss of the previous update needs the
    same pass, so its terms are computed here, one update late.

    Args:
        previous: of the previous update: the advantages of the rollout after it, and its targets.

    Returns:
        The lifetime after the update; `previous` for the next call; and the meta-loss terms of the previous update, the
        critic's accuracy and the rollout's returns.
    """
    optimizer = agent_optimizer(agent_name, config.table_step)

    def update(rule: Rule, agent, optimizer_state, trajectory, previous):  # noqa: ANN001, ANN202
        agent, optimizer_state, info = agent_update(
            rule, agent, optimizer, optimizer_state, trajectory, mask_of(mask, trajectory), lifetime.hyper
        )
        advantage, targets = previous
        previous_terms = terms(
            info.output, trajectory.action, advantage, targets, rule.discovers_predictions, find_term(config.meta_term)
        )
        return agent, optimizer_state, info.targets, previous_terms

    # The terms are recomputed, too: stacks of K arrays are slower to write and read than exponentials to compute.
    if config.remat:
        update = jax.checkpoint(update)
    agent, optimizer_state, targets, previous_terms = update(
        rule, lifetime.agent, lifetime.optimizer_state, lifetime.trajectory, previous
    )
    acting = lifetime.statistics.acting(agent)
    state, trajectory, rollout_info = fresh_rollout(key, lifetime.rollout, acting, env, lifetime.env_params, config)
    statistics, trajectory = normalise_trajectory(lifetime.statistics, trajectory, lifetime.hyper.gamma)
    critic, advantage, critic_info = update_critic(
        lifetime.critic,
        trajectory,
        lifetime.hyper.gamma,
        lambda_=config.outer_lambda,
        rate=config.critic_rate,
        learning_rate=config.critic_learning_rate,
        scale_advantages=config.scale_advantages,
    )
    total, count = update_running_return(lifetime.return_sum, lifetime.return_count, rollout_info, config.num_envs)
    new_lifetime = dataclasses.replace(
        lifetime,
        agent=agent,
        optimizer_state=optimizer_state,
        rollout=state,
        trajectory=trajectory,
        statistics=statistics,
        critic=critic,
        return_sum=total,
        return_count=count,
    )
    return new_lifetime, (advantage, targets), (previous_terms, critic_info, rollout_info)


def _zero_previous(trajectory: Trajectory, rule: Rule) -> tuple[Float[Array, " T B"], Targets]:
    """Zero advantages and targets in place of those of the update before the window; their terms are dropped."""
    zero = jnp.zeros_like(trajectory.reward)
    return zero, Targets(pi_hat=zero, y_hat=jnp.zeros((*zero.shape, rule.prediction_size), zero.dtype))


Window = Callable[..., tuple[Float[Array, ""], tuple[LifetimeState, WindowInfo]]]
"""Arguments and results of `run_window`."""


def meta_gradient(
    rule: Rule,
    lifetime: LifetimeState,
    key: PRNGKeyArray,
    config: MetaConfig,
    env: Environment,
    agent_name: str = TABULAR,
    window: Window = run_window,
) -> tuple[Rule, LifetimeState, WindowInfo]:
    """Gradient of one lifetime's meta-loss w.r.t. η; zero, with `is_finite` false, if any number is not finite.

    Takes the arguments of `run_window`, and `window`, what is differentiated: `run_window` or a function like it.

    Returns:
        The gradient (a pytree like the rule, clipped if the configuration says so), the lifetime after the window, and
        diagnostics.
    """
    gradient, (lifetime, info) = jax.grad(window, has_aux=True)(rule, lifetime, key, config, env, agent_name)
    is_finite = info.is_finite & all_finite(gradient)
    gradient = jax.tree.map(lambda g: jnp.where(is_finite, g, 0.0), gradient)
    if config.max_lifetime_gradient_norm is not None:
        scale = config.max_lifetime_gradient_norm / jnp.maximum(optax.tree.norm(gradient), 1e-12)
        gradient = jax.tree.map(lambda g: g * jnp.minimum(scale, 1.0), gradient)
    return gradient, lifetime, eqx.tree_at(lambda i: i.is_finite, info, is_finite)


def all_finite(tree: object) -> Bool[Array, ""]:
    """Whether every number in the tree is finite."""
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(tree)]))
