"""The action-independent baseline, equation 7."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from lpg.agents.tabular import Table
from lpg.evaluation.train_config import TrainConfig
from lpg.learner.baseline import WithBaseline, check_baseline
from lpg.types import AgentOutput, Targets
from lpg.update_rules.base import Rule, RuleInputs
from lpg.update_rules.losses import kl_divergence, log_prob
from lpg.update_rules.update import agent_update
from tests.helpers import hyperparameters, random_output, trajectory
from tests.learner.fixtures import RULES, fixed_targets, seen


def one_state(*row: float) -> Table:
    return Table(rows=jnp.array([row], float), num_actions=2)


def updated(rule, table):
    step = trajectory(reward=[0.0], terminated=[1], observation=[0], action=[0])
    hyper = hyperparameters(learning_rate=10, y_weight=0.5)
    optimizer = optax.sgd(1.0)
    mask = jnp.ones(2, bool)
    return agent_update(rule, table, optimizer, optimizer.init(table), step, mask, hyper)[0].rows[0]


def test_an_update_with_a_baseline_worked_by_hand():
    # π̂ = .4 and ŷ = (¾, ¼); logits (0, 0), y (0, 0), f = .1; one sample, action 0, α = 10, α_y = ½.
    #   policy     10 · (.4 − .1) · ((1, 0) − (½, ½)) = (1.5, −1.5)
    #   prediction −10 · ½ · y_i (log(y_i / ŷ_i) − KL), KL = .143841:
    #              −5 · ½ · (−.405465 − .143841) = 1.373265, and the other one its negative
    #   baseline   10 · (.4 − .1) = 3
    row = updated(WithBaseline(fixed_targets(0.4, (0.75, 0.25))), one_state(0, 0, 0, 0, 0.1))
    np.testing.assert_allclose(row, [1.5, -1.5, 1.373265, -1.373265, 3.1], rtol=1e-5)


def test_without_a_baseline_the_same_update_is_another_one():
    # The twin: 10 · .4 · (½, −½) = (2, −2), the prediction as above.
    row = updated(fixed_targets(0.4, (0.75, 0.25)), one_state(0.0, 0, 0, 0))
    np.testing.assert_allclose(row, [2, -2, 1.373265, -1.373265], rtol=1e-5)


def test_the_gradient_is_that_of_equation_7_written_out(key):
    # The baseline is a constant where it is subtracted: the oracle takes it from a copy that is not differentiated.
    inner, hyper, data = RULES["lpg"](), hyperparameters(y_weight=0.7), seen()
    rule = WithBaseline(inner)
    output = random_output(key, (6, 3), num_actions=2, prediction_size=4)
    inputs = RuleInputs(trajectory=data, output=output, next_prediction=output.prediction)
    targets = rule.targets(inputs, hyper)

    def equation_7(moving: AgentOutput, f_subtracted):
        policy = log_prob(moving.logits, data.action) * (targets.pi_hat - f_subtracted)
        prediction = kl_divergence(moving.prediction[..., :3], targets.y_hat[..., :3])
        regression = (moving.prediction[..., 3] - targets.pi_hat) ** 2
        return jnp.mean(-policy + 0.7 * prediction + 0.5 * regression)

    found = jax.grad(rule.loss)(output, inputs, targets, hyper)
    wanted = jax.grad(equation_7)(output, output.prediction[..., 3])
    np.testing.assert_allclose(found.logits, wanted.logits, atol=1e-6)
    np.testing.assert_allclose(found.prediction, wanted.prediction, atol=1e-6)
    # The twin: were f not constant there, the policy's term would push it.
    pushed = jax.grad(lambda moving: equation_7(moving, moving.prediction[..., 3]))(output)
    assert np.abs(found.prediction - pushed.prediction).max() > 1e-3


@pytest.mark.parametrize("name", RULES)
def test_the_rule_inside_never_sees_the_baseline(name, key):
    inner, hyper, data = RULES[name](), hyperparameters(), seen()
    rule, size = WithBaseline(inner), inner.prediction_size
    output = random_output(key, (6, 3), num_actions=2, prediction_size=size + 1)

    def targets_with(f: float) -> Targets:
        changed = output.prediction.at[..., -1].set(f)
        inputs = RuleInputs(data, AgentOutput(output.logits, changed), changed)
        return rule.targets(inputs, hyper)

    one, other = targets_with(0.0), targets_with(5.0)
    np.testing.assert_array_equal(one.pi_hat, other.pi_hat)
    np.testing.assert_array_equal(one.y_hat, other.y_hat)
    bare = inner.targets(RuleInputs(data, AgentOutput(output.logits, output.prediction[..., :-1]),
                                    output.prediction[..., :-1]), hyper)  # fmt: skip
    np.testing.assert_array_equal(one.pi_hat, bare.pi_hat)
    np.testing.assert_array_equal(one.y_hat[..., :-1], bare.y_hat)


def test_it_is_a_rule_like_any_other():
    rule = WithBaseline(RULES["lpg"]())
    assert isinstance(rule, Rule)
    assert (rule.prediction_size, rule.discovers_predictions) == (4, True)


def test_a_baseline_goes_neither_with_normalised_advantages_nor_with_a_clipped_policy():
    for changes in ({}, {"baseline": True}, {"normalise_advantages": True, "clip_policy": True}):
        TrainConfig(**changes)
        check_baseline(**{"baseline": False, "normalise_advantages": False, "clip_policy": False} | changes)
    with pytest.raises(ValueError, match="baseline and clip_policy are on; only one is possible"):
        TrainConfig(baseline=True, clip_policy=True)
    with pytest.raises(ValueError, match="baseline and normalise_advantages given; only one"):
        TrainConfig(baseline=True, normalise_advantages=True)
