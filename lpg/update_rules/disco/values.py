"""Action values of DiscoRL: their scale, their targets by Retrace, and advantages by running moments."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, ScalarLike

SCALE_EPS = 1e-3
"""Of the signed hyperbolic scale."""
DECAY, EPS, ROOT_EPS = 0.99, 1e-6, 1e-12
"""Of the running moments of advantages."""


def squash(x: Float[Array, " *batch"]) -> Float[Array, " *batch"]:
    """Signed hyperbolic scale: sign(x) (√(|x| + 1) − 1) + ε x."""
    return jnp.sign(x) * (jnp.sqrt(jnp.abs(x) + 1) - 1) + SCALE_EPS * x


def unsquash(x: Float[Array, " *batch"]) -> Float[Array, " *batch"]:
    """The inverse of `squash`."""
    root = (jnp.sqrt(1 + 4 * SCALE_EPS * (SCALE_EPS + 1 + jnp.abs(x))) - 1) / (2 * SCALE_EPS)
    return jnp.sign(x) * (root**2 - 1)


def expected(logits: Float[Array, " *batch bins"]) -> Float[Array, " *batch"]:
    """Value of a distribution over whole numbers around 0 on the scale of `squash`."""
    limit = (logits.shape[-1] - 1) / 2
    bins = jnp.linspace(-limit, limit, logits.shape[-1], dtype=logits.dtype)
    return unsquash(jax.nn.softmax(logits) @ bins)


def cross_entropy(logits: Float[Array, " *batch bins"], value: Float[Array, " *batch"]) -> Float[Array, " *batch"]:
    """Cross-entropy of a distribution to a value, whose weight is on the two nearest bins with the right mean."""
    last = logits.shape[-1] - 1
    position = jnp.clip(squash(value) + last / 2, 0, last)
    below = jnp.minimum(jnp.floor(position), last - 1)
    share = position - below
    log_prob = jax.nn.log_softmax(logits)
    pair = jnp.take_along_axis(log_prob, below.astype(int)[..., None] + jnp.arange(2), axis=-1)
    return -((1 - share) * pair[..., 0] + share * pair[..., 1])


def retrace(
    reward: Float[Array, " T B"],
    is_terminal: Bool[Array, " T B"],
    q: Float[Array, " T B"],
    v: Float[Array, " T1 B"],
    ratio: Float[Array, " T B"],
    gamma: ScalarLike,
    lambda_: ScalarLike,
) -> Float[Array, " T B"]:
    """Targets of action values, corrected for the policy that acted.

        G_t = r_t + γ (1 − d_t) [v_{t+1} + λ min(1, ρ_{t+1}) (G_{t+1} − q_{t+1})],   G_{T−1} = r_{T−1} + γ (1 − d) v_T

    Args:
        reward: r_0 … r_{T−1}.
        is_terminal: d, whether the step ended the episode.
        q: value of (s_t, a_t).
        v: value of s_0 … s_T, T + 1 rows.
        ratio: ρ_t, probability of a_t under the current policy by that under the one that acted.

    Reference: Munos et al. (2016).
    """
    discount = gamma * (1 - is_terminal)
    trace = lambda_ * jnp.minimum(1, ratio)

    def step(excess: Array, row: tuple) -> tuple[Array, Array]:
        r, d, value, next_value, c = row
        target = r + d * (next_value + excess)
        return c * (target - value), target

    rows = (reward, discount, q, v[1:], trace)
    return jax.lax.scan(step, jnp.zeros_like(v[0]), rows, reverse=True)[1]


class Moments(eqx.Module):
    """Exponential moving averages of a number and its square over an agent's updates."""

    mean: Float[Array, ""]
    square: Float[Array, ""]
    missing: Float[Array, ""]
    """Weight of the zeros with which both began: decay to the number of updates."""


def init_moments() -> Moments:
    """None seen yet."""
    return Moments(mean=jnp.zeros(()), square=jnp.zeros(()), missing=jnp.ones(()))


def seen(moments: Moments, x: Float[Array, " T B"]) -> Moments:
    """The moments after one more batch."""
    return Moments(
        mean=DECAY * moments.mean + (1 - DECAY) * jnp.mean(x),
        square=DECAY * moments.square + (1 - DECAY) * jnp.mean(x**2),
        missing=DECAY * moments.missing,
    )


def standardise(moments: Moments, x: Float[Array, " *batch"]) -> Float[Array, " *batch"]:
    """Centred and divided by the standard deviation; at least one batch must have been seen."""
    weight = 1 - moments.missing
    mean = moments.mean / weight
    variance = jnp.maximum(moments.square / weight - mean**2, 0)
    return (x - mean) / (jnp.sqrt(variance + ROOT_EPS) + EPS)


def taken(x: Float[Array, " T B A *row"], action: Int[Array, " T B"]) -> Float[Array, " T B *row"]:
    """The entries of the actions that were taken."""
    index = action.reshape(*action.shape, *[1] * (x.ndim - action.ndim))
    return jnp.take_along_axis(x, index, axis=action.ndim).squeeze(action.ndim)
