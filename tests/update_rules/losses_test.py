import jax
import jax.numpy as jnp
import numpy as np

from lpg.types import AgentOutput
from lpg.update_rules.losses import entropy, kl_divergence, log_prob, value_loss

MASKED = -1e9


def test_log_prob_is_the_log_of_the_softmax_at_the_action():
    # π = (.2, .3, .5); ln .3 = −1.203973, ln .5 = −0.693147.
    logits = jnp.tile(jnp.log(jnp.array([0.2, 0.3, 0.5])) + 4, (2, 1))
    np.testing.assert_allclose(log_prob(logits, jnp.array([1, 2])), [-1.203973, -0.693147], rtol=1e-5)


def test_the_gradient_of_log_prob_is_the_indicator_minus_the_probabilities():
    # π = (.2, .3, .5), action 1: (0 − .2, 1 − .3, 0 − .5).
    gradient = jax.grad(lambda z: log_prob(z, jnp.array(1)))(jnp.log(jnp.array([0.2, 0.3, 0.5])))
    np.testing.assert_allclose(gradient, [-0.2, 0.7, -0.5], rtol=1e-5)


def test_entropy_worked_by_hand():
    # −(¼ ln ¼ + ¾ ln ¾) = ¼ · 1.386294 + ¾ · 0.287682 = 0.346574 + 0.215762 = 0.562335
    # Uniform over 4: ln 4 = 1.386294.
    np.testing.assert_allclose(entropy(jnp.log(jnp.array([0.25, 0.75]))), 0.562335, rtol=1e-5)
    np.testing.assert_allclose(entropy(jnp.full((3, 4), 7.0)), [1.386294] * 3, rtol=1e-5)


def test_a_masked_category_does_not_contribute_to_the_entropy():
    # Two of three are left: ln 2 = 0.693147, against ln 3 = 1.098612 without the mask.
    np.testing.assert_allclose(entropy(jnp.array([1.0, 1.0, MASKED])), 0.693147, rtol=1e-5)
    np.testing.assert_allclose(entropy(jnp.array([1.0, 1.0, 1.0])), 1.098612, rtol=1e-5)


def test_the_divergence_takes_the_agents_prediction_first():
    # KL((½, ½) ‖ (¾, ¼)) = ½ ln(½ / ¾) + ½ ln(½ / ¼) = ½ · −0.405465 + ½ · 0.693147 = 0.143841
    # The twin, arguments swapped: ¾ ln(¾ / ½) + ¼ ln(¼ / ½) = ¾ · 0.405465 − ¼ · 0.693147 = 0.130812
    half, skewed = jnp.array([0.5, 0.5]), jnp.array([0.75, 0.25])
    np.testing.assert_allclose(kl_divergence(jnp.log(half), skewed), 0.143841, rtol=1e-4)
    np.testing.assert_allclose(kl_divergence(jnp.log(skewed), half), 0.130812, rtol=1e-4)


def test_the_gradient_of_the_divergence_in_the_prediction_worked_by_hand():
    # y_j (ln(y_j / ŷ_j) − KL): ½ (−0.405465 − 0.143841) = −0.274653, and +0.274653.
    # (Had the target come first it would be y − ŷ = (−.25, .25).)
    gradient = jax.grad(kl_divergence)(jnp.zeros(2), jnp.array([0.75, 0.25]))
    np.testing.assert_allclose(gradient, [-0.274653, 0.274653], rtol=1e-5)


def test_the_divergence_from_itself_is_zero_and_otherwise_positive(key):
    logits = jax.random.normal(key, (2, 50, 4))
    target = jax.nn.softmax(logits)
    np.testing.assert_allclose(kl_divergence(logits[0], target[0]), 0, atol=1e-6)
    assert np.all(kl_divergence(logits[0], target[1]) > 0)


def test_an_empty_target_category_costs_a_finite_amount():
    # ½ ln ½ + ½ (ln ½ − ln 1e-8) = −0.693147 + ½ · 18.420681 = 8.517193
    empty = jnp.array([1.0, 0.0])
    np.testing.assert_allclose(kl_divergence(jnp.zeros(2), empty), 8.517193, rtol=1e-5)
    for argument in (0, 1):
        assert np.all(np.isfinite(jax.grad(kl_divergence, argument)(jnp.zeros(2), empty)))


def test_the_value_loss_is_half_the_squared_error_of_each_step():
    # ½ (1 − 3)² = 2, ½ (1 − 0)² = 0.5
    output = AgentOutput(logits=jnp.zeros((2, 1, 2)), prediction=jnp.ones((2, 1, 1)))
    np.testing.assert_allclose(value_loss(output, jnp.array([[[3.0]], [[0.0]]])), [[2], [0.5]])
