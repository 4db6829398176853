"""An LSTM that runs backwards in time and is reset at the ends of episodes."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray


class LSTM(eqx.Module):
    """Weights of one layer, with G = 4 H gate units in the order input, forget, cell, output."""

    weight: Float[Array, " I G"]
    """I = F + H rows: first those of the inputs, then those of the hidden state."""
    bias: Float[Array, " G"]


def init_lstm(key: PRNGKeyArray, input_size: int, hidden_size: int) -> LSTM:
    """Weights uniform in ±1/√H, biases zero, but 1 for the forget gate, so that a fresh LSTM remembers."""
    bound = 1 / math.sqrt(hidden_size)
    weight = jax.random.uniform(key, (input_size + hidden_size, 4 * hidden_size), minval=-bound, maxval=bound)
    return LSTM(weight=weight, bias=jnp.zeros((4 * hidden_size,)).at[hidden_size : 2 * hidden_size].set(1.0))


@jax.named_scope("lstm")
def backward_lstm(lstm: LSTM, x: Float[Array, " T B F"], is_last: Bool[Array, " T B"]) -> Float[Array, " T B H"]:
    """Hidden state [T, B, H] at every step, computed from the last step to the first.

        (h_t, c_t) = cell(x_t, (1 − is_last_t) · (h_{t+1}, c_{t+1}))

    Args:
        lstm: weights for F inputs and H hidden units.
        x: inputs.
        is_last: the episode ended at this step: the state from later steps, of another episode, is dropped.
    """
    hidden = lstm.bias.shape[0] // 4
    keep = (~is_last).astype(x.dtype)[..., None]

    def step(carry: tuple, row: tuple) -> tuple:
        x_t, keep_t = row
        h, c = lstm_step(lstm, x_t, carry[0] * keep_t, carry[1] * keep_t)
        return (h, c), h

    zero = jnp.zeros((x.shape[1], hidden), x.dtype)
    return jax.lax.scan(step, (zero, zero), (x, keep), reverse=True)[1]


def lstm_step(
    lstm: LSTM, x: Float[Array, " *batch F"], h: Float[Array, " *batch H"], c: Float[Array, " *batch H"]
) -> tuple[Float[Array, " *batch H"], Float[Array, " *batch H"]]:
    """Hidden state and cell after one step."""
    gates = jnp.concatenate([x, h], axis=-1) @ lstm.weight + lstm.bias
    i, f, g, o = jnp.split(gates, 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c
