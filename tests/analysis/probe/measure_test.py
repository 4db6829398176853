"""The whole probe: every table is there and seeded; chains and agents give what is known of simple rules."""

import jax
import numpy as np
import pytest

from lpg.analysis.probe.measure import Config, gaps, measure, samples
from lpg.analysis.statistics import line
from lpg.evaluation.train_config import TrainConfig
from lpg.update_rules.a2c import A2C
from tests.analysis.toys import Discounting, NeverLearns

SMALL = Config(steps_ahead=4, iterations=1, environments="chain/short", updates=(1,))


@pytest.mark.thorough
def test_every_table_is_there():
    train_config = TrainConfig(num_envs=8, num_steps=4)
    tables = measure(Discounting(), SMALL, train_config, 0)
    assert set(tables) == {"rewards", "probabilities", "predictions", "chains", "samples"}
    same, other = (measure(Discounting(), SMALL, train_config, seed)["samples"] for seed in (0, 1))
    np.testing.assert_array_equal(tables["samples"]["pi_hat"], same["pi_hat"])
    assert np.any(other["value"] != same["value"])


@pytest.mark.parametrize("changes", [{"steps_ahead": 1}, {"updates": ()}, {"updates": (0,)}, {"iterations": 0}])
def test_settings_that_make_no_sense_are_refused(changes):
    with pytest.raises(ValueError, match="at least"):
        Config(**changes)
    with pytest.raises(ValueError, match="did you mean"):
        Config(environments="chain/shrt")


def config_for(name):
    return TrainConfig(learning_rate=1.0, gamma=0.9, num_envs=16, num_steps=10)


def table(rule, environments=("chain/short",), updates=(2,)):
    return samples(rule, environments, updates, config_for, 0)


def test_the_columns_are_consistent():
    one = table(Discounting(), updates=(1, 3))
    assert np.unique(one["updates"]).tolist() == [1, 3]
    np.testing.assert_allclose(one["return"], one["advantage"] + one["value"], atol=1e-5)
    assert np.all((one["pi"] > 0) & (one["pi"] <= 1))
    assert len({len(column) for column in one.values()}) == 1


@pytest.mark.thorough
def test_a_discounted_sum_of_rewards_is_the_return_without_values_and_not_the_advantage():
    # γλ = .9 · .95 = .855: on short chains nearly all of the λ-return is rewards, none of the advantage's baseline.
    one = table(Discounting(decay=0.855), environments=("tabular/sparse",), updates=(1,))
    assert np.ptp(one["pi_hat"]) > 0
    unchanged = table(NeverLearns())
    assert np.isnan(line(unchanged["advantage"], unchanged["pi_hat"])[1])  # the twin: π̂ = 0


def test_what_cannot_be_solved_is_refused():
    with pytest.raises(ValueError, match="no exact values"):
        table(NeverLearns(), environments=("random/small",))


CHAIN_CONFIG = TrainConfig(num_envs=32, num_steps=5)
LENGTHS = (3, 4, 8)


@pytest.mark.thorough
def test_with_values_actor_critic_sees_beyond_the_rollout_and_without_them_it_does_not():
    table = gaps(A2C(), jax.random.key(0), 0.9, 4.0, 150, CHAIN_CONFIG, LENGTHS)
    # Right minus wrong is worth 2 γ^(L−1): 1.62, 1.458, 0.957; all of it is known when the values are.
    np.testing.assert_allclose(table["with"], [1.62, 1.458, 0.957], atol=0.12)
    # Without values only (γλ)^(L−1) of it is seen where the end is in the rollout, and nothing where it is not.
    np.testing.assert_allclose(table["without"][:2], 2 * 0.855 ** np.array([2, 3]), rtol=1e-3)
    assert table["without"][2] == 0


def test_a_rule_that_ignores_predictions_has_the_same_gap_with_them():
    table = gaps(Discounting(decay=0.8), jax.random.key(0), 0.9, 4.0, 3, CHAIN_CONFIG, LENGTHS)
    np.testing.assert_allclose(table["with"], table["without"])
    np.testing.assert_allclose(table["with"], [2 * 0.8**2, 2 * 0.8**3, 0], rtol=1e-3)
