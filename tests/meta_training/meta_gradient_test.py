"""The meta-gradient, checked against central differences in float64, leaf by leaf, and against a plain loop."""

import dataclasses
import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.agents.normalisation import Statistics
from lpg.agents.optimizers import safe_adam
from lpg.agents.rollout import init_rollout
from lpg.agents.tabular import init_table
from lpg.environments.grid_families import objects_of, open_map
from lpg.environments.random_grid_families import RandomGrid
from lpg.meta_training import meta_gradient as module
from lpg.meta_training.config import MetaConfig
from lpg.meta_training.critic import init_critic
from lpg.meta_training.lifetime import LifetimeSpec, LifetimeState, fresh_rollout
from lpg.meta_training.meta_gradient import meta_gradient, run_window
from lpg.types import at_update
from lpg.update_rules.lpg import LPG
from lpg.update_rules.lpg_v import init_lpg_v
from lpg.update_rules.ta_lpg import with_time
from tests.helpers import CHAIN, GRID, grid, hyperparameters, with_random_predictions
from tests.meta_training.replayed import (
    ADAM,
    ADAM_AS_PUBLISHED,
    REGULARISED,
    SGD,
    VISITS,
    check_against_central_differences,
    config,
    fresh_lifetime,
    gradient_of,
    largest,
    record,
    replayed,
    rule_of,
    started,
)

RATES = {SGD: 5.0, ADAM: 0.1, VISITS: 1.0}


@pytest.mark.parametrize("optimizer", RATES, ids=["sgd", "adam", "visits"])
@pytest.mark.parametrize("num_updates", [1, 2, 5])
def test_the_meta_gradient_agrees_with_central_differences(num_updates, optimizer):
    settings = config(num_updates=num_updates, objective="every", **REGULARISED)
    with jax.enable_x64(True):
        rule, lifetime = rule_of(True), fresh_lifetime(settings, is_double=True, learning_rate=RATES[optimizer])
        assert lifetime.agent.rows.dtype == jnp.float64
        fixed = record(rule, lifetime, jax.random.key(3), settings, CHAIN, optimizer)
        check_against_central_differences(
            rule, lambda eta: replayed(eta, lifetime, fixed, settings, CHAIN, optimizer), rtol=1e-5
        )


@pytest.mark.thorough
@pytest.mark.parametrize("table_step, optimizer", [("samples", SGD), ("visits", VISITS)])
@pytest.mark.parametrize("objective", ["last", "every"])
def test_the_gradient_of_a_window_equals_that_of_its_replay(objective, table_step, optimizer):
    settings = config(objective=objective, num_updates=5, table_step=table_step, **REGULARISED)
    with jax.enable_x64(True):
        rule, key = rule_of(True), jax.random.key(3)
        lifetime = fresh_lifetime(settings, is_double=True, learning_rate=RATES[optimizer])
        gradient, _, info = gradient_of(rule, lifetime, key, settings, CHAIN)
        fixed = record(rule, lifetime, key, settings, CHAIN, optimizer)
        loss, expected = replayed(rule, lifetime, fixed, settings, CHAIN, optimizer)
        np.testing.assert_allclose(info.loss, loss, rtol=1e-12)
        for one, other in zip(jax.tree.leaves(gradient), jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-14)


