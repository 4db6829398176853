"""Convergence: a TD rule forgets its beginning and follows the policy, one that never learns does neither."""

import jax.numpy as jnp
import numpy as np
import pytest

from lpg.analysis.convergence.findings import distance_at
from lpg.analysis.convergence.measure import Config, distance, distance_between_cells, measure
from lpg.analysis.table import select
from lpg.evaluation.train_config import TrainConfig
from lpg.update_rules.a2c import A2C
from lpg.update_rules.lpg import init_lpg
from tests.analysis.toys import NeverLearns, OneStep


class Scattered:
    """Values that count as discovered, so that they begin at random and there is a distance to lose."""

    discovers_predictions = True
    without = "softmax"


class ScatteredOneStep(Scattered, OneStep):
    """A one-step TD rule."""


class ScatteredNeverLearns(Scattered, NeverLearns):
    """Never learns."""


TRAIN_CONFIG = TrainConfig(num_envs=32, num_steps=10)
CONFIG = Config(gamma=0.9, iterations=150, grids=2, switch_grids=2, control_grids=1, rate=8.0)


@pytest.fixture(scope="module")
def found():
    rules = (ScatteredOneStep(), ScatteredNeverLearns())
    return {type(rule).__name__: measure(rule, CONFIG, TRAIN_CONFIG, 0)["distances"] for rule in rules}


def fallen(distances, pair):
    """Distance at the end over the first one."""
    return distance_at(distances, "y", pair) / distance_at(distances, "y", pair, 0.0)


def test_divergences_worked_by_hand(key):
    categorical = init_lpg(key, lstm_size=2, prediction_size=2)
    # KL((½, ½) ‖ (¾, ¼)) = ½ ln(½ / ¾) + ½ ln(½ / ¼) = ½ ln(4/3) = 0.143841
    one, other = np.array([[0.5, 0.5]]), np.array([[0.75, 0.25]])
    np.testing.assert_allclose(distance(categorical, one, other), [0.143841], rtol=1e-5)
    np.testing.assert_array_equal(distance(categorical, one, one), [0])
    np.testing.assert_allclose(distance(A2C(), one, other), [2 * 0.25**2])
    # Of two cells with shares ¼ and ¾ a pair is (one, other) or (other, one) with probability 3/16 each.
    cells, share = np.stack([one[0], other[0]])[None, None], np.array([[0.25, 0.75]])
    there, back = distance(categorical, one, other)[0], distance(categorical, other, one)[0]
    np.testing.assert_allclose(
        distance_between_cells(categorical, cells, share), [[3 / 16 * (there + back)]], rtol=1e-5
    )
    np.testing.assert_allclose(distance_between_cells(A2C(), cells, share), [[3 / 8 * 2 * 0.25**2]], rtol=1e-5)


@pytest.mark.thorough
def test_under_a_td_target_the_beginning_is_forgotten(found):
    table = found["ScatteredOneStep"]
    assert select(table, method="y", pair="other")["distance"][0] == pytest.approx(
        2.0, rel=0.25
    )  # two numbers from N(0, 1)
    assert fallen(table, "other") < 0.1
    assert fallen(table, "same-seed") < 0.1
    assert fallen(found["ScatteredNeverLearns"], "other") == 1  # the twin


@pytest.mark.thorough
def test_where_the_policy_changes_the_value_becomes_the_new_one(found):
    table = found["ScatteredOneStep"]
    assert fallen(table, "new") < 0.2
    assert fallen(table, "old") > 3
    assert select(table, method="y", pair="new")["iteration"].tolist()[0] == 150
    # The twin: what learns nothing neither leaves nor arrives.
    assert fallen(found["ScatteredNeverLearns"], "new") == 1


@pytest.mark.thorough
def test_a_rule_with_categorical_predictions_is_measured_too(key):
    rule = init_lpg(key, lstm_size=3, prediction_size=4)
    config = Config(iterations=3, grids=2, switch_grids=1, control_grids=1)
    table = measure(rule, config, TrainConfig(num_envs=4, num_steps=3), 0)["distances"]
    assert np.all(table["distance"] > 0)
    assert np.isnan(select(table, method="y", pair="new")["stderr"]).all()  # of one grid
    one, same = select(table, method="y", pair="other"), select(table, method="y", pair="same-seed")
    assert one["distance"][0] == same["distance"][0] and one["distance"][-1] != same["distance"][-1]


@pytest.mark.parametrize(
    "changes", [{"grids": 0}, {"switch_grids": 200}, {"iterations": 0}, {"control_grids": 0}, {"rate": 0.0}]
)
def test_settings_that_make_no_sense_are_refused(changes):
    with pytest.raises(ValueError, match=str(next(iter(changes)))):
        Config(**changes)


def test_the_arrays_are_on_the_host():
    assert isinstance(distance(A2C(), np.zeros((2, 1)), np.asarray(jnp.ones((2, 1)))), np.ndarray)
