"""Configurations where none is recorded: what differs between rules, and what a rule's own agents had."""

from lpg.evaluation.default_config import atari_default, default_for, of_meta_training
from lpg.update_rules.a2c import A2C
from lpg.update_rules.proximal import PPO
from lpg.update_rules.registry import NamedRule

CONFIG = {
    "learning_rates": [4.0, 8.0, 16.0], "y_weights": [0.5, 1.0, 3.0], "num_envs": 64, "num_steps": 10,
    "table_step": "visits", "network_learning_rates": [0.002, 0.004, 0.008], "normalise_observations": True,
}  # fmt: skip


def test_rules_that_use_a_rollout_several_times_have_more_updates_and_no_others():
    for kind in ("table", "dense", "convolution"):
        plain, several = (default_for(kind, is_learned=False, step_limit=limit) for limit in (None, "clip"))
        assert plain.num_epochs == 1 < several.num_epochs and several.learning_rate == plain.learning_rate


def test_only_the_environments_of_tables_that_step_by_visits_are_limited():
    table, network = (of_meta_training({"config": CONFIG}, kind) for kind in ("table", "dense"))
    assert (table.learning_rate, table.y_weight, table.num_envs, table.num_steps) == (8.0, 1.0, 16, 10)
    assert (network.learning_rate, network.y_weight, network.num_envs) == (0.004, 1.0, 64)
    assert of_meta_training({"config": CONFIG | {"table_step": "samples"}}, "table").num_envs == 64
    assert of_meta_training({"config": CONFIG}, "convolution") is None and of_meta_training({}, "table") is None


def test_on_atari_a_rule_with_a_value_function_has_no_other_baseline():
    def named(rule):
        return NamedRule(rule, "r", label="r", card={}, path=None)

    a2c, ppo = atari_default(named(A2C())), atari_default(named(PPO()))
    assert (a2c.num_envs, a2c.baseline, a2c.num_epochs) == (30, False, 1) and ppo.num_epochs == 4