@pytest.mark.thorough
def test_the_meta_gradient_of_a_rule_that_reads_the_time_agrees_with_central_differences():
    settings = config(num_updates=3, objective="every", **REGULARISED)
    with jax.enable_x64(True):
        rule = with_time(rule_of(True), jax.random.normal(jax.random.key(5), (2, 16)))
        lifetime, key = fresh_lifetime(settings, is_double=True), jax.random.key(3)
        lifetime = dataclasses.replace(lifetime, hyper=at_update(lifetime.hyper, 4, 10))
        fixed = record(rule, lifetime, key, settings, CHAIN, SGD)
        check_against_central_differences(
            rule, lambda eta: replayed(eta, lifetime, fixed, settings, CHAIN, SGD), rtol=1e-5
        )
        expected = replayed(rule, lifetime, fixed, settings, CHAIN, SGD)[1]
        gradient, following, _ = gradient_of(rule, lifetime, key, settings, CHAIN)
        for one, other in zip(jax.tree.leaves(gradient), jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-14)
        assert np.all(np.any(gradient.lstm.weight[6:8] != 0, axis=1))
        # The twin: a window that begins at another time has another gradient.
        late = dataclasses.replace(lifetime, hyper=at_update(lifetime.hyper, 7, 10))
        assert np.any(gradient_of(rule, late, key, settings, CHAIN)[0].lstm.weight != gradient.lstm.weight)


Y_HEAD = {"y_head.weight", "y_head.bias"}


def test_with_two_updates_every_leaf_gets_a_meta_gradient():
    found = largest(gradient_of(rule_of(), fresh_lifetime(config()), jax.random.key(3), config(), CHAIN)[0])
    assert len(found) == 10
    assert [path for path, size in found.items() if size == 0] == []


def test_with_one_update_the_head_of_y_hat_gets_no_meta_gradient():
    settings = config(num_updates=1)
    found = largest(gradient_of(rule_of(), fresh_lifetime(settings), jax.random.key(3), settings, CHAIN)[0])
    assert {path for path, size in found.items() if size == 0} == Y_HEAD


class InputsStopped(eqx.Module):
    """A rule with `stop_gradient` on its inputs, the mistake that this test is about."""

    inner: LPG
    discovers_predictions: bool = eqx.field(static=True, default=True)

    @property
    def prediction_size(self) -> int:
        """That of the inner rule."""
        return self.inner.prediction_size

    def targets(self, inputs, hyper):
        """As the inner rule, without the gradient through θ."""
        return self.inner.targets(jax.lax.stop_gradient(inputs), hyper)

    def loss(self, *arguments):
        """As the inner rule."""
        return self.inner.loss(*arguments)


def test_with_a_stop_gradient_on_the_inputs_of_the_rule_the_head_of_y_hat_gets_no_gradient():
    stopped = InputsStopped(rule_of())
    gradient, _, info = gradient_of(stopped, fresh_lifetime(config()), jax.random.key(3), config(), CHAIN)
    full, _, same = gradient_of(rule_of(), fresh_lifetime(config()), jax.random.key(3), config(), CHAIN)
    np.testing.assert_allclose(info.loss, same.loss, rtol=1e-5)  # the loss does not show it,
    found = largest(gradient.inner)
    assert {path for path, size in found.items() if size == 0} == Y_HEAD  # but the gradient does
    assert not np.allclose(gradient.inner.lstm.weight, full.lstm.weight, rtol=1e-3)


def test_every_leaf_of_lpg_v_gets_a_meta_gradient():
    rule = init_lpg_v(jax.random.key(1), lstm_size=4)
    settings = config(rule="lpg-v")
    table = with_random_predictions(jax.random.key(2), init_table(num_states=18, num_actions=2, prediction_size=1))
    lifetime = fresh_lifetime(settings)
    lifetime = eqx.tree_at(lambda s: (s.agent, s.optimizer_state), lifetime, (table, SGD.init(table)))
    found = largest(gradient_of(rule, lifetime, jax.random.key(3), settings, CHAIN)[0])
    assert [path for path, size in found.items() if size == 0] == []


def finite(tree) -> bool:
    return all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree.leaves(tree))


@pytest.mark.parametrize("table_step", ["samples", "visits"])
def test_states_never_visited_leave_the_meta_gradient_finite(table_step):
    # Chains of 2 or 3 steps in a table for 5: most rows are never read.
    settings = config(table_step=table_step)
    lifetime = fresh_lifetime(settings)
    assert len(np.unique(lifetime.trajectory.observation)) < 11
    gradient, following, info = gradient_of(rule_of(), lifetime, jax.random.key(3), settings, CHAIN)
    assert finite(gradient) and info.is_finite
    untouched = np.all(following.agent.rows == lifetime.agent.rows, axis=1)
    assert untouched.sum() >= 8


