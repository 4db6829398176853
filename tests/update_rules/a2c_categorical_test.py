import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.types import AgentOutput, Targets
from lpg.update_rules.a2c_categorical import LARGEST_VALUE, PI_SCALE, CategoricalA2C, optimistic_a2c
from lpg.update_rules.base import RuleInputs
from lpg.update_rules.losses import entropy
from tests.helpers import hyperparameters, trajectory

RULE, OPTIMISTIC = CategoricalA2C(), optimistic_a2c()


def logits_of(value, rule=RULE):
    return jnp.log(jnp.maximum(rule.distribution(jnp.asarray(value)), 1e-30))


def inputs(reward, value, next_value, ends, rule=RULE) -> RuleInputs:
    """Predictions whose values are known: the logits of their distributions."""

    def logits(values):
        return logits_of(jnp.array(values, float), rule)[:, None]

    return RuleInputs(
        trajectory=trajectory(reward=reward, terminated=ends),
        output=AgentOutput(logits=jnp.zeros((len(reward), 1, 2)), prediction=logits(value)),
        next_prediction=logits(next_value),
    )  # fmt: skip


@pytest.mark.parametrize("value", [0.0, 0.3, -1.0, 7.0, -14.0])
def test_the_distribution_of_a_value_has_that_value(value):
    found = RULE.distribution(jnp.asarray(value))
    np.testing.assert_allclose([found.sum(), RULE.value(logits_of(value))], [1, value], rtol=5e-3, atol=1e-3)
    # The twin: that of a neighbour is another one.
    assert abs(RULE.value(logits_of(value + 0.1)) - value) > 0.05


def test_a_fresh_agents_prediction_has_the_value_zero_and_extreme_ones_end_at_the_largest():
    assert RULE.value(jnp.zeros(30)) == pytest.approx(0, abs=1e-5)
    assert RULE.value(jnp.full(30, -1e3).at[-1].set(0)) == pytest.approx(LARGEST_VALUE, rel=1e-6)
    np.testing.assert_array_equal(RULE.distribution(jnp.array(99.0)), RULE.distribution(jnp.array(LARGEST_VALUE)))


def test_two_atoms_worked_by_hand():
    # y ∝ (e^−v, e^v) at the atoms −1 and 1: v = ½ ln(y₂ / y₁) = ½ ln 3 at (¼, ¾).
    rule = CategoricalA2C(prediction_size=2)
    assert rule.value(jnp.log(jnp.array([0.25, 0.75]))) == pytest.approx(0.5 * np.log(3), abs=1e-3)
    np.testing.assert_allclose(rule.distribution(jnp.array(0.5 * np.log(3))), [0.25, 0.75], rtol=1e-6)


def test_targets_are_advantages_and_distributions_of_lambda_returns():
    # As for A2C: A = (0.16, −2), G = (3.16, 2); γ = .9, λ = .8, terminated after the second step.
    given = inputs([1.0, 2.0], [3.0, 4.0], [4.0, 5.0], [0, 1])
    targets = RULE.targets(given, hyperparameters(gamma=0.9, lambda_=0.8))
    np.testing.assert_allclose(targets.pi_hat[:, 0] / PI_SCALE, [0.16, -2], atol=5e-3)
    np.testing.assert_allclose(RULE.value(jnp.log(jnp.maximum(targets.y_hat[:, 0], 1e-30))), [3.16, 2], atol=5e-3)


def test_optimistic_values_are_those_above_the_initial_one():
    assert OPTIMISTIC.value(jnp.zeros(30)) == pytest.approx(3, abs=1e-5)
    np.testing.assert_allclose(OPTIMISTIC.distribution(jnp.array(4.5)), RULE.distribution(jnp.array(1.5)), rtol=1e-6)
    for value in (3.0, 0.0, -2.5, 9.0):
        assert OPTIMISTIC.value(logits_of(value, OPTIMISTIC)) == pytest.approx(value, rel=5e-3, abs=1e-3)
    largest = OPTIMISTIC.distribution(jnp.array(3 + LARGEST_VALUE))
    np.testing.assert_array_equal(OPTIMISTIC.distribution(jnp.array(99.0)), largest)


@pytest.mark.parametrize(("reward", "bounded"), [(12.0, 3 * np.tanh(3.0)), (-11.0, 3 * np.tanh(-14 / 3))])
def test_large_advantages_are_bounded_in_the_optimistic_pi_hat_and_not_in_its_prediction(reward, bounded):
    # One step that ends: A = r − 3, and the return is r.
    given = inputs([reward], [3.0], [3.0], [1], OPTIMISTIC)
    found = OPTIMISTIC.targets(given, hyperparameters(gamma=0.9, lambda_=0.8))
    assert found.pi_hat[0, 0] / PI_SCALE == pytest.approx(bounded, abs=0.01)
    assert OPTIMISTIC.value(jnp.log(jnp.maximum(found.y_hat[0, 0], 1e-30))) == pytest.approx(reward, rel=5e-3)
    # The twin without a bound.
    free = CategoricalA2C(initial_value=3.0).targets(given, hyperparameters(gamma=0.9, lambda_=0.8))
    assert free.pi_hat[0, 0] / PI_SCALE == pytest.approx(reward - 3, abs=0.02)


