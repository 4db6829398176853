"""Value regression: what learns the true value regresses it as well as TD does, what learns nothing does not."""

import numpy as np
import pytest

from lpg.analysis.table import select
from lpg.analysis.value_regression.measure import Config, measure
from lpg.evaluation.train_config import TrainConfig
from lpg.update_rules.lpg import init_lpg
from tests.analysis.toys import NeverLearns, OneStep

TRAIN_CONFIG = TrainConfig(num_envs=32, num_steps=10)
CONFIG = Config(gamma=0.9, iterations=120, training_grids=3, test_grids=1, fit_steps=200, rate=8.0, td_rate=8.0)


@pytest.fixture(scope="module")
def errors():
    return {
        type(rule).__name__: measure(rule, CONFIG, TRAIN_CONFIG, 0)["errors"] for rule in (OneStep(), NeverLearns())
    }


def share(table, method, gamma=0.9):
    """Error after the last iteration over the variance of the values."""
    one = select(table, method=method, iteration=120, gamma=gamma)
    return float(one["mse"][0] / one["variance"][0])


@pytest.mark.thorough
def test_what_learned_the_value_tells_the_value(errors):
    assert share(errors["OneStep"], "y") < 0.25
    assert share(errors["OneStep"], "td") < 0.25
    assert share(errors["NeverLearns"], "y") > 0.8  # the twin


@pytest.mark.thorough
def test_the_control_does_not_depend_on_the_rule(errors):
    one, other = (select(errors[name], method="td") for name in ("OneStep", "NeverLearns"))
    np.testing.assert_array_equal(one["mse"], other["mse"])


@pytest.mark.thorough
def test_there_is_a_row_for_every_method_iteration_and_discount(errors):
    table = errors["OneStep"]
    assert len(table["mse"]) == 3 * 5 * 4  # y, td and the constant: the rule has no weights
    assert np.unique(table["iteration"]).tolist() == [0, 20, 40, 80, 120]
    # Before any update all values are 0 and say nothing.
    first = select(table, iteration=0, gamma=0.9)
    assert np.all(first["mse"] / first["variance"] > 0.8)


@pytest.mark.thorough
def test_a_rule_with_categorical_predictions_is_measured_too(key):
    rule = init_lpg(key, lstm_size=3, prediction_size=4)
    config = Config(iterations=2, training_grids=2, test_grids=1, fit_steps=20)
    table = measure(rule, config, TrainConfig(num_envs=4, num_steps=3), 0)["errors"]
    assert np.all(np.isfinite(table["mse"]))
    assert list(dict.fromkeys(table["method"].tolist())) == [
        "y", "td", "untrained 1", "untrained 2", "untrained 3", "constant",
    ]  # fmt: skip


@pytest.mark.parametrize("changes", [{"training_grids": 1}, {"test_grids": 0}, {"lambda_": 2.0}, {"gamma": 1.0}])
def test_settings_that_make_no_sense_are_refused(changes):
    with pytest.raises(ValueError, match=str(next(iter(changes)))):
        Config(**changes)
