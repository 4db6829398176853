import dataclasses
import logging

import jax
import numpy as np
import pytest

import lpg.evaluation.validation as module
from lpg.evaluation.aggregates import Aggregate, Estimate
from lpg.evaluation.evaluate import score_rule
from lpg.evaluation.scores import RuleScores
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.validation import Validator
from lpg.meta_training.config import MetaConfig
from lpg.update_rules.a2c import A2C
from lpg.update_rules.lpg import init_lpg

CONFIG = MetaConfig(
    suite="chain/short,chain/long", num_envs=8, num_steps=8, validation_updates=60, validation_seeds=2,
    validation_learning_rates=(20.0, 80.0), y_weights=(0.1, 0.5, 1.0), lstm_size=4, prediction_size=3,
)  # fmt: skip


@pytest.fixture(scope="module")
def validator():
    return Validator(CONFIG)


@pytest.mark.thorough
def test_a_rule_that_learns_scores_far_above_one_that_does_not(validator):
    learns = validator(A2C())
    fresh = validator(init_lpg(jax.random.key(0), lstm_size=4, prediction_size=3))
    assert abs(fresh) < 0.2 and learns > 0.4


def test_the_score_depends_on_nothing_but_the_rule(validator):
    # Neither on an earlier call nor on the object: environments and keys are the validation stream's, seed for seed.
    assert validator(A2C()) == validator(A2C()) == Validator(CONFIG)(A2C())


def test_the_instances_are_the_validation_streams_and_not_the_reported_ones():
    def score(purpose):
        config = TrainConfig(
            learning_rate=20.0, y_weight=0.5, num_envs=8, num_steps=8, table_step="samples",
            time_limit_is_termination=True,
        )  # fmt: skip
        return score_rule(A2C(), "lpg", ("chain/short",), 2, 60, purpose, config)[1].area.iqm

    one = dataclasses.replace(CONFIG, suite="chain/short", validation_learning_rates=(20.0,))
    assert Validator(one)(A2C()) == pytest.approx(score("validation"), abs=1e-9)
    assert Validator(one)(A2C()) != score("report")


def test_nothing_is_compiled_for_the_next_eta(validator, caplog):
    rules = [init_lpg(jax.random.key(seed), lstm_size=4, prediction_size=3) for seed in (1, 2)]
    validator(rules[0])
    with jax.log_compiles(), caplog.at_level(logging.WARNING, logger="jax"):
        validator(rules[1])
    assert not [r for r in caplog.records if "advance" in r.getMessage() or "begin" in r.getMessage()]


def fake_scores(monkeypatch, *, is_exact: bool):
    """Per learning rate the areas (or final returns) of two environments."""
    table = {20.0: {"chain/short": 0.1, "chain/long": 0.9}, 80.0: {"chain/short": 0.5, "chain/long": 0.3}}
    table |= {rate: {"chain/distractor": rate} for rate in (0.002, 0.005, 0.01)}
    seen = []

    def score(rule, label, environments, seeds, updates, purpose, configs):
        assert set(environments) == set(configs)
        seen.append(configs)
        values = {name: table[configs[name].learning_rate][name] for name in environments}
        area = Aggregate(0.0, 0.0, 0.0, values, Estimate(0.0, 0.0, 0.0)) if is_exact else None
        return [], RuleScores(end=None, area=area, raw_end=values, raw_end_stderr={})

    monkeypatch.setattr(module, "score_rule", score)
    return seen


def test_each_environment_counts_with_its_best_learning_rate(monkeypatch):
    # Short: max(0.1, 0.5), long: max(0.9, 0.3): (0.5 + 0.9) / 2 = 0.7. The better single rate has (0.1 + 0.9) / 2.
    seen = fake_scores(monkeypatch, is_exact=True)
    np.testing.assert_allclose(Validator(CONFIG)(A2C()), 0.7)
    # α_y is the middle one of 0.1, 0.5, 1.
    tried = [(s.learning_rate, s.y_weight) for configs in seen for s in configs.values()]
    assert tried == [(20.0, 0.5)] * 2 + [(80.0, 0.5)] * 2


def test_networks_are_tried_with_the_rates_that_they_are_trained_with(monkeypatch):
    # Table 3 has .002, .005 and .01 for the distractor, one more than for tables: (0.5 + 0.9 + 0.01) / 3 = 0.47.
    seen = fake_scores(monkeypatch, is_exact=True)
    mixed = dataclasses.replace(CONFIG, suite="chain/short,chain/long,chain/distractor")
    np.testing.assert_allclose(Validator(mixed)(A2C()), 0.47)
    assert [configs["chain/distractor"].learning_rate for configs in seen] == [0.002, 0.005, 0.01]
    assert list(seen[2]) == ["chain/distractor"]
    own = dataclasses.replace(mixed, network_learning_rates=(0.01,), network_y_weights=(0.2, 0.3, 0.7))
    np.testing.assert_allclose(Validator(own)(A2C()), 0.47)
    assert len(seen) == 3 + 2
    weights = [{name: config.y_weight for name, config in configs.items()} for configs in seen]
    assert (weights[0]["chain/distractor"], weights[3]["chain/distractor"]) == (0.5, 0.3)
    assert weights[3]["chain/long"] == 0.5


def test_where_nothing_can_be_solved_exactly_final_returns_count(monkeypatch):
    fake_scores(monkeypatch, is_exact=False)
    np.testing.assert_allclose(Validator(CONFIG)(A2C()), 0.7)


def test_raw_returns_are_not_mixed_with_normalised_ones(monkeypatch):
    # The distractor chain, a network with three rates, stands for an environment without reference returns.
    area = {20.0: 0.1, 80.0: 0.5}

    def score(rule, label, environments, seeds, updates, purpose, configs):
        exact = {name: area[configs[name].learning_rate] for name in environments if name == "chain/short"}
        found = Aggregate(0.0, 0.0, 0.0, exact, Estimate(0.0, 0.0, 0.0)) if exact else None
        return [], RuleScores(end=None, area=found, raw_end=dict.fromkeys(environments, -100.0), raw_end_stderr={})

    monkeypatch.setattr(module, "score_rule", score)
    both = dataclasses.replace(CONFIG, suite="chain/short,chain/distractor")
    assert Validator(both)(A2C()) == pytest.approx(0.5)
    alone = dataclasses.replace(CONFIG, suite="chain/distractor")
    assert Validator(alone)(A2C()) == pytest.approx(-100.0)  # nothing to normalise with
