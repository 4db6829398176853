import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from lpg.agents.outputs import outputs
from lpg.agents.registry import agent_optimizer
from lpg.agents.tabular import Table
from lpg.layers import Linear
from lpg.types import Trajectory
from lpg.update_rules.a2c import A2C
from lpg.update_rules.base import RuleInputs
from lpg.update_rules.lpg import LPG, init_lpg
from lpg.update_rules.lpg_v import init_lpg_v
from lpg.update_rules.lstm import LSTM
from lpg.update_rules.real_steps import OnRealSteps
from lpg.update_rules.update import agent_update
from tests.helpers import hyperparameters, trajectory

BOTH = jnp.ones(2, bool)


@functools.partial(jax.jit, static_argnames="optimizer")
def updated(rule, agent, seen, hyper, optimizer=None):
    optimizer = optimizer or optax.sgd(1.0)
    return agent_update(rule, agent, optimizer, optimizer.init(agent), seen, BOTH, hyper)[0].rows


def fixed_targets(pi_hat: float, y_hat: tuple[float, ...]) -> LPG:
    """An LPG whose weights are zero: its targets are the same at every step."""
    size = len(y_hat)
    return LPG(
        hidden=Linear(weight=jnp.zeros((size, 1)), bias=jnp.zeros(1)),
        scalar=Linear(weight=jnp.zeros((1, 1)), bias=jnp.zeros(1)),
        lstm=LSTM(weight=jnp.zeros((7, 4)), bias=jnp.zeros(4)),
        pi_head=Linear(weight=jnp.zeros((1, 1)), bias=jnp.array([pi_hat])),
        y_head=Linear(weight=jnp.zeros((1, size)), bias=jnp.log(jnp.array(y_hat))),
        prediction_size=size,
    )


def table(num_states: int, prediction_size: int) -> Table:
    return Table(rows=jnp.zeros((num_states, 2 + prediction_size)), num_actions=2)


def two_states():
    """Two episodes of one step: action 0 in state 0 with reward 1, action 1 in state 1 with reward 0."""
    return trajectory(reward=[1.0, 0.0], terminated=[1, 1], observation=[0, 1], action=[0, 1])


def test_an_actor_critic_update_worked_by_hand():
    # All parameters are 0, so A = (1, 0) and G = (1, 0); T · B = 2 samples, α = 4, α_y = ½.
    #   policy in state 0   4 · 1 · ((1, 0) − (½, ½)) / 2 = (1, −1);  in state 1, where A = 0, nothing
    #   value  in state 0   4 · ½ · (1 − 0) / 2 = 1;                  in state 1 nothing
    rows = updated(A2C(), table(2, 1), two_states(), hyperparameters(learning_rate=4, y_weight=0.5))
    np.testing.assert_allclose(rows, [[1, -1, 1], [0, 0, 0]], atol=1e-6)


def test_a_learned_update_with_known_targets_worked_by_hand():
    # π̂ = .4 and ŷ = (¾, ¼) everywhere; T · B = 2 samples, α = 10, α_y = ½.
    #   policy      10 · .4 · ((1, 0) − (½, ½)) / 2 = (1, −1) in state 0, (−1, 1) in state 1
    #   prediction  −10 · ½ · ½ (ln(½ / ¾) − KL) / 2 = −2.5 · ½ · (−0.405465 − 0.143841) = 0.686633, and −0.686633
    rows = updated(
        fixed_targets(0.4, (0.75, 0.25)), table(2, 2), two_states(), hyperparameters(learning_rate=10, y_weight=0.5)
    )
    np.testing.assert_allclose(rows, [[1, -1, 0.686633, -0.686633], [-1, 1, 0.686633, -0.686633]], rtol=1e-5)
    # The twin: with the target as the divergence's first argument it would be 2.5 (ŷ − y) = 2.5 · .25 = 0.625.
    assert abs(rows[0, 2] - 0.625) > 0.05


