"""Fitting η to the hand-written rule in its own form."""

import functools
from typing import get_args, get_type_hints

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.agents.optimizers import visit_mean
from lpg.agents.registry import TABULAR
from lpg.meta_training.config import MetaConfig
from lpg.meta_training.imitation import TEACHERS, WithTeacher, imitation_loss, imitation_window, teacher_targets
from lpg.meta_training.meta_gradient import meta_gradient
from lpg.types import Targets
from lpg.update_rules.a2c_categorical import CategoricalA2C
from lpg.update_rules.registry import find_rule
from lpg.update_rules.update import agent_update
from tests.helpers import CHAIN
from tests.meta_training.replayed import check_against_central_differences, config, fresh_lifetime, largest, rule_of

NAME = "a2c-categorical"
SETTINGS_OF = {"objective": "imitate", "num_updates": 1, "table_step": "visits"}
SETTINGS = config(**SETTINGS_OF)
META_GRADIENT = jax.jit(meta_gradient, static_argnums=(3, 4, 5, 6))


def gradient_of(rule, lifetime, key, settings, env):
    return META_GRADIENT(rule, lifetime, key, settings, env, TABULAR, imitation_window)


def mask_of(lifetime):
    return CHAIN.action_mask(lifetime.env_params)


@pytest.mark.thorough
def test_the_gradient_agrees_with_central_differences():
    with jax.enable_x64(True):
        lifetime, rule = fresh_lifetime(SETTINGS, is_double=True), rule_of(True)
        loss = jax.jit(jax.value_and_grad(lambda eta: imitation_loss(eta, lifetime, mask_of(lifetime), NAME)))
        check_against_central_differences(rule, loss, rtol=1e-5)
        found, _, info = gradient_of(rule, lifetime, jax.random.key(3), SETTINGS, CHAIN)
        expected_loss, expected = loss(rule)
        np.testing.assert_allclose(info.loss, expected_loss, rtol=1e-12)
        for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-14)
        assert [path for path, size in largest(found).items() if size == 0] == []


class Knowing(CategoricalA2C):
    """The teacher, which has the hyper-parameters that it is imitated at."""

    def targets(self, inputs, hyper):
        return teacher_targets(NAME, self, inputs, hyper)


class Twice(Knowing):
    """The teacher with twice its π̂."""

    def targets(self, inputs, hyper):
        right = super().targets(inputs, hyper)
        return eqx.tree_at(lambda one: one.pi_hat, right, 2 * right.pi_hat)


@pytest.mark.thorough
def test_who_gives_the_teachers_targets_has_no_loss():
    lifetime = fresh_lifetime(SETTINGS)
    assert imitation_loss(Knowing(3), lifetime, mask_of(lifetime), NAME) == pytest.approx(0, abs=1e-6)
    # The twins: one that is twice as fast; other weights.
    assert imitation_loss(Twice(3), lifetime, mask_of(lifetime), NAME) == pytest.approx(1, abs=0.05)
    assert imitation_loss(rule_of(), lifetime, mask_of(lifetime), NAME) > 0.1


@pytest.mark.parametrize("part", ["pi_hat", "y_hat"])
def test_errors_count_relative_to_the_teachers_step(part):
    lifetime = fresh_lifetime(SETTINGS)

    class Still(Knowing):
        def targets(self, inputs, hyper):
            right = super().targets(inputs, hyper)
            still = Targets(pi_hat=jnp.zeros_like(right.pi_hat), y_hat=jax.nn.softmax(inputs.output.prediction))
            return eqx.tree_at(lambda one: getattr(one, part), right, getattr(still, part))

    # Who moves nothing is wrong by the whole step: Σ (0 − π̂')² / Σ π̂'² = 1 and KL(ŷ' ‖ y) / KL(ŷ' ‖ y) = 1, but for the
    # smallest step that counts.
    assert imitation_loss(Still(3), lifetime, mask_of(lifetime), NAME) == pytest.approx(1, abs=0.05)


def test_agents_move_by_the_mean_of_both_targets_and_roll_out_again():
    lifetime, rule = fresh_lifetime(SETTINGS), rule_of()
    _, after, info = gradient_of(rule, lifetime, jax.random.key(3), SETTINGS, CHAIN)
    move = functools.partial(
        agent_update, agent=lifetime.agent, optimizer=visit_mean(), optimizer_state=lifetime.optimizer_state,
        trajectory=lifetime.trajectory, action_mask=mask_of(lifetime), hyper=lifetime.hyper,
    )  # fmt: skip
    moved = {name: move(used)[0].rows for name, used in (("both", WithTeacher(rule, NAME)), ("own", rule))}
    np.testing.assert_allclose(after.agent.rows, moved["both"], rtol=1e-5, atol=1e-6)
    assert np.abs(after.agent.rows - moved["own"]).max() > 1e-3
    assert np.any(after.trajectory.observation != lifetime.trajectory.observation) and bool(info.is_finite)
    # Nothing else about a lifetime differs from that of a meta-training with the mixed rule, but that no advantages are
    # needed and so no critic is trained.
    _, other, trained = META_GRADIENT(WithTeacher(rule, NAME), lifetime, jax.random.key(3), SETTINGS, CHAIN)
    for name in ("optimizer_state", "rollout", "trajectory", "statistics", "return_sum", "return_count"):
        for one, two in zip(*(jax.tree.leaves(getattr(state, name)) for state in (after, other)), strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)
    assert eqx.tree_equal(after.critic, lifetime.critic) and not eqx.tree_equal(other.critic, lifetime.critic)
    assert float(info.critic.error) == float(info.critic.variance) == 0 < float(trained.critic.error)


def test_a_lifetime_that_is_not_finite_gives_no_gradient():
    lifetime = fresh_lifetime(SETTINGS)
    broken = eqx.tree_at(lambda one: one.trajectory.reward, lifetime, lifetime.trajectory.reward.at[0, 0].set(jnp.nan))
    found, _, info = gradient_of(rule_of(), broken, jax.random.key(3), SETTINGS, CHAIN)
    assert not info.is_finite and set(largest(found).values()) == {0.0}


@pytest.mark.thorough
def test_the_teachers_are_rules_of_the_registry_and_all_can_be_chosen():
    assert set(TEACHERS) == set(get_args(get_type_hints(MetaConfig)["teacher"]))
    for name, teacher in TEACHERS.items():
        assert find_rule(name).rule == teacher.make(30)
    lifetime, rule = fresh_lifetime(SETTINGS), rule_of()
    losses = {}
    for name in TEACHERS:
        window = functools.partial(imitation_window, rule, lifetime, jax.random.key(3))
        losses[name] = window(config(**SETTINGS_OF | {"teacher": name}), CHAIN, TABULAR)[0]
    assert len(set(map(float, losses.values()))) == len(TEACHERS)
    for name, loss in losses.items():
        assert loss == pytest.approx(float(imitation_loss(rule, lifetime, mask_of(lifetime), name)), rel=1e-5)
