"""π̂ of any rule, centred and scaled."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.update_rules.a2c import A2C
from lpg.update_rules.base import Rule
from lpg.update_rules.lpg import init_lpg
from lpg.update_rules.standardised import Standardised
from tests.helpers import hyperparameters
from tests.update_rules.learning_test import inputs_of


@pytest.mark.thorough
@pytest.mark.parametrize("rule", [A2C(), init_lpg(jax.random.key(0), lstm_size=3, prediction_size=4)])
def test_only_pi_hat_changes(rule, key):
    inputs, hyper = inputs_of(rule, key), hyperparameters()
    plain, scaled = rule.targets(inputs, hyper), Standardised(rule).targets(inputs, hyper)
    np.testing.assert_allclose(jnp.mean(scaled.pi_hat), 0, atol=1e-5)
    np.testing.assert_allclose(jnp.std(scaled.pi_hat), 1, rtol=1e-3)
    np.testing.assert_allclose(scaled.pi_hat * jnp.std(plain.pi_hat) + jnp.mean(plain.pi_hat), plain.pi_hat, atol=1e-5)
    np.testing.assert_array_equal(scaled.y_hat, plain.y_hat)
    assert np.abs(scaled.pi_hat - plain.pi_hat).max() > 0.1
    assert isinstance(Standardised(rule), Rule)
    loss = Standardised(rule).loss(inputs.output, inputs, plain, hyper)
    np.testing.assert_array_equal(loss, rule.loss(inputs.output, inputs, plain, hyper))


def test_rows_that_are_no_steps_do_not_enter_mean_and_deviation(key):
    rule, hyper = A2C(), hyperparameters()
    inputs = inputs_of(rule, key)
    plain = rule.targets(inputs, hyper).pi_hat
    is_real = jax.random.bernoulli(jax.random.key(1), 0.5, plain.shape)
    scaled = Standardised(rule, is_real).targets(inputs, hyper).pi_hat
    np.testing.assert_allclose(scaled, (plain - plain[is_real].mean()) / plain[is_real].std(), rtol=1e-4, atol=1e-5)
    assert np.isfinite(Standardised(rule, jnp.zeros_like(is_real)).targets(inputs, hyper).pi_hat).all()