def grid_lifetime(settings: MetaConfig, y_weight: float) -> LifetimeState:
    """A lifetime on a small grid with 9 of 18 actions, whose agent learns by Adam's steps of 0.1."""
    lifetime = fresh_lifetime(settings)
    agent = with_random_predictions(jax.random.key(2), init_table(num_states=8, num_actions=18, prediction_size=3))
    state = init_rollout(jax.random.key(4), GRID, grid(), settings.num_envs)
    state, seen, _ = fresh_rollout(jax.random.key(5), state, agent, GRID, grid(), settings)
    return LifetimeState(
        env_params=grid(),
        agent=agent,
        optimizer_state=(),
        hyper=hyperparameters(learning_rate=0.1, y_weight=y_weight),
        policy_entropy_weight=lifetime.policy_entropy_weight,
        rollout=state,
        trajectory=seen,
        statistics=Statistics(observations=None, rewards=None),
        critic=init_critic(8),
        return_sum=jnp.zeros(()),
        return_count=jnp.zeros(()),
    )


@pytest.mark.thorough
def test_inner_adam_needs_eps_root():
    # The root of the second moment has an infinite slope at 0, where an entry's gradient is exactly 0. Harmless in a
    # table are states never visited (rows are read by index, and what is not read passes nothing on) and masked actions
    # (the mask passes nothing on). Not harmless are the predictions of visited states at α_y = 0: 0 · ∞ reaches η
    # through their row. eps_root stands under the root and bounds the slope.
    settings = config()
    for optimizer, y_weight, is_finite in (
        (ADAM, 0.5, True), (ADAM, 0.0, True), (ADAM_AS_PUBLISHED, 0.5, True), (ADAM_AS_PUBLISHED, 0.0, False),
    ):  # fmt: skip
        lifetime = grid_lifetime(settings, y_weight)
        fixed = record(rule_of(), lifetime, jax.random.key(3), settings, GRID, optimizer)
        assert len(np.unique(fixed.first.observation)) < 8
        loss, gradient = replayed(rule_of(), lifetime, fixed, settings, GRID, optimizer)
        assert finite(loss)
        assert finite(gradient) == is_finite


def test_rematerialisation_does_not_change_the_gradient():
    found = [
        gradient_of(rule_of(), fresh_lifetime(config()), jax.random.key(3), config(remat=flag), CHAIN)[0]
        for flag in (False, True)
    ]
    for one, other in zip(*map(jax.tree.leaves, found), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-7)


@pytest.mark.thorough
def test_vmap_over_lifetimes_equals_a_loop():
    lifetimes = [fresh_lifetime(config(), seed=seed) for seed in (2, 5)]
    together = jax.tree.map(lambda *x: jnp.stack(x), *lifetimes)
    keys = jax.random.split(jax.random.key(3), 2)
    batch = jax.jit(jax.vmap(lambda s, k: meta_gradient(rule_of(), s, k, config(), CHAIN)))(together, keys)
    for n in range(2):
        gradient, following, info = gradient_of(rule_of(), lifetimes[n], keys[n], config(), CHAIN)
        expected = (gradient, following.agent, following.critic, info.loss)
        found = jax.tree.map(lambda x, n=n: x[n], (batch[0], batch[1].agent, batch[1].critic, batch[2].loss))
        for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_the_objective_weights_the_last_rollout_or_all_equally():
    # Without regularisers the loss is the policy-gradient term: `terms` reports its mean over the window.
    last, every = (
        gradient_of(rule_of(), fresh_lifetime(config()), jax.random.key(3), config(objective=name), CHAIN)[2]
        for name in ("last", "every")
    )
    np.testing.assert_allclose(every.loss, every.terms.policy_gradient, rtol=1e-5)
    np.testing.assert_allclose(last.terms.policy_gradient, every.terms.policy_gradient, rtol=1e-5)
    assert abs(last.loss - every.loss) > 1e-4  # the twin


