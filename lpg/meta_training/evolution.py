"""Evolution strategies: an estimate of the meta-gradient from pairs of agents that learn by η + σ ε and η − σ ε.

Nothing is differentiated, so that the horizon is not K updates: what counts is the return during the lifetime. The
agents of a pair have the same environment, parameters, hyper-parameters and random numbers, and keep their ε from
their first update to the last. Windows are as long as those of the meta-gradient: with `num_updates` equal to
`lifetime_updates` η moves after whole lifetimes, with fewer updates several times in each lifetime.

Reference: Salimans et al. (2017), antithetic pairs; Jackson et al. (2024), pairs on the same task and their ranks;
Li et al. (2023, noise-reuse evolution strategies), windows that keep ε.
"""

import dataclasses
from typing import Any, TypeVar, cast

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, UInt32

from lpg.agents.normalisation import normalise_trajectory
from lpg.agents.outputs import mask_of, outputs
from lpg.agents.registry import TABULAR, agent_optimizer
from lpg.agents.rollout import RolloutInfo
from lpg.environments.base import Environment
from lpg.meta_training.config import MetaConfig
from lpg.meta_training.critic import CriticInfo
from lpg.meta_training.lifetime import (
    LifetimeSpec,
    LifetimeState,
    fresh_rollout,
    init_lifetime,
    update_running_return,
)
from lpg.meta_training.meta_gradient import WindowInfo, all_finite
from lpg.meta_training.objective import ObjectiveTerms, terms
from lpg.types import after_updates
from lpg.update_rules.base import Rule
from lpg.update_rules.ta_lpg import TALPG, time_weights
from lpg.update_rules.update import agent_update, rule_inputs

Tree = TypeVar("Tree")
SIGNS = (1.0, -1.0)


class PairState(eqx.Module):
    """State of one pair of lifetimes between two windows."""

    both: LifetimeState
    """That of η + σ ε and that of η − σ ε, [2, …]."""
    noise: UInt32[Array, "*N 2"]
    """Data of the key of ε."""

    @property
    def return_sum(self) -> Float[Array, " *N"]:
        """Sum of the returns of about the last B episodes of each agent."""
        return self.both.return_sum.sum(-1)

    @property
    def return_count(self) -> Float[Array, " *N"]:
        """Number of these episodes."""
        return self.both.return_count.sum(-1)


Lifetimes = LifetimeState | PairState
"""What a meta-training keeps of each lifetime."""


def init_pair(key: PRNGKeyArray, spec: LifetimeSpec, *rest: Any) -> PairState:
    """Two equal new lifetimes; arguments as in `lpg.meta_training.lifetime.init_lifetime`."""
    one = init_lifetime(key, spec, *rest)
    noise = jax.random.key_data(jax.random.fold_in(key, 1)).astype(jnp.uint32)
    return PairState(both=jax.tree.map(lambda x: jnp.stack([x, x]), one), noise=noise)


def pair_gradient(
    rule: Rule, pair: PairState, key: PRNGKeyArray, config: MetaConfig, env: Environment, agent_name: str = TABULAR
) -> tuple[Rule, PairState, WindowInfo]:
    """What one pair says about the meta-gradient, after K more updates of both agents.

    Arguments and results are those of `lpg.meta_training.meta_gradient.meta_gradient`; the loss is minus the fitness,
    and there is no policy-gradient term and no critic.
    """
    noise = draw_noise(jax.random.wrap_key_data(pair.noise), rule)
    if config.trained_weights == "time":
        noise = time_weights(cast(TALPG, noise))

    def run(row: tuple[Float[Array, ""], LifetimeState]) -> tuple:
        sign, lifetime = row
        moved = jax.tree.map(lambda x, e: x + (sign * config.es_std).astype(x.dtype) * e, rule, noise)
        return run_lifetime(moved, lifetime, key, config, env, agent_name)

    # One after the other: a batched product of small matrices is no faster than two products.
    both, returns, info, diagnostics = jax.lax.map(run, (jnp.asarray(SIGNS), pair.both))
    better = advantage(returns, config)
    is_finite = all_finite((both.agent, better))
    gradient = estimate(noise, jnp.where(is_finite, better, 0.0), config.es_std)
    info = WindowInfo(
        loss=-jnp.nan_to_num(jnp.nanmean(returns)),
        terms=jax.tree.map(jnp.mean, diagnostics),
        critic=CriticInfo(error=jnp.zeros(()), variance=jnp.zeros(())),
        return_sum=jnp.sum(info.return_sum),
        num_episodes=jnp.sum(info.num_episodes),
        is_deterministic=jnp.zeros((), bool),  # a policy that is sure lives on: its returns are what is measured
        is_finite=is_finite,
    )
    return gradient, PairState(both=both, noise=pair.noise), info


