import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.types import AgentOutput, Targets
from lpg.update_rules.a2c_categorical import INITIAL_VALUE, LARGEST_ADVANTAGE, LARGEST_VALUE, PI_SCALE, CategoricalA2C
from lpg.update_rules.base import RuleInputs
from lpg.update_rules.losses import entropy
from tests.helpers import hyperparameters, trajectory

RULE = CategoricalA2C()


def logits_of(value):
    return jnp.log(jnp.maximum(RULE.distribution(jnp.asarray(value)), 1e-30))


def inputs(reward, value, next_value, ends) -> RuleInputs:
    """Predictions whose values are known: the logits of their distributions."""

    def logits(values):
        return logits_of(jnp.array(values, float))[:, None]

    return RuleInputs(
        trajectory=trajectory(reward=reward, terminated=ends),
        output=AgentOutput(logits=jnp.zeros((len(reward), 1, 2)), prediction=logits(value)),
        next_prediction=logits(next_value),
    )  # fmt: skip


@pytest.mark.parametrize("value", [0.0, 0.3, -1.0, 7.0, -11.0])
def test_the_distribution_of_a_value_has_that_value(value):
    found = RULE.distribution(jnp.asarray(value))
    np.testing.assert_allclose([found.sum(), RULE.value(logits_of(value))], [1, value], rtol=5e-3, atol=1e-3)
    # The twin: that of a neighbour is another one.
    assert abs(RULE.value(logits_of(value + 0.1)) - value) > 0.05


def test_a_fresh_agents_prediction_has_the_initial_value_and_extreme_ones_end_at_the_largest():
    largest = INITIAL_VALUE + LARGEST_VALUE
    assert RULE.value(jnp.zeros(30)) == pytest.approx(INITIAL_VALUE, abs=1e-5)
    assert RULE.value(jnp.full(30, -1e3).at[-1].set(0)) == pytest.approx(largest, rel=1e-6)
    np.testing.assert_array_equal(RULE.distribution(jnp.array(99.0)), RULE.distribution(jnp.array(largest)))


def test_two_atoms_worked_by_hand():
    # y ∝ (e^−u, e^u) at the atoms −1 and 1, u = v − 3: u = ½ ln(y₂ / y₁) = ½ ln 3 at (¼, ¾).
    rule = CategoricalA2C(prediction_size=2)
    assert rule.value(jnp.log(jnp.array([0.25, 0.75]))) == pytest.approx(3 + 0.5 * np.log(3), abs=1e-3)
    np.testing.assert_allclose(rule.distribution(jnp.array(3 + 0.5 * np.log(3))), [0.25, 0.75], rtol=1e-6)


def test_targets_are_advantages_and_distributions_of_lambda_returns():
    # As for A2C: A = (0.16, −2), G = (3.16, 2); γ = .9, λ = .8, terminated after the second step.
    given = inputs([1.0, 2.0], [3.0, 4.0], [4.0, 5.0], [0, 1])
    targets = RULE.targets(given, hyperparameters(gamma=0.9, lambda_=0.8))
    # 3 tanh(.16 / 3) = .1598, 3 tanh(−2 / 3) = −1.7487
    np.testing.assert_allclose(targets.pi_hat[:, 0] / PI_SCALE, [0.1598, -1.7487], atol=5e-3)
    np.testing.assert_allclose(RULE.value(jnp.log(jnp.maximum(targets.y_hat[:, 0], 1e-30))), [3.16, 2], atol=5e-3)


def test_large_advantages_are_bounded_in_pi_hat_and_not_in_the_prediction():
    # One step that ends: A = 12 − 3 and −12 − 3.
    for reward, bounded in ((12.0, 3 * np.tanh(3.0)), (-12.0, 3 * np.tanh(-5.0))):
        targets = RULE.targets(inputs([reward], [3.0], [3.0], [1]), hyperparameters(gamma=0.9, lambda_=0.8))
        assert targets.pi_hat[0, 0] / PI_SCALE == pytest.approx(bounded, abs=0.01)
        assert abs(bounded) < LARGEST_ADVANTAGE
        assert RULE.value(jnp.log(jnp.maximum(targets.y_hat[0, 0], 1e-30))) == pytest.approx(max(reward, -12), rel=5e-3)


def test_a_state_without_visits_attracts():
    # From a state that is known to be worth 0, without a reward: to a fresh state, and to another that is worth 0.
    fresh = RULE.targets(inputs([0.0], [0.0], [INITIAL_VALUE], [0]), hyperparameters(gamma=1.0, lambda_=0.0))
    known = RULE.targets(inputs([0.0], [0.0], [0.0], [0]), hyperparameters(gamma=1.0, lambda_=0.0))
    assert fresh.pi_hat[0, 0] / PI_SCALE == pytest.approx(3 * np.tanh(1.0), abs=0.01)
    assert known.pi_hat[0, 0] == pytest.approx(0, abs=1e-3)


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
    # Σ KL(y ‖ ŷ_i) is least at y ∝ exp(mean log ŷ_i), here exp(z), that of 4.
    targets = RULE.distribution(jnp.array([2.0, 6.0]))
    best = jnp.mean(jnp.log(targets), axis=0)
    np.testing.assert_allclose(jax.nn.softmax(best), RULE.distribution(jnp.array(4.0)), rtol=1e-5)
    assert RULE.value(best) == pytest.approx(4, rel=1e-3)

    def loss(logits):
        found = Targets(pi_hat=jnp.zeros((2, 1)), y_hat=targets[:, None])
        output = AgentOutput(logits=jnp.zeros((2, 1, 2)), prediction=jnp.broadcast_to(logits, (2, 1, 30)))
        return RULE.loss(output, inputs([0.0, 0], [0.0, 0], [0.0, 0], [0, 0]), found, hyperparameters(y_weight=1.0))

    assert np.abs(jax.grad(loss)(best)).max() < 1e-5 < 1e-2 < np.abs(jax.grad(loss)(logits_of(6.0))).max()


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
