"""d objective / dη through K updates of one lifetime."""

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from lpg.agents.outputs import outputs
from lpg.agents.registry import TABULAR, agent_optimizer
from lpg.environments.base import Environment
from lpg.meta_training.config import MetaConfig
from lpg.meta_training.critic import CriticInfo, assess
from lpg.meta_training.lifetime import LifetimeState, fresh_rollout, remember_returns
from lpg.meta_training.objective import ObjectiveTerms, meta_loss, terms
from lpg.types import AgentOutput, Targets, Trajectory
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
    shape: Environment,
    agent_name: str = TABULAR,
) -> tuple[Float[Array, ""], tuple[LifetimeState, WindowInfo]]:
    """K times: update the agent on its newest rollout, then roll out the updated agent.

    The rollout that measures θ_k is the next update's data, so that every rollout is used twice and made once. The
    derivative of the loss in `rule` is the meta-gradient: it flows through all K updates and, through θ_k, through
    later inputs of the rule. Actions, observations, advantages and the critic are constants.

    Returns:
        The meta-loss; the lifetime after the window, and a report.
    """
    mask = shape.action_mask(lifetime.instance)
    optimizer = agent_optimizer(agent_name)

    def update(rule: Rule, agent, optimizer_state, trajectory):  # noqa: ANN001, ANN202
        return agent_update(rule, agent, optimizer, optimizer_state, trajectory, mask, lifetime.hyper)

    if config.remat:
        update = jax.checkpoint(update)

    def measure(output: AgentOutput, action: Array, advantage: Array, targets: Targets) -> ObjectiveTerms:
        return terms(output, action, advantage, targets, rule.discovers_predictions)

    def step(carry: tuple, key: PRNGKeyArray) -> tuple:
        agent, optimizer_state, state, trajectory, critic, total, count, before = carry
        agent, optimizer_state, info = update(rule, agent, optimizer_state, trajectory)
        # An update begins where the one before it is measured, so its forward pass serves both.
        measured = measure(info.output, trajectory.action, *before)
        state, trajectory, finished = fresh_rollout(key, state, agent, shape, lifetime.instance, config)
        critic, advantage, critic_info = assess(
            critic,
            trajectory,
            lifetime.hyper.gamma,
            lambda_=config.outer_lambda,
            rate=config.critic_rate,
            learning_rate=config.critic_learning_rate,
            scale_advantages=config.scale_advantages,
        )
        total, count = remember_returns(total, count, finished, config.num_streams)
        following = (agent, optimizer_state, state, trajectory, critic, total, count, (advantage, info.targets))
        return following, (measured, critic_info, finished)

    first = (
        lifetime.agent,
        lifetime.optimizer_state,
        lifetime.rollout,
        lifetime.trajectory,
        lifetime.critic,
        lifetime.return_sum,
        lifetime.return_count,
        nothing_before(lifetime.trajectory, rule),
    )
    last, (measured, critic_info, finished) = jax.lax.scan(step, first, jax.random.split(key, config.num_updates))
    agent, optimizer_state, state, trajectory, critic, total, count, before = last
    newest = measure(outputs(agent, trajectory.observation, mask), trajectory.action, *before)
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
    following = LifetimeState(
        instance=lifetime.instance,
        agent=agent,
        optimizer_state=optimizer_state,
        hyper=lifetime.hyper,
        policy_entropy_weight=lifetime.policy_entropy_weight,
        rollout=state,
        trajectory=trajectory,
        critic=critic,
        return_sum=total,
        return_count=count,
    )
    report = WindowInfo(
        loss=loss,
        terms=jax.tree.map(jnp.mean, per_update),
        critic=jax.tree.map(jnp.mean, critic_info),
        return_sum=jnp.sum(finished.return_sum),
        num_episodes=jnp.sum(finished.num_episodes),
        is_deterministic=per_update.policy_entropy[-1] < DETERMINISTIC * jnp.log(jnp.sum(mask)),
        is_finite=all_finite((agent, loss)),
    )
    return loss, (following, report)


def nothing_before(trajectory: Trajectory, rule: Rule) -> tuple[Float[Array, " T B"], Targets]:
    """Advantages and targets, all zero, in the place of those of the update before a window's first."""
    zero = jnp.zeros_like(trajectory.reward)
    return zero, Targets(pi_hat=zero, y_hat=jnp.zeros((*zero.shape, rule.prediction_size), zero.dtype))


def meta_gradient(
    rule: Rule,
    lifetime: LifetimeState,
    key: PRNGKeyArray,
    config: MetaConfig,
    shape: Environment,
    agent_name: str = TABULAR,
) -> tuple[Rule, LifetimeState, WindowInfo]:
    """Gradient of one lifetime's meta-loss in η; zero, and reported, where anything is not finite.

    Returns:
        The gradient (shaped like the rule), the lifetime after the window, and a report.
    """
    gradient, (lifetime, info) = jax.grad(run_window, has_aux=True)(rule, lifetime, key, config, shape, agent_name)
    is_finite = info.is_finite & all_finite(gradient)
    gradient = jax.tree.map(lambda g: jnp.where(is_finite, g, 0.0), gradient)
    if config.max_lifetime_gradient_norm is not None:
        scale = config.max_lifetime_gradient_norm / jnp.maximum(optax.tree.norm(gradient), 1e-12)
        gradient = jax.tree.map(lambda g: g * jnp.minimum(scale, 1.0), gradient)
    return gradient, lifetime, eqx.tree_at(lambda i: i.is_finite, info, is_finite)


def all_finite(tree: object) -> Bool[Array, ""]:
    """Whether every number in the tree is finite."""
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(tree)]))
