"""The variants are the paper's and two of ours; each is a valid configuration that differs in what it says."""

import dataclasses

import pytest

from lpg.analysis.ablation.variants import validated_with, variants
from lpg.analysis.paper_numbers import FIGURE_7
from lpg.meta_training.config import MetaConfig
from lpg.meta_training.config_file import load_config


def test_all_of_figure_7_are_there_and_two_more():
    names = [variant.name for variant in variants(MetaConfig())]
    assert names[:6] == list(FIGURE_7) and names[6:] == ["no-bootstrap", "no-recurrence"]


def test_each_differs_from_the_whole_in_its_own_fields_only():
    for config in (MetaConfig(), load_config("laptop")):
        whole = dataclasses.asdict(config)
        for variant in variants(config):
            changed = dataclasses.asdict(variant.of(config))
            different = {key for key in whole if whole[key] != changed[key]}
            assert different <= set(variant.changes)
            assert bool(different) == (variant.name != "lpg")


def test_fixed_hyper_parameters_are_one_arm_from_the_middle():
    (fixed,) = [one for one in variants(MetaConfig()) if one.name == "fixed-hyper"]
    assert (fixed.of(MetaConfig()).learning_rates, fixed.of(MetaConfig()).y_weights) == ((40.0,), (0.5,))


def test_all_are_validated_with_the_same_agents_but_for_the_weight_of_their_predictions():
    config = load_config("laptop")
    for variant in variants(config):
        own = validated_with(config, variant.of(config))
        assert own.rule == variant.of(config).rule and own.y_weights == variant.of(config).y_weights
        assert (own.suite, own.validation_learning_rates) == (config.suite, config.validation_learning_rates)
    for value in (one.of(config) for one in variants(config) if one.name in ("lpg-v", "no-softmax")):
        assert [200 * weight for weight in value.y_weights] == pytest.approx(config.y_weights)
        assert value.network_y_weights == config.y_weights  # Adam's steps do not grow with the gradient
