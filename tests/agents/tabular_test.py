import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from lpg.agents.tabular import Table, init_table


def test_an_output_is_the_row_of_its_state_cut_in_two():
    table = Table(rows=jnp.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), num_actions=2)
    output = table(jnp.array(1))
    np.testing.assert_array_equal(output.logits, [4, 5])
    np.testing.assert_array_equal(output.prediction, [6])


def test_a_fresh_table_has_a_uniform_policy_and_predictions_of_the_scale_asked_for(key):
    table = init_table(key, num_states=1000, num_actions=2, prediction_size=10, prediction_scale=3.0)
    prediction = np.asarray(table.rows[:, 2:])
    np.testing.assert_array_equal(table.rows[:, :2], 0)
    # 10,000 draws: the standard error of the mean is 3/100 = 0.03, of the deviation 3/√20,000 = 0.02; four of each.
    assert abs(prediction.mean()) < 0.12
    assert abs(prediction.std() - 3) < 0.085


def test_a_fresh_table_of_scale_zero_predicts_zero(key):
    table = init_table(key, num_states=5, num_actions=2, prediction_size=1, prediction_scale=0.0)
    np.testing.assert_array_equal(table.rows, np.zeros((5, 3)))


def test_only_the_row_that_was_read_gets_a_gradient(key):
    table = init_table(key, num_states=4, num_actions=2, prediction_size=3, prediction_scale=1.0)
    gradient = jax.grad(lambda theta: jnp.sum(theta(jnp.array(2)).prediction ** 2))(table).rows
    np.testing.assert_array_equal(np.flatnonzero(np.any(gradient != 0, axis=1)), [2])


def test_every_leaf_is_a_float_array_and_the_number_of_actions_is_static(key):
    table = init_table(key, num_states=4, num_actions=2, prediction_size=3, prediction_scale=1.0)
    assert [eqx.is_inexact_array(leaf) for leaf in jax.tree.leaves(table)] == [True]
