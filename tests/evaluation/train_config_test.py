"""The configuration of a training: what it refuses, and which part of it a compiled program depends on."""

import dataclasses

import numpy as np
import pytest

from lpg.evaluation.train_config import LEARN_OPTIONS, STATIC, STEP_SIZE, TRACED, TrainConfig
from lpg.types import Hyperparameters
from lpg.update_rules.learning import LearnOptions, StepSize


def test_every_field_is_either_traced_or_static():
    def fields(kind):
        return {field.name for field in dataclasses.fields(kind)}

    # What fresh agents predict is no matter of their updates.
    assert {*TRACED, *STEP_SIZE, *STATIC, "initial_value"} == fields(TrainConfig)
    # The time of an update is no setting: the training knows it.
    assert {*TRACED, "progress", "num_updates"} == fields(Hyperparameters) and set(STEP_SIZE) == fields(StepSize)
    assert set(LEARN_OPTIONS) == fields(LearnOptions) and set(LEARN_OPTIONS) < set(STATIC)
    assert len({*TRACED, *STEP_SIZE, *STATIC}) == len(TRACED) + len(STEP_SIZE) + len(STATIC)


@pytest.mark.parametrize(
    "values",
    [{"learning_rate": 0.0}, {"y_weight": -1.0}, {"gamma": 1.5}, {"lambda_": -0.1}, {"gamma": float("nan")},
     {"baseline": 1}, {"num_envs": 0}, {"num_steps": 1}, {"num_envs": 1.5}, {"time_limit_is_termination": 2},
     {"table_step": "means"}, {"max_gradient_norm": 0.0}, {"final_learning_rate": 1.5}, {"num_epochs": 0},
     {"num_minibatches": 3}, {"normalise_rewards": 1}],
)  # fmt: skip
def test_impossible_values_are_refused_by_name(values):
    with pytest.raises((ValueError, TypeError), match=next(iter(values))):  # types are checked before in tests
        TrainConfig(**values)


def test_a_program_depends_on_the_static_fields_alone():
    one, other = (
        TrainConfig(learning_rate=3.0, gamma=0.5, max_gradient_norm=0.5),
        TrainConfig(time_limit_is_termination=False),
    )
    assert one.static == other.static and hash(one.static) == hash(other.static)
    for name, value in (("baseline", True), ("num_envs", 3), ("num_steps", 3), ("time_limit_is_termination", True),
                        ("table_step", "samples"), ("num_epochs", 2), ("normalise_observations", True)):  # fmt: skip
        assert TrainConfig(**{name: value}).static != one.static


def test_several_configs_become_arrays():
    arrays = TrainConfig.stack([TrainConfig(), TrainConfig(learning_rate=80.0, lambda_=1.0)])
    np.testing.assert_allclose(arrays.learning_rate, [1.0, 80.0])
    np.testing.assert_allclose(arrays.lambda_, [0.95, 1.0])
    steps = TrainConfig.stack_step_sizes([TrainConfig(), TrainConfig(max_gradient_norm=0.5, final_learning_rate=0.1)])
    np.testing.assert_allclose(steps.max_gradient_norm, [np.inf, 0.5])
    np.testing.assert_allclose(steps.final_learning_rate, [1.0, 0.1])
    assert TrainConfig.stack_step_sizes([TrainConfig()] * 2).max_gradient_norm is None  # nobody clips
    assert TrainConfig(y_weight=0.25).hyperparameters().y_weight == 0.25


def test_a_budget_of_steps_is_a_number_of_updates():
    assert TrainConfig().steps_per_update == 1280
    assert TrainConfig().num_updates(3_000_000) == 2344
    assert TrainConfig(num_envs=16).num_updates(3_000_000) == 9375
    assert TrainConfig().num_updates(1e-3) == 1


def test_time_limits_are_those_of_the_rules_card_unless_given():
    card = {"config": {"time_limit_is_termination": True}}
    assert TrainConfig().for_rule(card).time_limit_is_termination is True
    assert TrainConfig().for_rule({}).time_limit_is_termination is False
    assert TrainConfig().for_rule({"config": "lost"}).time_limit_is_termination is False
    assert TrainConfig(time_limit_is_termination=False).for_rule(card).time_limit_is_termination is False


@pytest.mark.parametrize(
    "config", [TrainConfig(gamma=0.5, baseline=True), TrainConfig(num_envs=16, table_step="samples")]
)
def test_a_record_gives_the_config_back(config):
    assert TrainConfig.of_record(config.record()) == config
    assert "time_limit_is_termination" not in TrainConfig(time_limit_is_termination=True).record()


def test_an_old_record_means_what_it_meant():
    found = TrainConfig.of_record({"learning_rate": 640.0, "y_weight": 0.25})
    assert (found.num_envs, found.num_steps, found.table_step) == (64, 20, "samples")
