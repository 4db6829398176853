"""Real data beside the advantage: A2C is itself, a rule without a baseline is not."""

import numpy as np
import pytest

from lpg.analysis.explained import line
from lpg.analysis.probe.advantages import samples
from lpg.evaluation.settings import Setting
from lpg.evaluation.train_agents import TrainingSizes
from tests.analysis.toys import Deaf, Discounting

SIZES = TrainingSizes(num_envs=16, num_steps=10)


def setting(name):
    return Setting(learning_rate=1.0, gamma=0.9)


def table(rule, environments=("chain/short",), updates=(2,)):
    return samples(rule, environments, updates, setting, SIZES, 0)


def test_the_columns_are_consistent():
    one = table(Discounting(), updates=(1, 3))
    assert np.unique(one["updates"]).tolist() == [1, 3]
    np.testing.assert_allclose(one["return"], one["advantage"] + one["value"], atol=1e-5)
    assert np.all((one["pi"] > 0) & (one["pi"] <= 1))
    assert len({len(column) for column in one.values()}) == 1


def test_a_discounted_sum_of_rewards_is_the_return_without_values_and_not_the_advantage():
    # γλ = .9 · .95 = .855: on short chains nearly all of the λ-return is rewards, none of the advantage's baseline.
    one = table(Discounting(decay=0.855), environments=("tabular/sparse",), updates=(1,))
    assert np.ptp(one["pi_hat"]) > 0
    deaf = table(Deaf())
    assert np.isnan(line(deaf["advantage"], deaf["pi_hat"])[1])  # the twin: π̂ = 0


def test_what_cannot_be_solved_is_refused():
    with pytest.raises(ValueError, match="no exact values"):
        table(Deaf(), environments=("random/small",))
