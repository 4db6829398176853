"""Each ablation removes one input and nothing else; areas are normalised returns with the same seeds."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.agents.outputs import MASKED_LOGIT
from lpg.analysis.ablated_inputs.measure import FROZEN, FULL, INPUT_ABLATIONS, Config, measure, uniform_policy
from lpg.analysis.table import select
from lpg.evaluation.tasks import reference
from lpg.evaluation.train_config import TrainConfig
from lpg.types import AgentOutput
from lpg.update_rules.a2c import A2C
from lpg.update_rules.base import Rule, RuleInputs
from lpg.update_rules.lpg import init_lpg
from tests.helpers import hyperparameters, random_output, trajectory


@pytest.fixture(scope="module")
def rule():
    return init_lpg(jax.random.key(1), lstm_size=16, prediction_size=3)


def inputs(seed, **changes):
    """Four steps; logits, predictions and what follows them are random unless they are given."""
    key_output, key_next = jax.random.split(jax.random.key(seed))
    output = dataclasses.replace(random_output(key_output, (4, 1)), **changes)
    return RuleInputs(
        trajectory=trajectory(reward=[0.0, 1.0, 0.0, 0.5], terminated=[0, 0, 1, 0]),
        output=output,
        next_prediction=random_output(key_next, (4, 1)).prediction,
    )


def pi_hat(rule, given):
    return np.asarray(rule.targets(given, hyperparameters()).pi_hat)


def depends(rule, one, other):
    return not np.array_equal(pi_hat(rule, one), pi_hat(rule, other))


@pytest.mark.thorough
def test_each_ablation_removes_one_input_and_keeps_the_others(rule):
    given = inputs(0)
    other = inputs(5)
    cases = {
        "uniform π as input": dataclasses.replace(
            given, output=dataclasses.replace(given.output, logits=other.output.logits)
        ),
        "uniform y as input": dataclasses.replace(
            given, output=dataclasses.replace(given.output, prediction=other.output.prediction)
        ),
        "no bootstrapping": dataclasses.replace(given, next_prediction=other.next_prediction),
    }
    for cut, changed in cases.items():
        for name in (FULL, *cases):
            # What is seen of the next state is part of what is seen of predictions.
            is_blind = name == cut or (name == "uniform y as input" and cut == "no bootstrapping")
            assert depends(INPUT_ABLATIONS[name].apply(rule), given, changed) != is_blind, (name, cut)


def test_the_uniform_policy_is_one_over_the_actions_that_exist():
    logits = jnp.array([[[3.0, -1.0, MASKED_LOGIT]]] * 4)
    given = inputs(0, logits=logits)
    np.testing.assert_allclose(jax.nn.softmax(uniform_policy(given).output.logits)[0, 0], [0.5, 0.5, 0.0], atol=1e-6)


def test_a_ablated_rule_is_a_rule_with_the_loss_of_the_whole(rule):
    given = inputs(0)
    for ablation in INPUT_ABLATIONS.values():
        cut = ablation.apply(rule)
        assert isinstance(cut, Rule)
        assert (cut.prediction_size, cut.discovers_predictions) == (3, True)
        targets = rule.targets(given, hyperparameters())
        output: AgentOutput = given.output
        assert cut.loss(output, given, targets, hyperparameters()) == rule.loss(
            output, given, targets, hyperparameters()
        )


def test_only_frozen_predictions_are_not_learned():
    assert [name for name, ablation in INPUT_ABLATIONS.items() if not ablation.keeps_predictions] == [
        "frozen predictions"
    ]


CONFIG = Config(environments="chain/short", updates=3, seeds=2)


def test_areas_are_normalised_returns_and_all_cuts_have_the_same_seeds_and_settings(rule):
    asked = []

    def run(cut, trials, purpose, **options):
        asked.append((cut, trials, purpose))
        # Half a point on the way from the random policy (0) to the optimum (1), then all of it.
        return [(np.arange(2), np.array([0.5, 1.0]), np.zeros(2), np.zeros(2)) for _ in trials]

    tables = measure(
        rule, CONFIG, TrainConfig(), 4, config_for=lambda name: TrainConfig(learning_rate=7.0, y_weight=0.25), run=run
    )
    areas = tables["areas"]
    assert areas["ablation"].tolist() == [name for name in INPUT_ABLATIONS for _ in range(2)]
    assert set(areas["seed"]) == {4, 5}
    found = reference("chain/short", 4, "report")
    assert (found.random, found.best) == (0, 1)
    np.testing.assert_allclose(areas["area"], 0.75)
    weights = {
        name: {t.config.y_weight for t in trials} for name, (_, trials, _) in zip(INPUT_ABLATIONS, asked, strict=True)
    }
    assert weights.pop(FROZEN) == {0.0} and set().union(*weights.values()) == {0.25}
    assert {purpose for _, _, purpose in asked} == {"report"}
    assert {t.config.learning_rate for _, trials, _ in asked for t in trials} == {7.0}


@pytest.mark.thorough
def test_agents_are_really_trained(rule):
    areas = measure(rule, CONFIG, TrainConfig(num_envs=4, num_steps=20), 0)["areas"]
    assert np.isfinite(areas["area"]).all() and len(select(areas, seed=1)["area"]) == len(INPUT_ABLATIONS)


def test_rules_without_all_parts_and_environments_without_references_are_refused(rule):
    with pytest.raises(ValueError, match="the rule is A2C; a full LPG is needed"):
        measure(A2C(), CONFIG, TrainConfig(), 0)
    ablated = init_lpg(jax.random.key(0), lstm_size=4, prediction_size=3, embedding_size=2, without="recurrence")
    with pytest.raises(ValueError, match="the rule is LPG without recurrence; a full LPG is needed"):
        measure(ablated, CONFIG, TrainConfig(), 0)
    unknown = dataclasses.replace(CONFIG, environments="chain/short,minatar/seaquest")
    with pytest.raises(ValueError, match="best return of minatar/seaquest is not known"):
        measure(rule, unknown, TrainConfig(), 0)
    with pytest.raises(ValueError, match="updates 0 and seeds 8"):
        Config(updates=0)