def test_a_state_without_visits_attracts_optimists():
    # One step without a reward from a state that is known to be worth 0: to a fresh state, and to another worth 0.
    hyper, fresh = hyperparameters(gamma=1.0, lambda_=0.0), jnp.zeros((1, 1, 30))

    def pi_hat(rule, is_fresh):
        given = inputs([0.0], [0.0], [0.0], [0], rule)
        given = dataclasses.replace(given, next_prediction=fresh) if is_fresh else given
        return rule.targets(given, hyper).pi_hat[0, 0] / PI_SCALE

    assert pi_hat(OPTIMISTIC, True) == pytest.approx(3 * np.tanh(1.0), abs=0.01)
    assert [pi_hat(*of) for of in ((OPTIMISTIC, False), (RULE, True), (RULE, False))] == pytest.approx(
        [0] * 3, abs=1e-2
    )


def test_the_entropy_bonus_is_part_of_pi_hat():
    # −w (1 + ln ½) = −.0307 for both steps, w = .1
    given = inputs([1.0, 2.0], [3.0, 4.0], [4.0, 5.0], [0, 1])
    found = RULE.targets(given, hyperparameters(gamma=0.9, lambda_=0.8, policy_entropy_weight=0.1))
    without = RULE.targets(given, hyperparameters(gamma=0.9, lambda_=0.8))
    np.testing.assert_allclose(found.pi_hat - without.pi_hat, -0.0306853 * PI_SCALE, atol=1e-6)
    np.testing.assert_array_equal(found.y_hat, without.y_hat)


def test_in_the_mean_over_actions_the_bonus_has_the_entropys_gradient():
    logits = jnp.array([0.3, -1.0, 0.8])
    bonus = -(1 + jax.nn.log_softmax(logits))  # w = 1; a constant of the loss

    def policy_loss(x):
        return -jnp.sum(jax.nn.softmax(logits) * bonus * jax.nn.log_softmax(x))

    expected = jax.grad(lambda x: -entropy(x))(logits)
    np.testing.assert_allclose(jax.grad(policy_loss)(logits), expected, atol=1e-6)
    assert np.abs(expected).max() > 0.1


def test_the_minimiser_of_the_divergence_from_several_targets_is_the_distribution_of_their_mean():
    # Σ KL(y ‖ ŷ_i) is least at y ∝ exp(mean log ŷ_i), here exp(3 z).
    targets = RULE.distribution(jnp.array([1.0, 5.0]))
    best = jnp.mean(jnp.log(targets), axis=0)
    np.testing.assert_allclose(jax.nn.softmax(best), RULE.distribution(jnp.array(3.0)), rtol=1e-5)
    assert RULE.value(best) == pytest.approx(3, rel=1e-3)

    def loss(logits):
        found = Targets(pi_hat=jnp.zeros((2, 1)), y_hat=targets[:, None])
        output = AgentOutput(logits=jnp.zeros((2, 1, 2)), prediction=jnp.broadcast_to(logits, (2, 1, 30)))
        return RULE.loss(output, inputs([0.0, 0], [0.0, 0], [0.0, 0], [0, 0]), found, hyperparameters(y_weight=1.0))

    assert np.abs(jax.grad(loss)(best)).max() < 1e-5 < 1e-2 < np.abs(jax.grad(loss)(jnp.zeros(30))).max()


def test_loss_on_one_step_worked_by_hand():
    # policy −.4 · ln ½ = .277259; KL of the uniform y from ŷ uniform is 0; w is in π̂ alone
    output = AgentOutput(logits=jnp.zeros((1, 1, 2)), prediction=jnp.zeros((1, 1, 30)))
    targets = Targets(pi_hat=jnp.array([[0.4]]), y_hat=jnp.full((1, 1, 30), 1 / 30))
    hyper = hyperparameters(y_weight=0.5, policy_entropy_weight=0.1)
    given = inputs([0.0], [0.0], [0.0], [0])
    np.testing.assert_allclose(RULE.loss(output, given, targets, hyper), 0.277259, rtol=1e-4)
    # KL(uniform ‖ two of 30 categories at ¼ each and the rest at ½/28), in nats
    other = jnp.full((1, 1, 30), 0.5 / 28).at[..., :2].set(0.25)
    kl = (2 * np.log(1 / 30 / 0.25) + 28 * np.log(28 / 30 / 0.5)) / 30
    found = RULE.loss(output, given, Targets(pi_hat=targets.pi_hat, y_hat=other), hyper)
    np.testing.assert_allclose(found, 0.277259 + 0.5 * kl, rtol=1e-4)


def test_it_has_no_learned_parameters_and_any_number_of_atoms():
    assert jax.tree.leaves(RULE) == [] and RULE.prediction_size == 30
    small = CategoricalA2C(prediction_size=16)
    assert small.value(jnp.log(small.distribution(jnp.asarray(2.0)))) == pytest.approx(2.0, abs=0.02)
