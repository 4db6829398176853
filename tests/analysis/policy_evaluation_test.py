"""Policy evaluation: only y moves, and a rule whose target is a TD target finds the true value."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.agents.tabular import Table
from lpg.analysis.policy_evaluation import (
    Case,
    as_probabilities,
    evaluate_policies,
    fresh_predictions,
    frozen_policy,
    random_predictions,
)
from lpg.environments import exact
from lpg.evaluation.train_config import TrainConfig
from lpg.update_rules.a2c import A2C
from lpg.update_rules.lpg import init_lpg
from tests.helpers import CHAIN, chain, hyperparameters

TRAIN_CONFIG = TrainConfig(num_envs=16, num_steps=5)


def case(key, rule, bias: float = 0.5, length: int = 4) -> Case:
    """A chain, and a policy that takes action 0 with probability `bias`."""
    policy = jnp.broadcast_to(jnp.array([bias, 1 - bias]), (CHAIN.num_states, 2))
    one = (chain(length), policy, fresh_predictions(rule, CHAIN.num_states), key)
    return Case(*jax.tree.map(lambda x: x[None], one))


def evaluate(rule, cases, iterations, **hyper):
    return evaluate_policies(rule, CHAIN, cases, hyperparameters(y_weight=1.0, **hyper), iterations, TRAIN_CONFIG)


@pytest.mark.thorough
def test_under_a_td_target_y_becomes_the_true_value(key):
    # A2C's target is the λ-return; the chain is deterministic after its first step, so nothing but the first states'
    # values is noisy, and those have value (½ · 1 + ½ · (−1)) = 0.
    cases = case(key, A2C())
    found, state = evaluate(A2C(), cases, [0, 300], gamma=0.9, lambda_=0.8, learning_rate=2.0)
    truth = exact.policy_values(CHAIN, chain(4), cases.policy[0], 0.9)
    seen = np.asarray(state.visits[0]) > 0
    late = seen & (np.arange(CHAIN.num_states) >= 2)
    np.testing.assert_allclose(found[1, 0, late, 0], truth[late], atol=0.01)
    np.testing.assert_allclose(found[1, 0, :2, 0], 0, atol=0.35)
    # The twins: it was not so at the beginning, and it is not the value under another discount.
    assert np.abs(found[0, 0, late, 0] - truth[late]).max() > 0.5
    other = exact.policy_values(CHAIN, chain(4), cases.policy[0], 0.5)
    assert np.abs(found[1, 0, late, 0] - other[late]).max() > 0.2


def test_visits_are_counted_and_only_seen_states_move(key):
    rule = init_lpg(key, lstm_size=3, prediction_size=4)
    cases = case(key, rule)
    found, state = evaluate(rule, cases, [0, 3], learning_rate=50.0)
    visits = np.asarray(state.visits[0])
    assert visits.sum() == 3 * 16 * 5
    # Length 4: two first states and 4 branches × 3 places are used of 18, the last 4 are not.
    assert np.all(visits[:14] > 0) and np.all(visits[14:] == 0)
    moved = np.any(found[1, 0] != found[0, 0], axis=1)
    np.testing.assert_array_equal(moved, visits > 0)


def test_the_policy_stays(key):
    optimizer = frozen_policy(2)
    table = Table(rows=jnp.ones((3, 5)), num_actions=2)
    step, _ = optimizer.update(table, optimizer.init(table), table)
    np.testing.assert_array_equal(step.rows[:, :2], 0)
    np.testing.assert_array_equal(step.rows[:, 2:], -1)  # the twin
    # A policy that never takes action 1 never does: the states after it (branch odd for coin 1) are never seen.
    rule = A2C()
    _, state = evaluate(rule, case(key, rule, bias=1.0), [5])
    visits = np.asarray(state.visits[0, 2:14]).reshape(3, 4)
    assert np.all(visits[:, [0, 3]] == 0) or np.all(visits[:, [1, 2]] == 0)
    _, state = evaluate(rule, case(key, rule, bias=0.5), [5])
    assert np.all(np.asarray(state.visits[0, 2:14]) > 0)  # the twin


def test_equal_keys_give_equal_predictions_and_pausing_changes_nothing(key):
    rule = init_lpg(key, lstm_size=3, prediction_size=4)
    straight, _ = evaluate(rule, case(key, rule), [6], learning_rate=50.0)
    paused, _ = evaluate(rule, case(key, rule), [0, 2, 2, 6], learning_rate=50.0)
    np.testing.assert_array_equal(straight[-1], paused[-1])
    np.testing.assert_array_equal(paused[1], paused[2])
    other, _ = evaluate(rule, case(jax.random.key(1), rule), [6], learning_rate=50.0)
    assert np.abs(other - straight).max() > 1e-3  # the twin


def test_iterations_must_ascend(key):
    with pytest.raises(ValueError, match="ascending"):
        evaluate(A2C(), case(key, A2C()), [3, 2])


def test_categorical_predictions_are_shown_as_probabilities(key):
    logits = np.log(np.array([[0.2, 0.3, 0.5]])) + 7
    categorical = init_lpg(key, lstm_size=3, prediction_size=3)
    np.testing.assert_allclose(as_probabilities(categorical, logits), [[0.2, 0.3, 0.5]])
    for rule in (A2C(), init_lpg(key, lstm_size=3, prediction_size=3, without="softmax")):
        np.testing.assert_array_equal(as_probabilities(rule, logits), logits)


def test_fresh_predictions_are_zero_and_random_ones_are_so_only_where_they_are_values(key):
    rule = init_lpg(key, lstm_size=3, prediction_size=10)
    np.testing.assert_array_equal(fresh_predictions(rule, 2, 5), np.zeros((2, 5, 10)))
    found = np.asarray(random_predictions(key, rule, 1000))
    # 10,000 draws: the standard error of the mean is 1/100 = 0.01, of the deviation 1/√20,000 = 0.007; four of each.
    assert found.shape == (1000, 10) and abs(found.mean()) < 0.04 and abs(found.std() - 1) < 0.03
    np.testing.assert_array_equal(random_predictions(key, A2C(), 5), np.zeros((5, 1)))
