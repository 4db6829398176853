import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.agents.outputs import next_rows, outputs
from lpg.agents.tabular import Table
from lpg.update_rules.losses import entropy, log_prob

MASK = jnp.array([True, False, True])
ALL = jnp.ones(3, bool)


@pytest.fixture
def table(key):
    return Table(rows=jax.random.normal(key, (4, 5)), num_actions=3)


def test_a_masked_action_has_probability_exactly_zero(table):
    observation = jnp.arange(4).reshape(2, 2)
    assert np.all(jax.nn.softmax(outputs(table, observation, MASK).logits)[..., 1] == 0)
    assert np.all(jax.nn.softmax(outputs(table, observation, ALL).logits)[..., 1] > 0)  # the twin


def test_the_other_actions_share_the_probability_as_if_the_masked_one_did_not_exist(table):
    logits = np.asarray(table.rows[2, :3])
    left = np.exp(logits[[0, 2]]) / np.exp(logits[[0, 2]]).sum()
    probability = jax.nn.softmax(outputs(table, jnp.array(2), MASK, batch_ndim=0).logits)
    np.testing.assert_allclose(probability, [left[0], 0, left[1]], rtol=1e-6)


def test_gradients_through_a_masked_action_are_finite_and_zero(table):
    def score(theta, mask):
        logits = outputs(theta, jnp.arange(4), mask, batch_ndim=1).logits
        return jnp.sum(entropy(logits)) + jnp.sum(log_prob(logits, jnp.array([0, 2, 0, 2])))

    gradient = jax.grad(score)(table, MASK).rows
    assert np.all(np.isfinite(gradient))
    assert np.all(gradient[:, 1] == 0)
    assert np.all(gradient[:, [0, 2]] != 0)
    assert np.all(jax.grad(score)(table, ALL).rows[:, 1] != 0)  # the twin


def test_the_mask_leaves_predictions_alone(table):
    np.testing.assert_array_equal(outputs(table, jnp.arange(4), MASK, batch_ndim=1).prediction, table.rows[:, 3:])


def test_a_batch_is_a_loop_over_single_observations(table):
    observation = jnp.array([[0, 1, 2], [3, 3, 0]])
    batch = outputs(table, observation, MASK)
    for t in range(2):
        for b in range(3):
            one = outputs(table, observation[t, b], MASK, batch_ndim=0)
            np.testing.assert_array_equal(batch.logits[t, b], one.logits)
            np.testing.assert_array_equal(batch.prediction[t, b], one.prediction)


def test_what_follows_is_the_next_row_or_was_computed_for_every_step():
    rows, every, last = jnp.arange(3.0)[:, None], jnp.array([[5.0], [6], [7]]), jnp.array([[9.0]])
    np.testing.assert_array_equal(next_rows(rows, every), every)
    np.testing.assert_array_equal(next_rows(rows, last), [[1], [2], [9]])
