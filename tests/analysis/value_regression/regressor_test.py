"""The regression: exact for what it is given, no better than a constant for noise."""

import jax
import numpy as np
import pytest

from lpg.analysis.value_regression.regressor import fit_and_predict


@pytest.fixture
def data():
    generator = np.random.default_rng(0)
    x = generator.uniform(-1, 1, (600, 3))
    target = np.stack([x[:, 0], 100 * np.abs(x[:, 1])], axis=1)
    return x, target, generator.normal(size=(600, 3))


def error(features, target, steps=400):
    is_held_back = np.arange(500) >= 400
    guess = fit_and_predict(jax.random.key(0), features[:500], target[:500], is_held_back, features[500:], steps)
    return ((guess - target[500:]) ** 2).mean(0) / target[500:].var(0)


def test_what_the_features_say_is_found_for_each_target_in_its_own_units(data):
    x, target, noise = data
    assert np.all(error(x, target) < 0.02)
    # The twin: noise says nothing, and the network knows it: it is hardly worse than the best constant.
    assert np.all(error(noise, target) > 0.9) and np.all(error(noise, target) < 1.15)


def test_a_feature_that_only_varies_in_the_test_is_ignored(data):
    x, target, _ = data
    constant = np.where(np.arange(600) < 500, 0.0, 50.0)[:, None]
    np.testing.assert_allclose(error(np.hstack([x, constant]), target), error(np.hstack([x, 0 * constant]), target))


def test_without_any_step_it_is_the_mean_of_the_fitted_rows(data):
    x, target, _ = data
    is_held_back = np.arange(500) >= 400
    guess = fit_and_predict(jax.random.key(0), x[:500], target[:500], is_held_back, x[500:], 0)
    # One look is taken before the first step; a step that helps replaces it.
    assert np.abs(guess - target[:400].mean(0)).max() < 100
