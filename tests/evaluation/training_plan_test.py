"""What a training will be, on either backend."""

import dataclasses
import json

import jax
import pytest

from lpg.evaluation.backend import GymnasiumOptions
from lpg.evaluation.chosen_config import ChosenConfig, general_config
from lpg.evaluation.default_config import default_for
from lpg.evaluation.gymnasium_backend import ATARI_STEPS, GYMNASIUM_STEPS
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.training_plan import backend_of, make_plan
from lpg.evaluation.tuning_table import tuned_beside
from lpg.update_rules.lpg import init_lpg
from lpg.update_rules.registry import NamedRule, find_rule
from tests.learner.mirror import CONTINUOUS, NAME

A2C = find_rule("a2c")


def discovered(card=None) -> NamedRule:
    return NamedRule(init_lpg(jax.random.key(0), lstm_size=4, prediction_size=3), "mine", "my rule", card or {})


def test_what_nobody_says_follows_from_the_environment():
    table, vector = make_plan(A2C, NAME), make_plan(discovered(), "gymnasium/CartPole-v1")
    assert (table.agent, vector.agent) == ("tabular", "T(64-64)/T(64-64)")
    assert table.config == general_config(A2C, "table").config and table.chosen.level == "general"
    assert vector.config == default_for("dense", is_learned=True).for_rule({})
    assert table.num_updates == round(GYMNASIUM_STEPS / table.config.steps_per_update)
    assert (table.rule.label, vector.rule.label) == ("a2c", "my rule")


def test_on_atari_it_is_table_4_of_the_paper():
    task = make_plan(discovered(), "atari/breakout")
    assert (task.agent, task.config.baseline) == ("atari", True)
    assert (task.config.num_envs, task.config.num_steps) == (30, 20)
    config = task.config
    assert (config.learning_rate, config.y_weight, config.gamma) == (5e-4, 0.5, 0.995)
    # 200 M frames are 50 M steps of four frames.
    assert task.num_updates == round(ATARI_STEPS / 600) == round(200e6 / 4 / 600)
    # A rule with a value function has its baseline already; and anybody may do without.
    assert not make_plan(A2C, "atari/breakout").config.baseline
    without = make_plan(discovered(), "atari/breakout", changes={"baseline": False})
    assert without.backend.learner(without).rule.prediction_size == 3
    assert task.backend.learner(task).rule.prediction_size == 4


def test_what_is_given_goes_before_and_is_said(tmp_path):
    table = {
        "format_version": 1,
        "environments": {NAME: [{"updates": 10, "setting": TrainConfig(learning_rate=7.0).record(),
                                 "agent": "tabular"}]},
    }  # fmt: skip
    mine = dataclasses.replace(A2C, path=tmp_path / "t.safetensors", label="x")
    tuned_beside(mine.path).write_text(json.dumps(table))
    found = make_plan(mine, NAME, num_steps=3000)
    assert found.config.learning_rate == 7.0 and found.chosen.source == "tuned at 10 updates (t.tuned.json)"
    assert found.num_updates == round(3000 / 1280) and found.rule.label == "x"
    other = dataclasses.replace(discovered(), path=tmp_path / "e.safetensors")
    general = {"dense": {"setting": {"learning_rate": 0.25}}}
    tuned_beside(other.path).write_text(json.dumps({"format_version": 1, "environments": {}, "general": general}))
    elsewhere = make_plan(other, "gymnasium/CartPole-v1")
    assert elsewhere.config.learning_rate == 0.25 and "e.tuned.json" in elsewhere.chosen.source
    changed = make_plan(A2C, NAME, changes={"gamma": 0.5, "num_envs": 2}, num_steps=400)
    assert (
        changed.config.gamma == 0.5 and changed.chosen.source == "general setting for table agents (a2c.json), changed"
    )
    assert changed.num_updates == 400 // (2 * 20)
    assert (
        make_plan(A2C, NAME, chosen=ChosenConfig(TrainConfig(learning_rate=3.0), "given")).config.learning_rate == 3.0
    )


