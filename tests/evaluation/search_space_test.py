"""What a sweep may change."""

import dataclasses

import pytest

from lpg.evaluation.default_config import default_for
from lpg.evaluation.search_space import (
    KINDS,
    STEP_LIMITS,
    agent_kind,
    fields_of,
    is_valued,
    predicts_values,
    search_space,
    values_of,
)
from lpg.evaluation.train_config import TrainConfig
from lpg.update_rules.a2c import A2C
from lpg.update_rules.library_algorithm import LibraryAlgorithm
from lpg.update_rules.registry import find_rule


@pytest.mark.parametrize(
    "agent, kind",
    [("tabular", "table"), ("D(64-64)", "dense"), ("T(8)/T(8)", "dense"), ("C(16)-D(32)", "convolution"),
     ("D(4)/C(2)-D(3)", "convolution"), ("atari", "convolution"), ("mine:Net", "dense"),
     ("atari-small", "convolution")],
)  # fmt: skip
def test_agents_are_of_three_kinds(agent, kind):
    assert agent_kind(agent) == kind


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_learned", [True, False])
def test_the_default_lies_in_the_space_and_comes_back_from_it(kind, is_learned):
    space = search_space(kind, is_learned=is_learned, is_valued=not is_learned)
    config = default_for(kind, is_learned=is_learned)
    values = values_of(dataclasses.asdict(config), space)
    for name, value in values.items():
        assert space[name].single() or space[name].to_internal_repr(value) is not None, name
        if choices := getattr(space[name], "choices", None):
            assert value in choices, name
        else:
            assert space[name].low <= value <= space[name].high, name
    assert dataclasses.replace(config, **fields_of(values)) == config


def test_hand_written_rules_have_more_to_search_and_the_same_geometries():
    learned = search_space("table", is_learned=True, is_valued=False)
    written = search_space("table", is_learned=False, is_valued=True)
    assert set(written) - set(learned) == {"policy_entropy_weight", "lambda_"}
    assert learned["geometry"] == written["geometry"]
    fields = {field.name for field in dataclasses.fields(TrainConfig)}
    assert set(fields_of({"geometry": "8 x 20", "y_weight": 1.0})) == {"num_envs", "num_steps", "y_weight"} < fields


def test_networks_whose_predictions_are_values_may_begin_with_an_optimistic_one():
    spaces = {kind: search_space(kind, is_learned=True, is_valued=False, predicts_values=True) for kind in KINDS}
    assert [kind for kind, space in spaces.items() if "initial_value" in space] == ["dense", "convolution"]
    assert all("initial_value" not in search_space(kind, is_learned=True, is_valued=False) for kind in KINDS)
    assert fields_of({"initial_value": 3.0}) == {"initial_value": 3.0}
    named = {
        name: find_rule(name) for name in ("a2c", "a2c-categorical", "lpg-v", "lpg-kick-start", "lpg", "lpg-networks")
    }
    found = [name for name, rule in named.items() if predicts_values(rule.rule, rule.card)]
    assert found == ["a2c", "a2c-categorical", "lpg-v", "lpg-kick-start"]


def test_which_rules_predict_one_value():
    found = {
        name: is_valued(find_rule(name).rule)
        for name in ("a2c", "ppo", "lpg-v", "lpg", "a2c-categorical", "a2c-optimistic")
    }
    assert [name for name, valued in found.items() if valued] == ["a2c", "ppo", "lpg-v"]

    class Quantiles(A2C):
        prediction_size = 8

    # Several numbers need not be categories.
    assert is_valued(Quantiles()) and is_valued(LibraryAlgorithm("rejax/ppo"))


def test_hand_written_rules_in_the_form_of_the_lpg_search_its_learning_rates():
    written = search_space("table", is_learned=False, is_valued=False)
    learned, valued = (
        search_space("table", is_learned=is_learned, is_valued=not is_learned) for is_learned in (True, False)
    )
    for name in ("learning_rate", "y_weight"):
        assert written[name] == learned[name] != valued[name]
    assert set(written) == set(valued)
    config = default_for("table", is_learned=False, is_valued=False)
    for name, value in values_of(dataclasses.asdict(config), written).items():
        choices = getattr(written[name], "choices", None)
        assert value in choices if choices else written[name].low <= value <= written[name].high, name
    # On networks all have the same rates, and the same default.
    network = search_space("dense", is_learned=False, is_valued=False)["learning_rate"]
    assert network == search_space("dense", is_learned=True, is_valued=False)["learning_rate"]
    assert default_for("dense", is_learned=False, is_valued=False) == default_for("dense", is_learned=False)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("step_limit", STEP_LIMITS)
def test_rules_that_use_a_rollout_several_times_search_how_often_and_how_far(kind, step_limit):
    space = search_space(kind, is_learned=False, is_valued=True, step_limit=step_limit)
    without = search_space(kind, is_learned=False, is_valued=True)
    assert set(space) == set(without) | {step_limit, "num_epochs", "num_minibatches"}
    # Networks are updated several times on a rollout under all rules, there by the whole of it.
    assert ("num_epochs" in without) == (kind != "table") and "num_minibatches" not in without
    if kind != "table":
        learned = search_space(kind, is_learned=True, is_valued=False)
        assert learned["num_epochs"] == space["num_epochs"] and "clip_policy" in learned
        assert "clip_policy" not in set(space) | set(without)
        assert set(without["num_epochs"].choices) < set(space["num_epochs"].choices)
    config = default_for(kind, is_learned=False, step_limit=step_limit)
    for name, value in values_of(dataclasses.asdict(config), space).items():
        choices = getattr(space[name], "choices", None)
        assert value in choices if choices else space[name].low <= value <= space[name].high, name
    assert config.num_epochs > 1
    # Every geometry can be split into every number of minibatches.
    for geometry in space["geometry"].choices:
        for parts in space["num_minibatches"].choices:
            TrainConfig(**fields_of({"geometry": geometry}), num_minibatches=parts)


def test_tables_and_learned_rules_choose_about_rewards():
    spaces = {(kind, is_learned): search_space(kind, is_learned=is_learned, is_valued=not is_learned)
              for kind in KINDS for is_learned in (True, False)}  # fmt: skip
    assert [key for key, space in spaces.items() if "normalise_rewards" in space] == [
        ("table", True), ("table", False), ("dense", True), ("convolution", True)
    ]  # fmt: skip
