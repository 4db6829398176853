"""Figure 7: the variants, their standings, the verdicts and the figure."""

import dataclasses

import numpy as np
import pytest

from lpg.analysis.ablation import draw, plot, score, standings, validated_with, variants
from lpg.analysis.paper_numbers import FIGURE_7
from lpg.analysis.table import make_table
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


NAMES = ("lpg", "lpg-v", "no-softmax", "no-entropy", "no-l2", "fixed-hyper", "no-bootstrap", "no-recurrence")


def tables(seed=0, **heights):
    """Curves of four validations, at 100, 200, 300 and 400 meta-updates; the last one counts."""
    rows = []
    for name in NAMES:
        height = heights.get(name.replace("-", "_"), 0.5)
        rows += [
            {"variant": name, "seed": float(seed), "meta_update": 100 * n, "score": height if n == 4 else 0.0}
            for n in (1, 2, 3, 4)
        ]
    return {"validations": make_table(rows)}


def test_the_last_quarter_of_what_all_have_reached_counts():
    # At 300 and 400 of 400: (0 + .8) / 2 = .4
    assert standings(tables(lpg=0.8)["validations"])["lpg"] == pytest.approx([0.4])
    cut = tables(lpg=0.8)["validations"]
    keep = (cut["variant"] != "no-l2") | (cut["meta_update"] <= 200)
    cut = {name: column[keep] for name, column in cut.items()}
    assert standings(cut)["lpg"] == [0]  # all have reached 200, and nobody scored by then


def test_the_mean_over_seeds_counts_and_a_seed_that_is_behind_does_not_yet():
    first, second = tables(lpg=0.8)["validations"], tables(seed=1, lpg=0.4)["validations"]
    both = {name: np.concatenate([first[name], second[name]]) for name in first}
    assert standings(both)["lpg"] == pytest.approx([0.4, 0.2])
    assert "lpg 0.300 (0.200–0.400, 2 seeds)" in score({"validations": both})[0].found
    behind = {name: np.concatenate([first[name], second[name][:3]]) for name in first}  # seed 1 of lpg is at 300
    assert standings(behind)["lpg"] == pytest.approx([0.4])


def test_lpg_must_be_above_all_five():
    assert [claim.verdict for claim in score(tables(lpg=0.8))] == ["reproduced", "reproduced"]
    first, second = score(tables(lpg=0.8, lpg_v=0.9, no_bootstrap=0.9))
    assert (first.verdict, second.verdict) == ("partly", "partly")
    first, second = score(tables(lpg=0.1))
    assert (first.verdict, second.verdict) == ("not reproduced", "not reproduced")


def test_without_all_variants_there_is_no_result_yet():
    short = {name: column[:4] for name, column in tables()["validations"].items()}
    assert {claim.verdict for claim in score({"validations": short})} == {"no results yet"}
    assert "no-l2" in score({"validations": short})[0].found


def test_there_is_a_line_per_variant_and_one_per_variant_of_the_paper():
    left, right = draw(tables(lpg=0.8)).axes
    assert [line.get_label() for line in left.lines] == list(NAMES)
    np.testing.assert_allclose(left.lines[0].get_ydata(), [0, 0, 0, 0.8])
    assert len(right.lines) == 6
    assert [line.get_color() for line in right.lines] == [line.get_color() for line in left.lines[:6]]
    np.testing.assert_allclose(right.lines[0].get_ydata()[-1], 0.96)


def test_several_seeds_are_a_line_for_their_mean_and_a_thin_one_for_each():
    first, second = tables(lpg=0.8)["validations"], tables(seed=1, lpg=0.4)["validations"]
    left, _ = draw({"validations": {name: np.concatenate([first[name], second[name]]) for name in first}}).axes
    mean, one, other = [line.get_ydata()[-1] for line in left.lines[:3]]
    assert (mean, one, other) == pytest.approx((0.6, 0.8, 0.4))


def test_it_is_saved_even_before_there_is_anything_of_ours(tmp_path):
    empty = {"validations": {name: np.zeros(0) for name in ("variant", "seed", "meta_update", "score")}}
    (path,) = plot(empty, tmp_path / "figures")
    assert path.read_bytes().startswith(b"\x89PNG")
