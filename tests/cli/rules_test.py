"""`--rule`: labels, and how a rule's agents are set up."""

import json

import pytest

from lpg.cli.rules import named_rules
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.training_plan import make_plan
from lpg.evaluation.tuning_table import tuned_beside
from lpg.update_rules.library_algorithm import LibraryAlgorithm
from lpg.update_rules.lpg_v import init_lpg_v
from lpg.update_rules.registry import find_algorithm
from lpg.update_rules.rule_file import save_rule


def test_a_rule_may_be_given_a_label():
    plain, labelled = named_rules(["a2c", "lpg (untrained)=a2c"])
    assert (plain.label, labelled.label, labelled.name) == ("a2c", "lpg (untrained)", "a2c")


def test_algorithms_of_other_libraries_are_given_like_rules_where_they_may_be():
    (one,) = named_rules(["PPO=rejax/ppo"], find_algorithm)
    assert one.label == "PPO" and isinstance(one.rule, LibraryAlgorithm)
    with pytest.raises(ValueError, match="a rule is needed"):
        named_rules(["PPO=rejax/ppo"])


def test_a_path_with_an_equals_sign_in_it_is_a_path(key, tmp_path):
    path = tmp_path / "k=5.safetensors"
    save_rule(path, init_lpg_v(key, lstm_size=2), {})
    assert named_rules([str(path)])[0].label == "k=5"


@pytest.mark.parametrize("specs", [[], ["a2c", "a2c"], ["random=a2c"], ["best known=a2c"], ["=a2c"]])
def test_rules_must_be_told_apart(specs):
    with pytest.raises(ValueError, match="rule"):
        named_rules(specs)


def test_a_discovered_rule_is_shown_time_limits_as_it_was_used_to(key, tmp_path):
    for name, card in (("a", {"config": {"time_limit_is_termination": True}}), ("b", {})):
        save_rule(tmp_path / f"{name}.safetensors", init_lpg_v(key, lstm_size=2), card)
    a, b, hand_written = named_rules([str(tmp_path / "a.safetensors"), str(tmp_path / "b.safetensors"), "a2c"])
    shown = [TrainConfig().for_rule(one.card).time_limit_is_termination for one in (a, b, hand_written)]
    assert shown == [True, False, False]


def test_a_tuning_table_beside_a_rule_file_is_used(key, tmp_path):
    path = tmp_path / "mine.safetensors"
    save_rule(path, init_lpg_v(key, lstm_size=2), {})
    (one,) = named_rules([str(path)])
    assert make_plan(one, "chain/short", num_steps=128_000).chosen.source == "default"
    entry = {"updates": 100, "setting": {"learning_rate": 5.0}}
    tuned_beside(path).write_text(json.dumps({"format_version": 1, "environments": {"chain/short": [entry]}}))
    assert make_plan(one, "chain/short", num_steps=128_000).config.learning_rate == 5.0
    # The twin: an entry that was made with another agent.
    tuned_beside(path).write_text(
        json.dumps({"format_version": 1, "environments": {"chain/short": [{**entry, "agent": "D(32)"}]}})
    )
    assert make_plan(one, "chain/short", num_steps=128_000).chosen.source == "default"
