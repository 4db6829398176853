"""Scales, distributions, Retrace and running moments of action values, by hand and against NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.update_rules.disco.values import (
    cross_entropy,
    expected,
    init_moments,
    retrace,
    seen,
    squash,
    standardise,
    taken,
    unsquash,
)
from tests.update_rules.disco import oracle


def test_the_scale_is_the_square_root_with_a_little_of_the_number_itself_and_back():
    # √(8 + 1) − 1 + .008 = 2.008
    np.testing.assert_allclose(squash(jnp.array([8.0, -8.0, 0.0])), [2.008, -2.008, 0], rtol=1e-6)
    x = jnp.array([-300.0, -1.5, 0.0, 0.01, 2.0, 1e4])
    np.testing.assert_allclose(unsquash(squash(x)), x, rtol=2e-3, atol=2e-4)
    assert float(unsquash(jnp.asarray(-2.008))) == pytest.approx(-8, rel=1e-3)


def test_a_distribution_on_one_bin_has_the_value_of_that_bin():
    logits = jnp.where(jnp.arange(601) == 302, 0.0, -1e9)
    assert float(expected(logits)) == pytest.approx(oracle.unsquash(2), rel=1e-4)


@pytest.mark.parametrize("value", [0.0, 1.0, -7.3, 1000.0, 1e6, -1e6])
def test_the_cross_entropy_is_that_of_the_two_nearest_bins(value):
    logits = np.random.default_rng(0).normal(size=601)
    ours = cross_entropy(jnp.asarray(logits, jnp.float32), jnp.asarray(value, jnp.float32))
    assert float(ours) == pytest.approx(oracle.value_loss(logits, value), rel=2e-4)


def test_its_least_cross_entropy_has_the_value_as_its_mean():
    # At the minimum over distributions the weights are those of the target, whose mean is squash(value).
    value = jnp.asarray(-7.3)
    below = jnp.floor(squash(value))
    share = squash(value) - below
    bins = jnp.arange(601) - 300
    p = jnp.where(bins == below, 1 - share, 0) + jnp.where(bins == below + 1, share, 0)
    assert float(expected(jnp.log(p + 1e-30))) == pytest.approx(-7.3, rel=1e-3)
    gradient = jax.grad(cross_entropy)(jnp.log(p + 1e-30), value)
    np.testing.assert_allclose(gradient, 0, atol=1e-5)


def test_retrace_worked_by_hand():
    # γ = ½, λ = ½; three steps, the episode goes on:
    #   G_2 = 4 + ½ · 6 = 7
    #   G_1 = 2 + ½ [v_2 + ½ · 1 · (G_2 − q_2)] = 2 + ½ [2 + ½ (7 − 3)] = 4          (ρ_2 = 3 counts as 1)
    #   G_0 = 1 + ½ [v_1 + ½ · ½ · (G_1 − q_1)] = 1 + ½ [1 + ¼ (4 − 2)] = 1.75       (ρ_1 = ½)
    def targets(terminal):
        column = lambda *x: jnp.asarray(x, float)[:, None]  # noqa: E731
        rows = (column(1, 2, 4), column(*terminal) > 0, column(9, 2, 3), column(9, 1, 2, 6), column(9, 0.5, 3))
        return retrace(*rows, 0.5, 0.5)[:, 0]

    np.testing.assert_allclose(targets([0, 0, 0]), [1.75, 4, 7])
    np.testing.assert_allclose(targets([0, 1, 0]), [1 + 0.5 * (1 + 0.25 * (2 - 2)), 2, 7])
    np.testing.assert_allclose(targets([1, 0, 1]), [1, 2 + 0.5 * (2 + 0.5 * (4 - 3)), 4])


def test_moments_of_the_first_batch_standardise_it_and_later_ones_count_more():
    x = jnp.array([[1.0, 3.0], [5.0, 7.0]])
    first = seen(init_moments(), x)
    np.testing.assert_allclose(standardise(first, x), (x - 4) / np.sqrt(5), rtol=1e-4)
    second = seen(first, 10 * x)
    # Weights .99 · .01 and .01, divided by their sum.
    mean = (0.99 * 4 + 40) / 1.99
    square = (0.99 * 21 + 2100) / 1.99
    wanted = (x - mean) / np.sqrt(square - mean**2)
    np.testing.assert_allclose(standardise(second, x), wanted, rtol=1e-3)


def test_equal_numbers_do_not_become_infinite():
    # Their deviation is 0 but for rounding, and only ε stands below.
    x = jnp.full((2, 2), 3.0)
    found = standardise(seen(init_moments(), x), jnp.array([3.0, 4.0]))
    assert np.all(np.isfinite(found)) and abs(float(found[0])) < float(found[1])


def test_entries_of_actions_are_taken():
    x = jnp.arange(12.0).reshape(1, 2, 3, 2)
    np.testing.assert_array_equal(taken(x, jnp.array([[2, 0]])), [[[4, 5], [6, 7]]])
    np.testing.assert_array_equal(taken(x[..., 0], jnp.array([[1, 1]])), [[2, 8]])
