"""Slow: A2C, LPG and LPG-V learn chains whose optimum is known."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from lpg.agents.optimizers import gradient_descent
from lpg.agents.rollout import init_rollout, rollout
from lpg.agents.tabular import init_table
from lpg.environments.delayed_chain import DelayedChain
from lpg.meta_training.config import MetaConfig
from lpg.meta_training.lifetime import LifetimeSpec, init_lifetime
from lpg.meta_training.meta_gradient import meta_gradient
from lpg.update_rules.a2c import A2C
from lpg.update_rules.lpg import init_lpg
from lpg.update_rules.lpg_v import init_lpg_v
from lpg.update_rules.update import agent_update
from tests.helpers import CHAIN, chain, hyperparameters

NUM_LIFETIMES, NUM_META_UPDATES, WINDOWS_PER_LIFETIME = 16, 400, 4
LENGTH = 4
CONFIG = MetaConfig(
    suite="chain/short,chain/short_noisy,chain/long,chain/long_noisy",
    num_envs=16, num_steps=8, num_updates=5, objective="every", scale_advantages=True, remat=False,
    policy_entropy_weights=(0.01,),
)  # fmt: skip
LEARNING_RATE = 20.0


@functools.partial(jax.jit, static_argnames="num_updates")
@functools.partial(jax.vmap, in_axes=(None, 0, None))
def final_return(rule, key, num_updates):
    """Mean return of a fresh agent on a chain of four steps after some updates (optimum 1, random policy 0)."""
    key_reset, key_steps = jax.random.split(key)
    agent = init_table(num_states=CHAIN.num_states, num_actions=2, prediction_size=rule.prediction_size)
    hyper = hyperparameters(learning_rate=LEARNING_RATE, y_weight=0.5, gamma=0.99, lambda_=0.95)
    optimizer = gradient_descent()

    def step(carry, key):
        agent, state = carry
        state, seen, info = rollout(
            key, state, agent, CHAIN, chain(LENGTH), num_steps=8, time_limit_is_termination=False
        )
        agent, _, _ = agent_update(rule, agent, optimizer, optimizer.init(agent), seen, jnp.ones(2, bool), hyper)
        return (agent, state), info.return_sum / info.num_episodes

    first = (agent, init_rollout(key_reset, CHAIN, chain(LENGTH), 16))
    return jax.lax.scan(step, first, jax.random.split(key_steps, num_updates))[1][-1]


def mean_final_return(rule) -> float:
    """Over sixteen agents of twenty updates each."""
    return float(final_return(rule, jax.random.split(jax.random.key(77), 16), 20).mean())


def discover(rule):
    """Meta-trains on chains of 2 to 4 steps: Adam on the mean meta-gradient, nothing else."""
    samplers = (DelayedChain(min_length=2, max_length=LENGTH, is_noisy=False).sample,)
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(5e-3))
    spec = LifetimeSpec(environment=jnp.array(0), learning_rate=jnp.array(LEARNING_RATE), y_weight=jnp.array(0.5))

    @jax.jit
    def cohort(carry, key):
        """One generation of lifetimes from start to end."""
        key_birth, key_life = jax.random.split(key)
        started = jax.vmap(lambda k: init_lifetime(k, spec, CONFIG, CHAIN, samplers, carry[0]))
        lifetimes = started(jax.random.split(key_birth, NUM_LIFETIMES))

        def meta_update(carry, key):
            rule, state, lifetimes = carry
            gradient, lifetimes, _ = jax.vmap(lambda s, k: meta_gradient(rule, s, k, CONFIG, CHAIN))(
                lifetimes, jax.random.split(key, NUM_LIFETIMES)
            )
            step, state = optimizer.update(jax.tree.map(lambda g: g.mean(0), gradient), state)
            return (optax.apply_updates(rule, step), state, lifetimes), None

        keys = jax.random.split(key_life, WINDOWS_PER_LIFETIME)
        (rule, state, _), _ = jax.lax.scan(meta_update, (*carry, lifetimes), keys)
        return rule, state

    carry = (rule, optimizer.init(rule))
    for key in jax.random.split(jax.random.key(5), NUM_META_UPDATES // WINDOWS_PER_LIFETIME):
        carry = cohort(carry, key)
    return carry[0]


@pytest.mark.slow
def test_actor_critic_solves_a_chain_and_a_random_policy_does_not():
    assert mean_final_return(A2C()) > 0.9
    still = final_return(
        init_lpg(jax.random.key(0), lstm_size=4, prediction_size=3), jax.random.split(jax.random.key(1), 16), 1
    )
    assert abs(np.mean(still)) < 0.3  # the twin: sixteen times 32 episodes of ±1, standard error 0.044


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["lpg", "lpg-v"])
def test_a_rule_is_discovered_that_solves_chains(kind):
    key = jax.random.key(3)
    rule = init_lpg(key, lstm_size=16, prediction_size=8) if kind == "lpg" else init_lpg_v(key, lstm_size=16)
    before = mean_final_return(rule)
    after = mean_final_return(discover(rule))
    print(kind, before, after)
    assert after > 0.8
    assert before < 0.5  # the twin: it was not solved by the rule as it began
