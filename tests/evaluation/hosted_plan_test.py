"""What a training on the host will be."""

import dataclasses
import json

import jax
import pytest

from lpg.evaluation.hosted_plan import ATARI_STEPS, GYMNASIUM_STEPS, GymnasiumOptions, make_learner, plan
from lpg.evaluation.settings import DEFAULTS, NETWORK_DEFAULT, Setting
from lpg.evaluation.train_agents import TrainingSizes
from lpg.update_rules.lpg import init_lpg
from lpg.update_rules.registry import NamedRule, find_rule
from tests.learner.mirror import CONTINUOUS, NAME

A2C = find_rule("a2c")


def discovered(card=None) -> NamedRule:
    return NamedRule(init_lpg(jax.random.key(0), lstm_size=4, prediction_size=3), "mine", card or {}, None)


def test_what_nobody_says_follows_from_the_environment():
    table, vector = plan(A2C, NAME), plan(discovered(), "gymnasium/CartPole-v1")
    assert (table.agent, vector.agent) == ("tabular", "D(64-64)")
    assert table.chosen.setting == DEFAULTS[False] and vector.chosen.setting == NETWORK_DEFAULT
    assert table.num_updates == round(GYMNASIUM_STEPS / 1280) and table.sizes == TrainingSizes()
    assert (table.label, vector.label) == ("a2c", "mine")


def test_on_atari_it_is_table_4_of_the_paper():
    task = plan(discovered(), "atari/breakout")
    assert (task.agent, task.chosen.setting.baseline) == ("atari", True)
    assert (task.sizes.num_envs, task.sizes.num_steps) == (30, 20)
    setting = task.chosen.setting
    assert (setting.learning_rate, setting.y_weight, setting.gamma) == (5e-4, 0.5, 0.995)
    # 200 M frames are 50 M steps of four frames.
    assert task.num_updates == round(ATARI_STEPS / 600) == round(200e6 / 4 / 600)
    # A rule with a value function has its baseline already; and anybody may do without.
    assert not plan(A2C, "atari/breakout").chosen.setting.baseline
    without = plan(discovered(), "atari/breakout", setting_changes={"baseline": False})
    assert make_learner(without).rule.prediction_size == 3
    assert make_learner(task).rule.prediction_size == 4


def test_what_is_given_goes_before_and_is_said(tmp_path):
    table = {
        "format_version": 1,
        "environments": {NAME: [{"updates": 10, "setting": dataclasses.asdict(Setting(learning_rate=7.0)),
                                 "agent": "tabular"}]},
    }  # fmt: skip
    (tmp_path / "t.json").write_text(json.dumps(table))
    found = plan(A2C, NAME, tables=(tmp_path / "t.json",), num_steps=3000, label="x")
    assert found.chosen.setting.learning_rate == 7.0 and found.chosen.source == "tuned at 10 updates (t.json)"
    assert found.num_updates == round(3000 / 1280) and found.label == "x"
    (tmp_path / "e.json").write_text(
        json.dumps({"format_version": 1, "environments": {}, "elsewhere": {"network": {"learning_rate": 0.25}}})
    )
    elsewhere = plan(discovered(), "gymnasium/CartPole-v1", tables=(tmp_path / "e.json",))
    assert elsewhere.chosen.setting.learning_rate == 0.25 and "e.json" in elsewhere.chosen.source
    changed = plan(A2C, NAME, setting_changes={"gamma": 0.5}, size_changes={"num_envs": 2}, num_steps=400)
    assert changed.chosen.setting.gamma == 0.5 and changed.chosen.source == "default, changed by --set"
    assert changed.num_updates == 400 // (2 * 20)
    assert plan(A2C, NAME, setting=Setting(learning_rate=3.0)).chosen.setting.learning_rate == 3.0


def test_time_limits_are_shown_as_when_the_rule_was_discovered():
    card = {"config": {"time_limit_is_termination": True}}
    assert plan(discovered(card), NAME).sizes.time_limit_is_termination
    assert not plan(discovered(), NAME).sizes.time_limit_is_termination


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        (CONTINUOUS, {}, "has actions Box"),
        ("gymnasium/CartPole-v1", {"agent": "tabular"}, "observations that number states"),
        ("gymnasium/CartPole-v1", {"agent": "C(4)-D(4)"}, "has convolutions"),
        (NAME, {"agent": "D(4)"}, "observations here number states"),
        (NAME, {"num_steps": 0}, "num_steps is 0; it must be positive"),
        (NAME, {"setting_changes": {"gamma": 2.0}}, "gamma is 2.0"),
        (NAME, {"options": GymnasiumOptions(sticky_actions=0.2)}, "is no Atari game"),
    ],
)
def test_what_does_not_fit_is_found_before_anything_happens(name, options, words):
    with pytest.raises(ValueError, match=words):
        plan(A2C, name, **options)


def test_the_identity_of_a_training_is_json_and_knows_its_seed():
    task = plan(A2C, NAME, num_steps=1280)
    assert json.loads(json.dumps(task.identity(1))) == task.identity(1) != task.identity(0)