def test_time_limits_are_shown_as_when_the_rule_was_discovered():
    card = {"config": {"time_limit_is_termination": True}}
    assert make_plan(discovered(card), NAME).config.time_limit_is_termination
    assert not make_plan(discovered(), NAME).config.time_limit_is_termination


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        (CONTINUOUS, {}, "has actions Box"),
        ("gymnasium/CartPole-v1", {"agent": "tabular"}, "observations that are state indices"),
        ("gymnasium/CartPole-v1", {"agent": "C(4)-D(4)"}, "has convolutions"),
        (NAME, {"agent": "D(4)"}, "observations here are state indices"),
        (NAME, {"num_steps": 0}, "num_steps is 0; it must be positive"),
        (NAME, {"changes": {"gamma": 2.0}}, "gamma is 2.0"),
        (NAME, {"changes": {"num_minibatches": 3}}, "num_minibatches is 3 and num_envs"),
        (NAME, {"changes": {"gama": 0.9}}, "unknown key 'gama'; did you mean 'gamma'"),
        (NAME, {"changes": {"ent_coef": 0.1}}, "unknown key 'ent_coef'; here it is policy_entropy_weight"),
        (NAME, {"options": GymnasiumOptions(sticky_actions=0.2)}, "is no Atari game"),
    ],
)
def test_what_does_not_fit_is_found_before_anything_happens(name, options, words):
    with pytest.raises(ValueError, match=words):
        make_plan(A2C, name, **options)


def test_an_entropy_bonus_is_refused_where_it_has_no_effect():
    changes = {"policy_entropy_weight": 0.1}
    with pytest.raises(ValueError, match="policy_entropy_weight is 0.1; .* does not use it"):
        make_plan(discovered(), NAME, changes=changes)
    assert make_plan(discovered(), NAME, changes={"policy_entropy_weight": 0.0}).config.policy_entropy_weight == 0
    assert make_plan(A2C, NAME, changes=changes).config.policy_entropy_weight == 0.1


def test_a_step_limit_is_refused_where_it_has_no_effect():
    for name, rule in (("clip", "ppo"), ("drift_scale", "dpo")):
        assert getattr(make_plan(find_rule(rule), NAME, changes={name: 0.3}).config, name) == 0.3
        for other in (A2C, discovered(), find_rule("dpo" if rule == "ppo" else "ppo")):
            with pytest.raises(ValueError, match=f"{name} is 0.3; {other.label} does not use it, only {rule}"):
                make_plan(other, NAME, changes={name: 0.3})


def test_rules_that_use_a_rollout_several_times_have_a_default_of_their_own():
    found = make_plan(find_rule("dpo"), "gymnasium/CartPole-v1").config
    assert found == default_for("dense", is_learned=False, step_limit="drift_scale").for_rule({})
    assert found.num_epochs > 1 and found.normalise_advantages


def test_environments_in_jax_are_planned_alike():
    plan = make_plan(A2C, "chain/distractor", changes={"num_envs": 16})
    assert (plan.agent, plan.num_updates) == ("D(16)", round(2_000_000 / (16 * 20)))
    assert make_plan(A2C, "tabular/dense", steps_scale=0.5).num_updates == round(1_500_000 / 1280)
    assert make_plan(A2C, "tabular/dense").steps_per_agent == 2344 * 1280
    with pytest.raises(ValueError, match="convolutions"):
        make_plan(A2C, "chain/distractor", agent="C(4)-D(4)")


def test_what_belongs_to_the_other_backend_is_refused():
    with pytest.raises(ValueError, match="chain/short is neither"):
        backend_of("chain/short", options=GymnasiumOptions())
    with pytest.raises(ValueError, match="only grids come in two"):
        backend_of(NAME, num_actions=9)


def test_what_does_nothing_for_a_rule_or_an_agent_is_refused():
    with pytest.raises(ValueError, match="lambda_ is 0.5; my rule does not use it, only rules with a value function"):
        make_plan(discovered(), NAME, changes={"lambda_": 0.5})
    assert make_plan(A2C, NAME, changes={"lambda_": 0.5}).config.lambda_ == 0.5
    assert make_plan(find_rule("lpg-v"), NAME, changes={"lambda_": 0.5}).config.lambda_ == 0.5
    with pytest.raises(ValueError, match=r"table_step is samples; it is for tables, and T\(64-64\)/T\(64-64\) is a"):
        make_plan(A2C, "gymnasium/CartPole-v1", changes={"table_step": "samples"})
    assert make_plan(A2C, NAME, changes={"table_step": "samples"}).config.table_step == "samples"