def draw_noise(key: PRNGKeyArray, rule: Tree) -> Tree:
    """ε: a pytree like the rule, drawn from N(0, 1)."""
    leaves = jax.tree.leaves(rule)
    keys = jax.random.split(key, len(leaves))
    drawn = [jax.random.normal(k, x.shape, x.dtype) for k, x in zip(keys, leaves, strict=True)]
    return jax.tree.unflatten(jax.tree.structure(rule), drawn)


def estimate(noise: Tree, better: Float[Array, ""], std: float) -> Tree:
    """Minus the gradient of the fitness: −ε (F(η + σ ε) − F(η − σ ε)) / 2σ, whose mean over ε is unbiased up to σ².

    Args:
        noise: ε.
        better: (F(η + σ ε) − F(η − σ ε)) / 2, or what takes its place.
        std: σ.
    """
    return jax.tree.map(lambda e: (-better / std).astype(e.dtype) * e, noise)


def advantage(returns: Float[Array, "2 K"], config: MetaConfig) -> Float[Array, ""]:
    """By how much the agent of η + σ ε is better than the other one: half the difference, or ±½ by rank.

    Args:
        returns: mean return of the latest episodes after each update; NaN before an episode has ended.
        config: whether the mean over the window counts (`es_fitness` "area"), or its last update alone ("end").
    """
    difference = returns[0] - returns[1]
    if config.es_fitness == "end":
        difference = difference[-1:]
    # Updates at which one of the two has no return yet count as equal.
    difference = jnp.mean(jnp.nan_to_num(difference))
    return jnp.sign(difference) / 2 if config.es_shaping == "rank" else difference / 2


def run_lifetime(
    rule: Rule, lifetime: LifetimeState, key: PRNGKeyArray, config: MetaConfig, env: Environment, agent_name: str
) -> tuple[LifetimeState, Float[Array, " K"], RolloutInfo, ObjectiveTerms]:
    """K agent updates, with a rollout after each.

    Returns:
        The lifetime after them; after each update the mean return of about the last B episodes, NaN if there is none;
        the episodes that ended at each update; and terms of the meta-loss after the last update, for diagnosis.
    """
    mask, optimizer = env.action_mask(lifetime.env_params), agent_optimizer(agent_name, config.table_step)
    names = ("agent", "optimizer_state", "rollout", "trajectory", "statistics", "return_sum", "return_count")

    def step(fields: dict[str, Any], row: tuple) -> tuple[dict[str, Any], tuple]:
        newest, (key, count) = fields["trajectory"], row
        agent, optimizer_state, _ = agent_update(
            rule,
            fields["agent"],
            optimizer,
            fields["optimizer_state"],
            newest,
            mask_of(mask, newest),
            after_updates(lifetime.hyper, count),
        )
        acting = fields["statistics"].acting(agent)
        state, seen, info = fresh_rollout(key, fields["rollout"], acting, env, lifetime.env_params, config)
        statistics, seen = normalise_trajectory(fields["statistics"], seen, lifetime.hyper.gamma)
        total, count = update_running_return(fields["return_sum"], fields["return_count"], info, config.num_envs)
        mean = jnp.where(count > 0, total / jnp.maximum(count, 1e-9), jnp.nan)
        new = (agent, optimizer_state, state, seen, statistics, total, count)
        return dict(zip(names, new, strict=True)), (mean, info)

    fields = {name: getattr(lifetime, name) for name in names}
    fields, (returns, info) = jax.lax.scan(
        step, fields, (jax.random.split(key, config.num_updates), jnp.arange(config.num_updates))
    )
    after = dataclasses.replace(lifetime, **fields)
    mask = mask_of(mask, after.trajectory)
    output = outputs(after.agent, after.trajectory.observation, mask)
    targets = rule.targets(rule_inputs(after.agent, after.trajectory, output, mask), lifetime.hyper)
    zero = jnp.zeros_like(after.trajectory.reward)
    return after, returns, info, terms(output, after.trajectory.action, zero, targets, rule.discovers_predictions)
