"""The meta-loss of a window as a plain function of η with all data fixed, to compare the compiled one with."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from lpg.agents.optimizers import visit_mean
from lpg.agents.outputs import outputs
from lpg.environments.delayed_chain import DelayedChain
from lpg.meta_training.config import MetaConfig
from lpg.meta_training.critic import update_critic
from lpg.meta_training.lifetime import LifetimeSpec, LifetimeState, fresh_rollout, init_lifetime
from lpg.meta_training.meta_gradient import meta_gradient
from lpg.meta_training.objective import meta_loss, terms
from lpg.types import Trajectory, after_updates
from lpg.update_rules.lpg import LPG, init_lpg
from lpg.update_rules.update import agent_update
from tests.helpers import CHAIN, with_random_predictions

SGD = optax.sgd(1.0)
ADAM = optax.adam(1.0, eps_root=1e-8)
VISITS = visit_mean()
ADAM_AS_PUBLISHED = optax.adam(1.0)


def config(**changes) -> MetaConfig:
    """Four environments of three steps, K = 2, and no regulariser."""
    small = {
        "suite": "chain", "num_envs": 4, "num_steps": 3, "num_updates": 2, "policy_entropy_weights": (0.0,),
        "prediction_entropy_weight": 0.0, "pi_hat_weight": 0.0, "y_hat_weight": 0.0, "remat": False,
    }  # fmt: skip
    return MetaConfig(**small | changes)


REGULARISED = {
    "policy_entropy_weights": (0.05,), "prediction_entropy_weight": 0.02, "pi_hat_weight": 0.03, "y_hat_weight": 0.04,
}  # fmt: skip


@functools.cache
def rule_of(is_double: bool = False) -> LPG:
    """A rule of four units with nonzero biases, which break symmetries."""
    with jax.enable_x64(is_double):
        key_rule, key_noise = jax.random.split(jax.random.key(1))
        rule = init_lpg(key_rule, lstm_size=4, prediction_size=3, embedding_size=4)
        leaves, tree = jax.tree.flatten(rule)
        keys = jax.random.split(key_noise, len(leaves))
        return tree.unflatten([x + 0.3 * jax.random.normal(k, x.shape) for x, k in zip(leaves, keys, strict=True)])


@functools.cache
def fresh_lifetime(
    settings: MetaConfig, seed: int = 2, is_double: bool = False, learning_rate: float = 5.0
) -> LifetimeState:
    """A lifetime on a noisy chain of 2 or 3 steps; of the table's 18 states at most ten can be visited."""
    with jax.enable_x64(is_double):
        spec = LifetimeSpec(
            environment=jnp.array(0), learning_rate=jnp.array(learning_rate, float), y_weight=jnp.array(0.5, float)
        )
        samplers = (DelayedChain(min_length=2, max_length=3, is_noisy=True).sample,)
        lifetime = started(jax.random.key(seed), spec, settings, CHAIN, samplers, rule_of(is_double))
        # Predictions differ between states, so that the derivative through them is not zero at the first update.
        agent = with_random_predictions(jax.random.key(10 + seed), lifetime.agent)
        return eqx.tree_at(lambda s: s.agent, lifetime, agent)


started = jax.jit(init_lifetime, static_argnums=(2, 3, 4, 6))
gradient_of = jax.jit(meta_gradient, static_argnums=(3, 4, 5))


def largest(gradient) -> dict[str, float]:
    """Largest absolute entry of every leaf, by its path."""
    paths = jax.tree_util.tree_flatten_with_path(gradient)[0]
    return {jax.tree_util.keystr(path, simple=True, separator="."): float(jnp.abs(leaf).max()) for path, leaf in paths}


class Record(eqx.Module):
    """What is held fixed when η varies: K + 1 rollouts, and the advantages of the last K."""

    first: Trajectory
    fresh: Trajectory
    advantage: jax.Array


def record(rule, lifetime, key, settings, env, optimizer) -> Record:
    """K updates in a plain loop, and their rollouts."""
    mask = env.action_mask(lifetime.env_params)
    agent, state, seen, critic = lifetime.agent, lifetime.rollout, lifetime.trajectory, lifetime.critic
    optimizer_state = optimizer.init(agent)
    rows = []
    for k, key_k in enumerate(jax.random.split(key, settings.num_updates)):
        hyper = after_updates(lifetime.hyper, jnp.asarray(k))
        agent, optimizer_state, _ = agent_update(rule, agent, optimizer, optimizer_state, seen, mask, hyper)
        state, seen, _ = fresh_rollout(key_k, state, agent, env, lifetime.env_params, settings)
        critic, advantage, _ = update_critic(
            critic, seen, lifetime.hyper.gamma,
            lambda_=settings.outer_lambda, rate=settings.critic_rate, scale_advantages=settings.scale_advantages,
        )  # fmt: skip
        rows.append((seen, advantage))
    fresh, advantage = jax.tree.map(lambda *x: jnp.stack(x), *rows)
    return Record(first=lifetime.trajectory, fresh=fresh, advantage=advantage)


def replayed_loss(rule, lifetime, fixed: Record, settings, env, optimizer):
    """The meta-loss as a function of η: π(a|s), y and log π are recomputed, all else is recorded. A plain loop."""
    mask = env.action_mask(lifetime.env_params)
    agent, optimizer_state, seen, rows = lifetime.agent, optimizer.init(lifetime.agent), fixed.first, []
    for k in range(settings.num_updates):
        hyper = after_updates(lifetime.hyper, jnp.asarray(k))
        agent, optimizer_state, info = agent_update(rule, agent, optimizer, optimizer_state, seen, mask, hyper)
        seen = jax.tree.map(lambda x, k=k: x[k], fixed.fresh)
        output = outputs(agent, seen.observation, mask)
        rows.append(terms(output, seen.action, fixed.advantage[k], info.targets, rule.discovers_predictions))
    weight = np.zeros(settings.num_updates)
    weight[-1 if settings.objective == "last" else slice(None)] = 1
    return meta_loss(
        jax.tree.map(lambda *x: jnp.stack(x), *rows), jnp.asarray(weight / weight.sum()),
        lifetime.policy_entropy_weight, settings.prediction_entropy_weight, settings.pi_hat_weight,
        settings.y_hat_weight,
    )  # fmt: skip


record = jax.jit(record, static_argnums=(3, 4, 5))
replayed = jax.jit(jax.value_and_grad(replayed_loss), static_argnums=(3, 4, 5))


def check_against_central_differences(rule, loss_and_gradient, rtol):
    """Moves every leaf of η in a random direction; an error of h² ≈ 1e-10 and rounding of 1e-16 / h ≈ 1e-11 remain."""
    h = 1e-5
    _, gradient = loss_and_gradient(rule)
    leaves, tree = jax.tree.flatten(rule)
    for i, (leaf, key) in enumerate(zip(leaves, jax.random.split(jax.random.key(9), len(leaves)), strict=True)):
        direction = jax.random.normal(key, leaf.shape)
        at = [loss_and_gradient(tree.unflatten([*leaves[:i], leaf + s * h * direction, *leaves[i + 1 :]]))[0]
              for s in (1, -1)]  # fmt: skip
        slope = (at[0] - at[1]) / (2 * h)
        np.testing.assert_allclose(jnp.sum(jax.tree.leaves(gradient)[i] * direction), slope, rtol=rtol, atol=1e-10)
