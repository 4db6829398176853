"""The configuration of a training: what it refuses, and which part of it a compiled program depends on."""

import dataclasses

import numpy as np
import pytest

from lpg.evaluation.train_config import STATIC, TRACED, TrainConfig
from lpg.types import Hyperparameters


def test_every_field_is_either_traced_or_static():
    assert {*TRACED, *STATIC} == {field.name for field in dataclasses.fields(TrainConfig)}
    assert set(TRACED) == {field.name for field in dataclasses.fields(Hyperparameters)} and not set(TRACED) & set(
        STATIC
    )


@pytest.mark.parametrize(
    "values",
    [{"learning_rate": 0.0}, {"y_weight": -1.0}, {"gamma": 1.5}, {"lambda_": -0.1}, {"gamma": float("nan")},
     {"baseline": 1}, {"num_envs": 0}, {"num_steps": 1}, {"num_envs": 1.5}, {"time_limit_is_termination": 2}],
)  # fmt: skip
def test_impossible_values_are_refused_by_name(values):
    with pytest.raises((ValueError, TypeError), match=next(iter(values))):  # types are checked before in tests
        TrainConfig(**values)


def test_a_program_depends_on_the_static_fields_alone():
    one, other = TrainConfig(learning_rate=3.0, gamma=0.5), TrainConfig(time_limit_is_termination=False)
    assert one.static == other.static and hash(one.static) == hash(other.static)
    for name, value in (("baseline", True), ("num_envs", 3), ("num_steps", 3), ("time_limit_is_termination", True)):
        assert TrainConfig(**{name: value}).static != one.static


def test_several_configs_become_arrays():
    arrays = TrainConfig.stack([TrainConfig(), TrainConfig(learning_rate=80.0, lambda_=1.0)])
    np.testing.assert_allclose(arrays.learning_rate, [40.0, 80.0])
    np.testing.assert_allclose(arrays.lambda_, [0.95, 1.0])
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


@pytest.mark.parametrize("config", [TrainConfig(gamma=0.5, baseline=True), TrainConfig(num_envs=16, num_steps=10)])
def test_a_record_gives_the_config_back(config):
    assert TrainConfig(**config.record()) == config
    assert ("num_envs" in config.record()) == (config.num_envs != 64)
    assert "time_limit_is_termination" not in TrainConfig(time_limit_is_termination=True).record()
