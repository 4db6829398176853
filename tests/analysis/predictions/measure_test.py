"""Predictions on the unseen grid: a TD target gives the true value, a rule that learns nothing changes nothing."""

import numpy as np
import pytest

from lpg.analysis.predictions.findings import at_end, correlations
from lpg.analysis.predictions.measure import Config, measure
from lpg.analysis.table import select
from lpg.evaluation.train_config import TrainConfig
from lpg.update_rules.lpg import init_lpg
from tests.analysis.toys import NeverLearns, OneStep

TRAIN_CONFIG = TrainConfig(num_envs=32, num_steps=10)


@pytest.mark.thorough
def test_a_rule_whose_target_is_the_td_target_learns_the_true_value_and_no_other():
    tables = measure(OneStep(), Config(gamma=0.9, iterations=300, frames=2, rate=8.0), TRAIN_CONFIG, 0)
    cells, last = tables["cells"], select(tables["y"], iteration=300)
    assert np.abs(last["y_0"] - cells["value_0.9"]).max() < 0.2
    (found,) = correlations(cells, last)
    assert found["value_0.9"] ** 2 > 0.9
    # The twins: not from the beginning, and not from a rule that learns nothing.
    assert correlations(cells, select(tables["y"], iteration=0.0))[0]["value_0.9"] == 0
    unchanged = measure(NeverLearns(), Config(iterations=2, frames=2), TRAIN_CONFIG, 0)
    assert correlations(unchanged["cells"], at_end(unchanged["y"]))[0]["value_0.9"] == 0


@pytest.mark.thorough
def test_the_tables_hold_the_grid_and_every_component(key):
    rule = init_lpg(key, lstm_size=3, prediction_size=4)
    tables = measure(rule, Config(iterations=4, frames=2), TrainConfig(num_envs=8, num_steps=5), 0)
    cells = tables["cells"]
    assert len(cells["row"]) == 86 and sorted(cells["goal"][cells["goal"] != 0]) == [-1, -1, 1, 1]
    assert cells["visits"].sum() == 4 * 8 * 5
    np.testing.assert_allclose(sum(cells[f"pi_{a}"] for a in range(18)), 1, rtol=1e-5)
    assert np.all(cells["value_0.995"] >= cells["value_0.9"] - 0.1)
    y = tables["y"]
    assert np.unique(y["iteration"]).tolist() == [0, 2, 4] and len(y["cell"]) == 3 * 86
    np.testing.assert_allclose(sum(y[f"y_{i}"] for i in range(4)), 1, rtol=1e-5)
    controls = tables["controls"]
    assert list(dict.fromkeys(controls["method"].tolist())) == ["untrained 1", "untrained 2", "untrained 3", "constant"]
    assert len(controls["cell"]) == 4 * 86
    np.testing.assert_allclose(sum(controls[f"y_{i}"] for i in range(4)), 1, rtol=1e-5)
    one, other = (select(controls, method=f"untrained {number}")["y_0"] for number in (1, 2))
    assert np.any(one != other)


@pytest.mark.thorough
def test_equal_seeds_give_equal_tables(key):
    rule = init_lpg(key, lstm_size=3, prediction_size=2)
    small = TrainConfig(num_envs=4, num_steps=3)
    one, same, other = (measure(rule, Config(iterations=1, frames=1), small, seed)["y"]["y_0"] for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert np.any(one != other)


@pytest.mark.parametrize(
    "changes", [{"gamma": 1.0}, {"epsilon": 0.0}, {"iterations": 0}, {"frames": 301}, {"rate": -1.0}]
)
def test_settings_that_make_no_sense_are_refused(changes):
    with pytest.raises(ValueError, match=str(next(iter(changes)))):
        Config(**changes)
