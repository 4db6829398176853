"""The outer critic: one value table per lifetime that makes the meta-gradient's advantages. No rule ever sees it."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from lpg.types import Trajectory
from lpg.update_rules.returns import generalised_advantages


class Critic(eqx.Module):
    """V and the running scale of its advantages."""

    value: Float[Array, " S"]
    mean_square: Float[Array, ""]
    """Running mean of A², bias-corrected by `weight`."""
    weight: Float[Array, ""]


class CriticInfo(eqx.Module):
    """How good the critic is on one trajectory."""

    error: Float[Array, ""]
    """Mean squared difference between λ-return and V before the update, in reward²."""
    variance: Float[Array, ""]
    """Variance of the λ-returns; a critic that knows nothing has an error at least as large."""


def init_critic(num_states: int) -> Critic:
    """Values begin at zero."""
    return Critic(value=jnp.zeros((num_states,)), mean_square=jnp.zeros(()), weight=jnp.zeros(()))


def assess(
    critic: Critic,
    trajectory: Trajectory,
    gamma: Float[Array, ""],
    *,
    lambda_: float,
    rate: float,
    scale_advantages: bool,
    forgetting: float = 0.05,
) -> tuple[Critic, Float[Array, " T B"], CriticInfo]:
    """Advantages of a trajectory, and the critic moved towards its λ-returns.

        V(s) ← V(s) + rate · mean over visits of s of (G^λ − V(s))

    A mean per state, not per sample, so that one rate serves tables of any size.

    Args:
        gamma: the lifetime's discount.
        lambda_: λ of advantages and targets.
        rate: in (0, 1].
        scale_advantages: divide by max(running root mean square, 1e-3), without centring, so that environments with
            large returns do not own η.
        forgetting: weight of the newest trajectory in the running mean square.

    Returns:
        The new critic, advantages (from V before the update) and how good V was.
    """
    value = critic.value[trajectory.observation]
    next_value = critic.value[trajectory.next_observation]
    error = generalised_advantages(
        trajectory.reward, value, next_value, trajectory.terminated, trajectory.is_last, gamma, jnp.asarray(lambda_)
    )
    visits = jnp.stack([error, jnp.ones_like(error)], axis=-1)
    total = jnp.zeros((critic.value.shape[0], 2), error.dtype).at[trajectory.observation].add(visits)
    square = jnp.mean(error**2)
    mean_square = (1 - forgetting) * critic.mean_square + forgetting * square
    weight = (1 - forgetting) * critic.weight + forgetting
    following = Critic(
        value=critic.value + rate * total[:, 0] / jnp.maximum(total[:, 1], 1.0),
        mean_square=mean_square,
        weight=weight,
    )
    scale = jnp.maximum(jnp.sqrt(mean_square / weight), 1e-3) if scale_advantages else 1.0
    return following, error / scale, CriticInfo(error=square, variance=jnp.var(value + error))