def test_the_step_is_a_mean_over_all_samples():
    rule, hyper = fixed_targets(0.4, (0.75, 0.25)), hyperparameters(learning_rate=10)
    one = two_states()
    twice = jax.tree.map(lambda x: jnp.concatenate([x, x], axis=1), one)
    once = updated(rule, table(3, 2), one, hyper)
    np.testing.assert_allclose(updated(rule, table(3, 2), twice, hyper), once, rtol=1e-6)
    # The twin: as many samples again, but in state 2, halve the step of states 0 and 1.
    elsewhere = eqx.tree_at(lambda s: s.observation, twice, twice.observation.at[:, 1].set(2))
    np.testing.assert_allclose(updated(rule, table(3, 2), elsewhere, hyper)[:2], once[:2] / 2, rtol=1e-6)


@pytest.mark.parametrize("optimizer", [optax.sgd(1.0), optax.adam(1.0)], ids=["sgd", "adam"])
def test_rows_of_states_never_visited_do_not_move(key, optimizer):
    agent = Table(rows=jax.random.normal(key, (4, 4)), num_actions=2)
    # State 3 is only a next state; rules read it, but it is not updated.
    seen = eqx.tree_at(lambda s: s.next_observation, two_states(), jnp.array([[1], [3]]))
    rule = fixed_targets(0.4, (0.75, 0.25))
    rows = updated(rule, agent, seen, hyperparameters(), optimizer)
    np.testing.assert_array_equal(rows[2:], agent.rows[2:])
    assert np.all(rows[:2] != agent.rows[:2])  # the twin


def test_without_prediction_weight_predictions_stay(key):
    agent = Table(rows=jax.random.normal(key, (2, 4)), num_actions=2)
    rule = fixed_targets(0.4, (0.75, 0.25))
    still = updated(rule, agent, two_states(), hyperparameters(y_weight=0))
    np.testing.assert_array_equal(still[:, 2:], agent.rows[:, 2:])
    assert np.all(still[:, :2] != agent.rows[:, :2])
    moved = updated(rule, agent, two_states(), hyperparameters(y_weight=0.1))  # the twin
    assert np.all(moved[:, 2:] != agent.rows[:, 2:])


def test_targets_enter_the_inner_gradient_as_constants(key):
    key_rule, key_agent = jax.random.split(key)
    rule = init_lpg(key_rule, lstm_size=4, prediction_size=3, embedding_size=4)
    agent = Table(rows=jax.random.normal(key_agent, (2, 5)), num_actions=2)
    seen = eqx.tree_at(lambda s: (s.terminated, s.is_last), two_states(), (jnp.zeros((2, 1), bool),) * 2)
    hyper = hyperparameters()

    def inputs(theta):
        output = outputs(theta, seen.observation, BOTH)
        following = outputs(theta, seen.next_observation, BOTH)
        return RuleInputs(trajectory=seen, output=output, next_prediction=following.prediction)

    def loss(theta, target_maker):
        now = inputs(theta)
        return rule.loss(now.output, now, rule.targets(inputs(target_maker), hyper), hyper)

    step = updated(rule, agent, seen, hyper) - agent.rows
    constant = jax.grad(loss)(agent, agent).rows
    np.testing.assert_allclose(step, -constant, rtol=1e-4, atol=1e-7)
    # The twin: differentiating through the targets too gives another direction.
    through = jax.grad(lambda theta: loss(theta, theta))(agent).rows
    assert np.abs(through - constant).max() > 1e-4


