"""Controls are of the rule's kind and sizes, and no rule that discovered nothing is told that it reproduces a claim."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.analysis.controls import ConstantTarget, control_names, controls, has_untrained
from lpg.analysis.convergence import findings as convergence_findings
from lpg.analysis.convergence import measure as convergence
from lpg.analysis.policy_evaluation import is_categorical
from lpg.analysis.predictions import findings as predictions_findings
from lpg.analysis.predictions import measure as predictions
from lpg.analysis.value_regression import findings as regression_findings
from lpg.analysis.value_regression import measure as regression
from lpg.evaluation.train_config import TrainConfig
from lpg.update_rules.a2c import A2C
from lpg.update_rules.base import Rule, RuleInputs
from lpg.update_rules.lpg import init_lpg
from lpg.update_rules.lpg_v import init_lpg_v
from tests.helpers import hyperparameters, random_output, trajectory


def untrained():
    return init_lpg(jax.random.key(9), lstm_size=8, prediction_size=6)


def constant():
    """An LPG with weights whose ŷ is the same whatever it sees."""
    rule = untrained()
    head = rule.y_head
    return dataclasses.replace(
        rule,
        y_head=dataclasses.replace(head, weight=jnp.zeros_like(head.weight), bias=jnp.linspace(-1.0, 1.0, 6)),
    )


@pytest.mark.parametrize("without", ["nothing", "softmax"])
def test_controls_of_a_learned_rule_are_untrained_rules_of_its_sizes_and_a_constant(key, without):
    rule = init_lpg(key, lstm_size=3, prediction_size=4, without=without)
    found = controls(jax.random.key(1), rule)
    assert list(found) == ["untrained 1", "untrained 2", "untrained 3", "constant"]
    shapes = jax.tree.map(jnp.shape, rule)
    for number in (1, 2, 3):
        one = found[f"untrained {number}"]
        assert jax.tree.map(jnp.shape, one) == shapes and one.without == without
    first, second = (jax.tree.leaves(found[f"untrained {number}"]) for number in (1, 2))
    assert any(np.any(a != b) for a, b in zip(first, second, strict=True))
    assert is_categorical(found["constant"]) == is_categorical(rule) == (without == "nothing")


def test_controls_of_other_kinds(key):
    assert list(controls(key, A2C())) == ["constant"]  # nothing to train
    assert controls(key, init_lpg_v(key, lstm_size=3))["untrained 2"].prediction_size == 1


@pytest.mark.thorough
def test_a_constant_target_is_a_rule_with_the_loss_of_the_other(key):
    rule = init_lpg(key, lstm_size=3, prediction_size=3)
    one = controls(key, rule)["constant"]
    assert isinstance(one, ConstantTarget) and isinstance(one, Rule)
    output = random_output(key, (2, 1))
    given = RuleInputs(trajectory=trajectory(reward=[0.0, 1.0]), output=output, next_prediction=output.prediction)
    targets = one.targets(given, hyperparameters())
    np.testing.assert_array_equal(targets.pi_hat, 0)
    np.testing.assert_allclose(targets.y_hat.sum(-1), 1, rtol=1e-5)
    np.testing.assert_array_equal(targets.y_hat, jnp.broadcast_to(one.y_hat, targets.y_hat.shape))
    assert one.loss(given.output, given, targets, hyperparameters()) == rule.loss(
        given.output, given, targets, hyperparameters()
    )


def test_controls_are_found_among_the_methods_of_a_table():
    methods = ["y", "td", "constant", "untrained 2", "constant"]
    assert control_names(methods) == ["constant", "untrained 2"]
    assert has_untrained(methods) and not has_untrained(["y", "td", "constant"])


TRAIN_CONFIG = TrainConfig(num_envs=16, num_steps=8)
CASES = {
    "predictions": (predictions, predictions_findings, {"iterations": 40, "frames": 1}),
    "value-regression": (
        regression,
        regression_findings,
        {"iterations": 40, "training_grids": 4, "test_grids": 2, "fit_steps": 100},
    ),
    "convergence": (
        convergence,
        convergence_findings,
        {"iterations": 100, "grids": 2, "switch_grids": 2, "control_grids": 2},
    ),
}


@pytest.mark.thorough
@pytest.mark.parametrize("rule", [untrained, constant])
@pytest.mark.parametrize("case", CASES)
def test_a_rule_that_discovered_nothing_reproduces_nothing(case, rule):
    module, findings, small = CASES[case]
    claims = findings.score(module.measure(rule(), module.Config(**small), TRAIN_CONFIG, 0))
    assert claims and {claim.verdict for claim in claims} <= {"partly", "not reproduced"}
    assert all("untrained 3" in claim.found and "constant" in claim.found for claim in claims)
