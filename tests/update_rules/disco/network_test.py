"""What the network may depend on; that it computes the published equations is in `update_test`."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.layers import Linear
from lpg.update_rules.disco.network import DiscoInputs, init_lifetime, log_scale, network_of, shared_layer
from lpg.update_rules.disco.weights import NUM_ACTION_FEATURES, NUM_FEATURES, SHAPES
from tests.update_rules.disco.oracle import random_weights

WEIGHTS = random_weights()
T, B, A = 3, 2, 3
run = jax.jit(lambda network, x, state: network(x, state))


def inputs(seed=0, num_actions=A):
    rng = np.random.default_rng(seed)

    def numbers(*shape):
        return jnp.asarray(rng.normal(size=shape), jnp.float32)

    def policies(rows, *shape):
        return jax.nn.softmax(2 * numbers(rows, B, *shape))

    return DiscoInputs(
        action=jnp.asarray(rng.integers(num_actions, size=(T, B)), jnp.int32),
        reward=numbers(T, B), is_terminal=jnp.zeros((T, B), bool).at[1, 0].set(True),
        policy=policies(T + 1, num_actions), acted=policies(T, num_actions),
        target_policy=policies(T + 1, num_actions),
        y=policies(T + 1, 600), target_y=policies(T + 1, 600),
        z=policies(T + 1, num_actions, 600), target_z=policies(T + 1, num_actions, 600),
        v=numbers(T + 1, B), advantage=numbers(T, B), standard_advantage=numbers(T, B), q=numbers(T, B, num_actions),
        action_advantage=numbers(T, B, num_actions), standard_action_advantage=numbers(T, B, num_actions),
    )  # fmt: skip


def lifetime_after_one_update():
    return run(network_of(WEIGHTS), inputs(5), init_lifetime())[1]


@pytest.mark.thorough
def test_the_features_are_as_many_as_the_weights_read():
    features, actions = network_of(WEIGHTS).embeddings(inputs())
    assert features.shape == (T, B, NUM_FEATURES) and actions.shape == (T, B, A, 2)
    assert SHAPES["lstm/sequential/conv1_d/w"] == (1, 2 * NUM_ACTION_FEATURES, 16)


def test_renamed_actions_have_the_same_targets():
    network, x, state = network_of(WEIGHTS), inputs(), lifetime_after_one_update()
    order = np.array([2, 0, 1])  # new action k is old action order[k]
    fields = {name: getattr(x, name)[:, :, order] for name in (
        "policy", "acted", "target_policy", "z", "target_z", "q", "action_advantage", "standard_action_advantage"
    )}  # fmt: skip
    renamed = dataclasses.replace(x, action=jnp.asarray(np.argsort(order))[x.action], **fields)
    targets, following = run(network, x, state)
    others, other_following = run(network, renamed, state)
    np.testing.assert_allclose(others.pi, targets.pi[:, :, order], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(others.z, targets.z, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(other_following.hidden, following.hidden, rtol=1e-4, atol=1e-5)
    # The twin: without telling the rule which action was taken.
    confused, _ = run(network, dataclasses.replace(renamed, action=x.action), state)
    assert np.any(np.abs(confused.z - targets.z) > 1e-3)


def test_rewards_after_the_end_of_an_episode_do_not_reach_back_and_others_do():
    network, x, state = network_of(WEIGHTS), inputs(), lifetime_after_one_update()
    later = dataclasses.replace(x, reward=x.reward.at[2].add(1.0))
    before, after = run(network, x, state)[0], run(network, later, state)[0]
    np.testing.assert_array_equal(before.y[:2, 0], after.y[:2, 0])
    assert np.all(np.any(before.y[:2, 1] != after.y[:2, 1], axis=-1))


def test_the_lifetime_gates_the_targets_and_moves_with_every_batch():
    network, x = network_of(WEIGHTS), inputs()
    fresh, state = init_lifetime(), lifetime_after_one_update()
    one, other = run(network, x, fresh), run(network, x, state)
    assert np.any(np.abs(one[0].pi - other[0].pi) > 1e-3)
    assert np.any(one[1].hidden != other[1].hidden) and np.any(state.hidden != fresh.hidden)


def test_gates_are_reordered_and_the_one_of_the_forget_gate_is_added():
    lstm = network_of(WEIGHTS).lifetime
    published = WEIGHTS["lstm/~/meta_lstm/~unroll/lstm/linear/b"].reshape(4, 128)  # input, cell, forget, output
    expected = published[[0, 2, 1, 3]] + np.array([[0], [1], [0], [0]])
    np.testing.assert_allclose(lstm.bias.reshape(4, 128), expected, rtol=1e-5, atol=1e-6)


def test_a_shared_layer_reads_an_action_beside_the_mean_of_all():
    # Two actions with one number each, 1 and 3, whose mean is 2: 10 · own + mean, and ReLU.
    layer = Linear(jnp.array([[10.0], [1.0]]), jnp.array([-13.0]))
    np.testing.assert_allclose(shared_layer(layer, jnp.array([[[[1.0], [3.0]]]])), [[[[0], [19]]]])


def test_the_logarithmic_scale_is_odd():
    np.testing.assert_allclose(log_scale(jnp.array([np.e - 1, 1 - np.e, 0])), [1, -1, 0], rtol=1e-6)


def test_any_number_of_actions_has_targets():
    targets, _ = run(network_of(WEIGHTS), inputs(num_actions=2), init_lifetime())
    assert targets.pi.shape == (T, B, 2) and np.all(np.isfinite(targets.pi))
