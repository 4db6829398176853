"""The probe finds out what is known of rules written by hand: their discount, their gain, what they read."""

import numpy as np
import pytest

from lpg.analysis.probe.synthetic import answer, discount, predictions, probabilities, rewards, sharp
from lpg.update_rules.a2c import A2C
from lpg.update_rules.lpg import init_lpg
from tests.analysis.toys import Discounting


@pytest.mark.parametrize("decay", [0.8, 0.95])
def test_the_discount_of_a_linear_rule_is_found(decay):
    table = rewards(Discounting(decay=decay), 0.99, 12)
    np.testing.assert_allclose(table["plus"], decay ** np.arange(12), rtol=1e-4)
    np.testing.assert_allclose(table["minus"], -table["plus"], rtol=1e-4)
    found, horizon = discount(table["delay"], table["plus"])
    assert found == pytest.approx(decay, abs=1e-3)
    # Σ_{k<12} decay^k = (1 − decay^12) / (1 − decay)
    assert horizon == pytest.approx((1 - decay**12) / (1 - decay), rel=1e-3)


def test_that_of_a2c_is_its_own_discount_times_lambda():
    table = rewards(A2C(), 0.9, 10)
    assert discount(table["delay"], table["plus"])[0] == pytest.approx(0.9 * 0.95, abs=1e-3)
    assert np.all(table["zero"] == 0)


def test_a_rule_that_answers_no_reward_has_no_discount():
    assert np.isnan(discount([0.0, 1.0], np.zeros(2))).all()
    # Only the step itself is answered: everything later is worth nothing.
    assert discount([0.0, 1.0, 2.0], np.array([2.0, 0, 0])) == (0.0, 1.0)


def test_an_end_without_pay_is_felt_where_something_would_have_come_after_it():
    # π̂ of this rule has nothing to lose: no reward follows. With y(s_T) = 1 it would have decay^T.
    table = rewards(Discounting(there=1.0), 0.99, 5)
    np.testing.assert_array_equal(table["terminated"], 0)
    ones = np.ones((5, 1, 1))
    ends = {"terminated": np.eye(5, dtype=bool)[:, [4]]}
    rule, still = Discounting(decay=0.8, there=1.0), np.zeros((5, 1))
    np.testing.assert_allclose(answer(rule, 0.99, still, next_prediction=ones).pi_hat[0, 0], 0.8**5, rtol=1e-4)
    np.testing.assert_array_equal(answer(rule, 0.99, still, next_prediction=ones, **ends).pi_hat[0, 0], 0)


def test_the_gain_of_unlikely_actions_is_seen():
    one = probabilities(Discounting(gain=1.0), 0.99, 3)
    plus = one["reward"] == "plus"
    np.testing.assert_allclose(one["pi_hat"][plus], 1 / one["pi"][plus], rtol=1e-3)  # r / π
    flat = probabilities(Discounting(), 0.99, 3)
    np.testing.assert_allclose(flat["pi_hat"][plus], 1, rtol=1e-5)  # the twin


def test_it_is_told_apart_where_predictions_are_read():
    # π̂_0 = −y(s_0) + .5 · .8^4 · y(s_4): a baseline, and bootstrapping from the end; nothing of s_1.
    table = predictions(Discounting(decay=0.8, here=1.0, there=0.5), 0.99, 4)
    assert table["name"].tolist() == ["+1", "−1"]
    np.testing.assert_allclose(table["here"], [-1, 1], rtol=1e-5)
    np.testing.assert_allclose(table["next"], [0, 0], atol=1e-6)
    np.testing.assert_allclose(table["far"], [0.5 * 0.8**4, -0.5 * 0.8**4], rtol=1e-4)
    unchanged = predictions(Discounting(), 0.99, 4)
    assert not np.any([unchanged[place] for place in ("here", "next", "far")])  # the twin


def test_categorical_predictions_are_probed_category_by_category(key):
    table = predictions(init_lpg(key, lstm_size=4, prediction_size=3), 0.99, 4)
    assert table["name"].tolist() == ["y[0]", "y[1]", "y[2]"]
    assert np.all(table["here"] != 0)
    np.testing.assert_array_equal(sharp(3), 4 * np.eye(3))