def test_a_lifetime_with_a_learning_rate_of_zero_has_no_meta_gradient():
    still = eqx.tree_at(lambda s: s.hyper.learning_rate, fresh_lifetime(config()), jnp.array(0.0))
    gradient, following, _ = gradient_of(rule_of(), still, jax.random.key(3), config(), CHAIN)
    assert set(largest(gradient).values()) == {0.0}
    np.testing.assert_array_equal(following.agent.rows, still.agent.rows)
    assert np.any(following.critic.value != still.critic.value)  # the twin: the critic learns all the same


def test_a_diverged_lifetime_is_reported_and_has_a_gradient_of_zero():
    broken = eqx.tree_at(lambda s: s.hyper.learning_rate, fresh_lifetime(config()), jnp.array(jnp.inf))
    gradient, _, info = gradient_of(rule_of(), broken, jax.random.key(3), config(), CHAIN)
    assert not info.is_finite
    assert set(largest(gradient).values()) == {0.0}
    assert gradient_of(rule_of(), fresh_lifetime(config()), jax.random.key(3), config(), CHAIN)[2].is_finite  # the twin


def test_after_a_window_the_trajectory_is_that_of_the_last_agent():
    lifetime = fresh_lifetime(config())
    _, (following, _) = jax.jit(run_window, static_argnums=(3, 4))(
        rule_of(), lifetime, jax.random.key(3), config(), CHAIN
    )
    fixed = record(rule_of(), lifetime, jax.random.key(3), config(), CHAIN, SGD)
    for one, other in zip(jax.tree.leaves(following.trajectory), jax.tree.leaves(fixed.fresh), strict=True):
        np.testing.assert_array_equal(one, other[-1])
    assert np.any(following.trajectory.action != lifetime.trajectory.action)


IMAGES = RandomGrid(rows=open_map(2, 3), objects=objects_of((3, 1.0, 0.5, 0.5)), max_steps=4)
"""Six cells and three objects, observed as two planes; every other step has a reward."""
NETWORKS = ["D(4)", "C(2)-D(3)"]


@functools.cache
def fresh_network_lifetime(
    agent: str, settings: MetaConfig, is_double: bool = False, learning_rate: float = 0.05
) -> LifetimeState:
    """A lifetime with image observations; large heads make the gradient into the torso large."""
    with jax.enable_x64(is_double):
        spec = LifetimeSpec(
            environment=jnp.array(0), learning_rate=jnp.array(learning_rate, float), y_weight=jnp.array(0.5, float)
        )
        lifetime = started(jax.random.key(4), spec, settings, IMAGES.env, (IMAGES.sample,), rule_of(is_double), agent)
        network = with_random_predictions(jax.random.key(6), lifetime.agent)
        network = eqx.tree_at(lambda n: n.policy.weight, network, replace_fn=lambda weight: 50 * weight)
        return eqx.tree_at(lambda s: s.agent, lifetime, network)


@pytest.mark.thorough
@pytest.mark.parametrize("agent", NETWORKS)
def test_with_networks_and_adam_the_meta_gradient_is_finite_and_reaches_every_leaf(agent):
    settings = config(objective="every")
    lifetime = fresh_network_lifetime(agent, settings)
    gradient, following, info = gradient_of(rule_of(), lifetime, jax.random.key(3), settings, IMAGES.env, agent)
    assert finite(gradient) and info.is_finite
    assert any(np.any(nu == 0) for nu in jax.tree.leaves(following.optimizer_state.nu))  # weights never reached
    found = largest(gradient)
    assert len(found) == 10
    assert [path for path, size in found.items() if size == 0] == []
    assert following.optimizer_state.count == 2
    for one, other in zip(jax.tree.leaves(following.agent), jax.tree.leaves(lifetime.agent), strict=True):
        assert np.any(one != other)


