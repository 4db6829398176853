"""Shares of variance: 1 for what is a linear function, about 0 for noise."""

import numpy as np
import pytest

from lpg.analysis.statistics import correlation, line, r_squared


@pytest.fixture
def data():
    generator = np.random.default_rng(0)
    return generator.normal(size=2000), generator.normal(size=2000)


def test_a_linear_function_is_explained_wholly_and_noise_not_at_all(data):
    value, noise = data
    assert r_squared(3 * value - 2, value[:, None]) == pytest.approx(1)
    assert r_squared(noise, value[:, None]) < 0.01
    # Half of the variance of value + noise is value's.
    assert r_squared(value + noise, value[:, None]) == pytest.approx(0.5, abs=0.05)
    assert r_squared(value + noise, np.stack(data, 1)) == pytest.approx(1)


def test_rows_without_weight_do_not_count():
    # Of y = (0, 1, 9) and x = (0, 1, 0) the first two lie on a line; with the third they do not.
    y, x = np.array([0.0, 1, 9]), np.array([[0.0], [1], [0]])
    assert r_squared(y, x, np.array([1.0, 1, 0])) == pytest.approx(1)
    assert r_squared(y, x) < 0.5


def test_what_does_not_vary_is_not_explained():
    assert r_squared(np.full(5, 0.3), np.arange(5.0)[:, None]) == 0


def test_slope_and_correlation_of_a_line(data):
    value, noise = data
    assert line(value, -2 * value + 1) == pytest.approx((-2, -1))
    assert abs(line(value, noise)[1]) < 0.06
    assert np.isnan(line(value, np.ones(2000))).all()


def test_a_correlation_is_signed_and_its_square_is_the_explained_share(data):
    value, noise = data
    assert correlation(value, 3 * value - 2) == pytest.approx(1)
    assert correlation(value, 1 - value) == pytest.approx(-1)
    assert correlation(value, value + noise) ** 2 == pytest.approx(r_squared(value + noise, value[:, None]))
    assert correlation(value, np.ones(2000)) == 0
    # The third row does not count; with it the line falls.
    x, y = np.array([0.0, 1, 2]), np.array([0.0, 1, -9])
    assert correlation(x, y, np.array([1.0, 1, 0])) == pytest.approx(1) and correlation(x, y) < 0
