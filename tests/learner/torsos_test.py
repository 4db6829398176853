"""Agents ready to use."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.learner import torsos
from tests.helpers import with_random_predictions
from tests.learner.fixtures import RULES

LPG = RULES["lpg"]()


def output(agent, observation, key=None):
    return agent.apply(agent.init(jax.random.key(0) if key is None else key), observation)


def test_a_table_begins_with_a_uniform_policy_and_as_many_predictions_of_zero_as_the_rule_wants():
    found = output(torsos.table(LPG, num_states=3, num_actions=2), jnp.asarray(1))
    assert found.logits.tolist() == [0, 0] and found.prediction.tolist() == [0, 0, 0]
    assert output(torsos.table(RULES["a2c"](), num_states=3, num_actions=2), jnp.asarray(1)).prediction.tolist() == [0]
    with_f = output(torsos.table(LPG, num_states=3, num_actions=2, baseline=True), jnp.asarray(1))
    assert with_f.prediction.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("architecture", "shape"), [("D(8)", (4,)), ("D(8)", (2, 3, 4)), ("C(4)-D(8)", (5, 6, 3)), ("atari", (40, 36, 3))]
)
def test_networks_read_what_they_are_made_for_and_their_predictions_begin_at_zero(architecture, shape):
    agent = torsos.network(LPG, architecture, observation_shape=shape, num_actions=5, baseline=True)
    found = output(agent, jnp.ones(shape))
    assert found.logits.shape == (5,) and np.abs(found.logits).min() > 0
    assert found.prediction.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("architecture", ["D(8)", "C(4)-D(8)", "atari"])
def test_bytes_are_scaled_to_one(architecture):
    agent = torsos.network(LPG, architecture, observation_shape=(36, 36, 3), num_actions=2)
    image = jnp.arange(36 * 36 * 3, dtype=jnp.uint8).reshape(36, 36, 3)
    params = with_random_predictions(jax.random.key(1), agent.init(jax.random.key(0)))
    found, scaled = agent.apply(params, image), agent.apply(params, image.astype(float) / 255)
    np.testing.assert_allclose(found.prediction, scaled.prediction, rtol=1e-4, atol=1e-5)
    unscaled = agent.apply(params, image.astype(float))  # the twin
    assert np.abs(found.prediction - unscaled.prediction).max() > 1e-2


def test_channels_are_found_where_they_are():
    assert torsos.to_planes(jnp.zeros((84, 80, 3))).shape == (3, 84, 80)
    assert torsos.to_planes(jnp.zeros((4, 84, 80))).shape == (4, 84, 80)
    assert torsos.to_planes(jnp.zeros((84, 80))).shape == (1, 84, 80)
    assert torsos.to_planes(jnp.zeros((3, 3, 3))).shape == (3, 3, 3)
    image = jnp.arange(24.0).reshape(4, 3, 2)
    np.testing.assert_array_equal(torsos.to_planes(image)[1], image[..., 1])


@pytest.mark.parametrize(
    ("shape", "name"),
    [((4,), "D(64-64)"), ((10, 10, 4), "C(16)-D(32)"), ((4, 84, 84), "atari"), ((210, 160, 3), "atari"),
     ((2, 3, 4, 5), "D(64-64)")],
)  # fmt: skip
def test_the_first_network_to_try(shape, name):
    assert torsos.fitting_architecture(shape) == name
    jax.eval_shape(torsos.network(LPG, name, observation_shape=shape, num_actions=2).init, jax.random.key(0))


@pytest.mark.parametrize(
    ("architecture", "shape", "words"),
    [
        ("C(4)-D(8)", (4,), r"'C\(4\)-D\(8\)' has convolutions; observations here have shape \[4\]"),
        ("atari", (10, 10, 4), r"observations of shape \[4, 10, 10\] given; the Atari network needs"),
        ("E(3)", (4,), r"agent 'E\(3\)' given"),
    ],
)
def test_networks_that_do_not_fit_are_refused(architecture, shape, words):
    with pytest.raises(ValueError, match=words):
        torsos.network(LPG, architecture, observation_shape=shape, num_actions=2)
