"""A small network fitted to true values: one hidden layer, full-batch Adam, stopped early.

Where the features are noise, a network that is trained to the end predicts worse on new grids than a constant. So it is
initialised as the constant, a fifth of the training grids is held back, and the parameters that were best on these are
used.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Key, PRNGKeyArray

from lpg.layers import Linear, init_linear

Network = tuple[Linear, Linear]

HIDDEN_SIZE = 64
NUM_STEPS = 1500
LEARNING_RATE = 0.01
FARTHEST = 4.0
"""Features are clipped at so many standard deviations: a single cell must not dominate a mean square."""
STRIDE = 10
"""Steps between two evaluations on the rows that are held back."""


def fit_and_predict(
    key: PRNGKeyArray,
    train: Float[np.ndarray, " n f"],
    target: Float[np.ndarray, " n g"],
    is_held_back: Bool[np.ndarray, " n"],
    test: Float[np.ndarray, " m f"],
    num_steps: int = NUM_STEPS,
) -> Float[np.ndarray, " m g"]:
    """Fits one network per target and applies them to new rows.

    Features and targets are standardised by the training rows' means and spreads; a feature that does not vary in
    training is dropped. The targets' units are restored.

    Args:
        train: what the networks learn from; one column per feature.
        target: what they learn; one column per target.
        is_held_back: training rows that decide when to stop.
        test: new rows.
        num_steps: of Adam, with a learning rate that falls to zero.
    """
    fitted = train[~is_held_back]
    centre, spread = fitted.mean(0), fitted.std(0)
    varies = spread > 1e-6 * max(float(np.abs(fitted).max()), 1e-12)
    scale = np.where(varies, spread, 1.0)
    middle, height = target[~is_held_back].mean(0), np.maximum(target[~is_held_back].std(0), 1e-12)
    wanted = jnp.asarray(((target - middle) / height).T, jnp.float32)

    def inputs(x: np.ndarray) -> Array:
        return jnp.asarray(np.where(varies, np.clip((x - centre) / scale, -FARTHEST, FARTHEST), 0.0), jnp.float32)

    found = _fit(
        jax.random.split(key, target.shape[1]),
        (inputs(fitted), inputs(train[is_held_back]), inputs(test)),
        (wanted[:, ~is_held_back], wanted[:, is_held_back]),
        max(num_steps // STRIDE, 1),
    )
    return np.asarray(found, float).T * height + middle


def apply(network: Network, x: Float[Array, " n f"]) -> Float[Array, " n"]:
    """x ↦ W₂ relu(W₁ x + b₁) + b₂."""
    hidden, out = network
    return out(jax.nn.relu(hidden(x)))[:, 0]


@functools.partial(jax.jit, static_argnames="num_looks")
def _fit(
    keys: Key[Array, " g"],
    inputs: tuple[Float[Array, " n f"], Float[Array, " h f"], Float[Array, " m f"]],
    targets: tuple[Float[Array, " g n"], Float[Array, " g h"]],
    num_looks: int,
) -> Float[Array, " g m"]:
    optimizer = optax.adam(optax.cosine_decay_schedule(LEARNING_RATE, num_looks * STRIDE))
    x, held_back, queries = inputs

    def one(row: tuple[Array, Array, Array]) -> Array:
        key, wanted, wanted_back = row
        network = (init_linear(key, x.shape[1], HIDDEN_SIZE, scale=2**0.5), init_linear(key, HIDDEN_SIZE, 1, scale=0.0))

        def step(_: Array, carry: tuple) -> tuple:
            network, state = carry
            gradient = jax.grad(lambda n: jnp.mean((apply(n, x) - wanted) ** 2))(network)
            moved, state = optimizer.update(gradient, state)
            return optax.apply_updates(network, moved), state

        def look(carry: tuple, _: None) -> tuple[tuple, None]:
            network, state, best, guess = carry
            error = jnp.mean((apply(network, held_back) - wanted_back) ** 2)
            guess = jnp.where(error < best, apply(network, queries), guess)
            network, state = jax.lax.fori_loop(0, STRIDE, step, (network, state))
            return (network, state, jnp.minimum(error, best), guess), None

        first = (network, optimizer.init(network), jnp.asarray(jnp.inf), jnp.zeros(queries.shape[0]))
        (_, _, _, guess), _ = jax.lax.scan(look, first, None, length=num_looks + 1)
        return guess

    return jax.lax.map(one, (keys, *targets))
