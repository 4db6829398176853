"""Trials of sweeps on the host and in JAX, by one function."""

import numpy as np
import pytest

import lpg
from lpg.evaluation import sweep_trials
from lpg.evaluation.evaluate import Trial, run_trials
from lpg.evaluation.sweep_trials import FIRST_SEED, SweepTrials
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.tuning_table import read_table
from lpg.learner.loop import DivergedError
from lpg.update_rules.registry import find_rule

HOST, JAX = "gymnasium/CartPole-v1", "chain/short"
CONFIG = TrainConfig(learning_rate=0.01, y_weight=0.1, num_envs=4, num_steps=8)


def trial(environment, seed=0):
    return Trial(environment, seed, CONFIG, 4)


@pytest.mark.thorough
def test_curves_are_in_the_order_of_the_trials_wherever_they_come_from():
    named, told = find_rule("a2c"), []
    curves = SweepTrials(named)(named.rule, [trial(HOST), trial(JAX), trial(HOST, 1)], "tuning", progress=told.append)
    (alone,) = run_trials(named.rule, [trial(JAX)], "tuning")
    for found, wanted in zip(curves[1], alone, strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert sum(told) == 3 * 4 * 32
    # CartPole's first episodes end within 4 × 8 steps at a time; another seed has other ones.
    assert curves[0][0].tolist() == [1, 2, 3, 4] and curves[0][3].sum() > 0
    assert not np.array_equal(curves[0][1], curves[2][1], equal_nan=True)
    # They are those of a training with a seed that nobody reports.
    result = lpg.train("a2c", HOST, 128, seed=FIRST_SEED, config=CONFIG)
    np.testing.assert_array_equal([row.return_mean for row in result.curve], curves[0][1])


@pytest.mark.parametrize("error", [DivergedError, RuntimeError])
def test_an_agent_that_diverges_is_a_bad_trial_and_a_broken_environment_is_none(error, monkeypatch):
    def fails(*arguments, **options):
        raise error("oh")

    monkeypatch.setattr(sweep_trials, "train_plan", fails)
    named = find_rule("a2c")
    if error is RuntimeError:
        with pytest.raises(RuntimeError, match="oh"):
            SweepTrials(named)(named.rule, [trial(HOST)], "tuning")
    else:
        ((updates, mean, _, episodes),) = SweepTrials(named)(named.rule, [trial(HOST)], "tuning")
        assert updates.tolist() == [4] and np.isnan(mean).all() and episodes.tolist() == [0]


@pytest.mark.thorough
def test_a_sweep_on_the_host_is_recorded_and_used(tmp_path):
    found = lpg.tune("a2c", HOST, trials=2, steps_scale=0.0005, out=tmp_path)[HOST]
    (entry,) = read_table(tmp_path / "tuned" / "a2c.json")["environments"][HOST]
    assert entry["trials"] == 2 and entry["seeds"] == 3 and not entry["is_normalised"]
    assert entry["setting"]["learning_rate"] == pytest.approx(found.learning_rate)
    scores = [row[-1] for row in entry["sweep"]]
    assert scores == sorted(scores, reverse=True) and entry["score"] == scores[0]
