import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.agents.outputs import MASKED_LOGIT
from lpg.analysis.ablated_inputs.ablated import INPUT_ABLATIONS, WHOLE, uniform_policy
from lpg.types import AgentOutput
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


def test_each_cut_takes_one_sense_and_leaves_the_others(rule):
    given = inputs(0)
    other = inputs(5)
    cases = {
        "blind to policy": dataclasses.replace(
            given, output=dataclasses.replace(given.output, logits=other.output.logits)
        ),
        "blind to predictions": dataclasses.replace(
            given, output=dataclasses.replace(given.output, prediction=other.output.prediction)
        ),
        "no bootstrapping": dataclasses.replace(given, next_prediction=other.next_prediction),
    }
    for cut, changed in cases.items():
        for name in (WHOLE, *cases):
            # What is seen of the next state is part of what is seen of predictions.
            is_blind = name == cut or (name == "blind to predictions" and cut == "no bootstrapping")
            assert depends(INPUT_ABLATIONS[name].cut(rule), given, changed) != is_blind, (name, cut)


def test_the_uniform_policy_is_one_over_the_actions_that_exist():
    logits = jnp.array([[[3.0, -1.0, MASKED_LOGIT]]] * 4)
    given = inputs(0, logits=logits)
    np.testing.assert_allclose(jax.nn.softmax(uniform_policy(given).output.logits)[0, 0], [0.5, 0.5, 0.0], atol=1e-6)


def test_a_lesioned_rule_is_a_rule_with_the_loss_of_the_whole(rule):
    given = inputs(0)
    for ablation in INPUT_ABLATIONS.values():
        cut = ablation.cut(rule)
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