@pytest.mark.parametrize("rule", ["lpg", "lpg-v", "a2c"])
def test_if_all_ends_are_terminations_one_row_of_next_observation_is_enough(rule, key):
    rules = {"lpg": init_lpg(key, lstm_size=4, prediction_size=3), "lpg-v": init_lpg_v(key, lstm_size=4), "a2c": A2C()}
    rule = rules[rule]
    agent = Table(rows=jax.random.normal(key, (9, 2 + rule.prediction_size)), num_actions=2)
    # Three steps of two environments; the first environment's episode ends after its second step, in state 8.
    observation, following = jnp.array([[0, 3], [1, 4], [7, 5]]), jnp.array([[1, 4], [8, 5], [6, 2]])
    ends = jnp.array([[False, False], [True, False], [False, False]])
    every = Trajectory(
        observation=observation, next_observation=following, action=jnp.array([[0, 1], [1, 1], [0, 0]]),
        reward=jnp.array([[1.0, 0], [2, -1], [0, 3]]), terminated=ends, is_last=ends,
    )  # fmt: skip
    alone = eqx.tree_at(lambda s: s.next_observation, every, following[-1:])
    rows = updated(rule, agent, every, hyperparameters())
    np.testing.assert_allclose(updated(rule, agent, alone, hyperparameters()), rows, rtol=1e-6, atol=1e-7)
    # The twin: at a time limit the final state matters, and one row does not contain it.
    cut = lambda seen: eqx.tree_at(lambda s: s.terminated, seen, jnp.zeros_like(ends))  # noqa: E731
    rows = updated(rule, agent, cut(every), hyperparameters())
    assert not np.allclose(updated(rule, agent, cut(alone), hyperparameters()), rows, rtol=1e-4)


def test_the_learning_rate_scales_the_step():
    rule = fixed_targets(0.4, (0.75, 0.25))
    small, large = (updated(rule, table(2, 2), two_states(), hyperparameters(learning_rate=x)) for x in (1, 40))
    np.testing.assert_allclose(large, 40 * small, rtol=1e-6)


@pytest.mark.parametrize("table_step", ["visits", "samples"])
def test_rows_that_were_visited_move_as_by_a_gradient_of_the_whole_table(table_step, key):
    key_agent, key_rows = jax.random.split(key)
    agent = Table(rows=jax.random.normal(key_agent, (5, 4)), num_actions=2)
    # State 0 three times, 2 twice, 3 once, 1 only as a next state, 4 never; the last step of the second copy is none.
    seen = Trajectory(
        observation=jnp.array([[0, 0], [2, 0], [3, 2]]), next_observation=jnp.array([[2, 0], [3, 2], [1, 1]]),
        action=jnp.array([[0, 1], [1, 1], [0, 0]]), reward=jax.random.normal(key_rows, (3, 2)),
        terminated=jnp.zeros((3, 2), bool), is_last=jnp.zeros((3, 2), bool),
    )  # fmt: skip
    is_real = jnp.ones((3, 2), bool).at[2, 1].set(False)
    rule, mask, hyper = (
        OnRealSteps(fixed_targets(0.4, (0.75, 0.25)), is_real),
        jnp.array([True, False]),
        hyperparameters(),
    )
    optimizer = agent_optimizer("tabular", table_step)
    dense = optax.GradientTransformationExtraArgs(*optax.with_extra_args_support(optimizer))

    def moved(used, rate_scale):
        return agent_update(
            rule, agent, used, optimizer.init(agent), seen, mask, hyper, is_real, rate_scale=rate_scale
        )[0].rows

    found, expected = moved(optimizer, 0.5), moved(dense, 0.5)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert np.all(found[jnp.array([0, 2, 3]), 2:] != agent.rows[jnp.array([0, 2, 3]), 2:])
    np.testing.assert_array_equal(found[jnp.array([1, 4])], agent.rows[jnp.array([1, 4])])
    # The twins: the other step, and twice the rate.
    other = agent_optimizer("tabular", "samples" if table_step == "visits" else "visits")
    assert np.abs(moved(other, 0.5) - found).max() > 1e-3
    np.testing.assert_allclose(moved(optimizer, 1.0) - agent.rows, 2 * (found - agent.rows), rtol=1e-4, atol=1e-6)