@pytest.mark.thorough
@pytest.mark.parametrize("agent", NETWORKS)
def test_with_networks_and_plain_adam_the_meta_gradient_is_nan(agent):
    # The instance has 9 of 18 actions. Weights of the others have gradients of exactly 0, where the root's slope is
    # infinite; and 0 · ∞ comes back to θ through the matrix product.
    settings = config()
    lifetime = fresh_network_lifetime(agent, settings)
    for optimizer, is_finite in ((safe_adam(), True), (ADAM_AS_PUBLISHED, False)):
        fixed = record(rule_of(), lifetime, jax.random.key(3), settings, IMAGES.env, optimizer)
        loss, gradient = replayed(rule_of(), lifetime, fixed, settings, IMAGES.env, optimizer)
        assert finite(loss)
        assert finite(gradient) == is_finite


@pytest.mark.thorough
@pytest.mark.parametrize("agent", NETWORKS)
def test_with_networks_and_gradient_descent_the_meta_gradient_agrees_with_central_differences(agent, monkeypatch):
    # Plain descent instead of the networks' Adam: a denominator that counts as constant makes the derivative another
    # one than that of the numbers, on purpose (the next test), so that differences cannot judge it.
    monkeypatch.setattr(module, "agent_optimizer", lambda name, table_step: SGD)
    settings = config(objective="every", **REGULARISED)
    with jax.enable_x64(True):
        rule, key = rule_of(True), jax.random.key(3)
        lifetime = fresh_network_lifetime(agent, settings, is_double=True, learning_rate=0.5)
        lifetime = eqx.tree_at(lambda s: s.optimizer_state, lifetime, SGD.init(lifetime.agent))
        assert lifetime.agent.policy.weight.dtype == jnp.float64

        def window(rule):  # a function of this test, so that no program with another optimiser is found in the cache
            return meta_gradient(rule, lifetime, key, settings, IMAGES.env, agent)

        gradient, following, info = jax.jit(window)(rule)
        fixed = record(rule, lifetime, key, settings, IMAGES.env, SGD)
        assert np.any(fixed.advantage != 0)
        np.testing.assert_array_equal(following.trajectory.action, fixed.fresh.action[-1])
        loss, expected = replayed(rule, lifetime, fixed, settings, IMAGES.env, SGD)
        np.testing.assert_allclose(info.loss, loss, rtol=1e-12)
        for one, other in zip(jax.tree.leaves(gradient), jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-14)
        check_against_central_differences(
            rule, lambda eta: replayed(eta, lifetime, fixed, settings, IMAGES.env, SGD), rtol=1e-5
        )


@pytest.mark.thorough
def test_with_networks_and_adam_the_meta_gradient_equals_that_of_the_replay_but_not_central_differences():
    settings, agent = config(objective="every", **REGULARISED), "D(4)"
    with jax.enable_x64(True):
        rule, key, optimizer = rule_of(True), jax.random.key(3), safe_adam()
        lifetime = fresh_network_lifetime(agent, settings, is_double=True)
        gradient, _, info = gradient_of(rule, lifetime, key, settings, IMAGES.env, agent)
        fixed = record(rule, lifetime, key, settings, IMAGES.env, optimizer)
        loss, expected = replayed(rule, lifetime, fixed, settings, IMAGES.env, optimizer)
        np.testing.assert_allclose(info.loss, loss, rtol=1e-12)
        for one, other in zip(jax.tree.leaves(gradient), jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-14)
        with pytest.raises(AssertionError, match="Not equal to tolerance"):
            check_against_central_differences(
                rule, lambda eta: replayed(eta, lifetime, fixed, settings, IMAGES.env, optimizer), rtol=0.01
            )
