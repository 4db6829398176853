import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from lpg.agents.tabular import Table, init_table
from tests.helpers import with_random_predictions


def test_an_output_is_the_row_of_its_state_cut_in_two():
    table = Table(rows=jnp.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), num_actions=2)
    output = table(jnp.array(1))
    np.testing.assert_array_equal(output.logits, [4, 5])
    np.testing.assert_array_equal(output.prediction, [6])


def test_a_fresh_table_has_a_uniform_policy_and_predicts_zero_everywhere():
    table = init_table(num_states=5, num_actions=2, prediction_size=3)
    np.testing.assert_array_equal(table.rows, np.zeros((5, 5)))
    assert table(jnp.array(4)).logits.shape == (2,) and table(jnp.array(4)).prediction.shape == (3,)


def test_only_the_row_that_was_read_gets_a_gradient(key):
    table = with_random_predictions(key, init_table(num_states=4, num_actions=2, prediction_size=3))
    gradient = jax.grad(lambda theta: jnp.sum(theta(jnp.array(2)).prediction ** 2))(table).rows
    np.testing.assert_array_equal(np.flatnonzero(np.any(gradient != 0, axis=1)), [2])


def test_every_leaf_is_a_float_array_and_the_number_of_actions_is_static():
    table = init_table(num_states=4, num_actions=2, prediction_size=3)
    assert [eqx.is_inexact_array(leaf) for leaf in jax.tree.leaves(table)] == [True]
