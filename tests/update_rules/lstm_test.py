import jax
import jax.numpy as jnp
import numpy as np

from lpg.update_rules.lstm import backward_lstm, init_lstm

T, B, F, H = 6, 2, 3, 4
backward = jax.jit(backward_lstm)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def inputs(key):
    key_lstm, key_bias, key_x = jax.random.split(key, 3)
    lstm = init_lstm(key_lstm, F, H)
    bias = jax.random.normal(key_bias, (4 * H,))
    return type(lstm)(weight=lstm.weight, bias=bias), jax.random.normal(key_x, (T, B, F))


def ends(*steps):
    """Every environment's episode ends with these steps."""
    return jnp.tile(jnp.isin(jnp.arange(T), jnp.array(steps, int))[:, None], (1, B))


def test_it_equals_a_loop_from_the_last_step_to_the_first(key):
    lstm, x = inputs(key)
    is_last = ends(3).at[1, 0].set(True)
    weight, bias = np.asarray(lstm.weight, np.float64), np.asarray(lstm.bias, np.float64)
    expected = np.zeros((T, B, H))
    for b in range(B):
        h, c = np.zeros(H), np.zeros(H)
        for t in reversed(range(T)):
            if is_last[t, b]:
                h, c = np.zeros(H), np.zeros(H)
            gate = np.concatenate([np.asarray(x[t, b], np.float64), h]) @ weight + bias
            c = sigmoid(gate[H : 2 * H]) * c + sigmoid(gate[:H]) * np.tanh(gate[2 * H : 3 * H])
            h = sigmoid(gate[3 * H :]) * np.tanh(c)
            expected[t, b] = h
    np.testing.assert_allclose(backward(lstm, x, is_last), expected, rtol=1e-5, atol=1e-6)


def test_one_step_worked_by_hand():
    # One unit, one input x = 1, all weights of x are 1 and the bias 0, so that every gate has the input 1:
    #   c = σ(1) tanh(1) = 0.731059 · 0.761594 = 0.556770,   h = σ(1) tanh(c) = 0.731059 · 0.505576 = 0.369606
    lstm = type(init_lstm(jax.random.key(0), 1, 1))(weight=jnp.ones((2, 4)), bias=jnp.zeros(4))
    h = backward(lstm, jnp.ones((1, 1, 1)), jnp.zeros((1, 1), bool))
    np.testing.assert_allclose(h, [[[0.369606]]], rtol=1e-5)


def test_steps_after_the_end_of_an_episode_do_not_influence_steps_before_it(key):
    lstm, x = inputs(key)
    changed = x.at[3:].add(1.0)
    np.testing.assert_array_equal(backward(lstm, x, ends(2))[:3], backward(lstm, changed, ends(2))[:3])
    # The twin: without the end every earlier step changes.
    assert np.all(np.any(backward(lstm, x, ends())[:3] != backward(lstm, changed, ends())[:3], axis=-1))


def test_earlier_steps_do_not_influence_later_ones(key):
    lstm, x = inputs(key)
    changed = x.at[:3].add(1.0)
    np.testing.assert_array_equal(backward(lstm, x, ends())[3:], backward(lstm, changed, ends())[3:])
    assert np.any(backward(lstm, x, ends())[:3] != backward(lstm, changed, ends())[:3])  # the twin


def test_an_end_at_the_last_step_changes_nothing(key):
    lstm, x = inputs(key)
    np.testing.assert_array_equal(backward(lstm, x, ends(T - 1)), backward(lstm, x, ends()))


def test_environments_are_independent(key):
    lstm, x = inputs(key)
    both, changed = backward(lstm, x, ends()), backward(lstm, x.at[:, 1].add(1.0), ends())
    np.testing.assert_array_equal(both[:, 0], changed[:, 0])
    assert np.any(both[:, 1] != changed[:, 1])  # the twin


def test_a_fresh_lstm_has_small_weights_and_an_open_forget_gate(key):
    lstm = init_lstm(key, F, H)
    # ±1/√4 = ±0.5; of the four gates only the forget gate has a bias.
    assert lstm.weight.shape == (F + H, 4 * H)
    assert 0.4 < np.abs(lstm.weight).max() <= 0.5
    np.testing.assert_array_equal(lstm.bias.reshape(4, H), np.array([[0.0], [1], [0], [0]]) * np.ones(H))
