"""Generalised advantages and λ-returns of [T, B] trajectories that may contain ends of episodes."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from lpg.types import Hyperparameters
from lpg.update_rules.base import RuleInputs


def generalised_advantages(
    reward: Float[Array, " T B"],
    value: Float[Array, " T B"],
    next_value: Float[Array, " T B"],
    terminated: Bool[Array, " T B"],
    is_last: Bool[Array, " T B"],
    gamma: Float[Array, ""],
    lambda_: Float[Array, ""],
) -> Float[Array, " T B"]:
    """Generalised advantage estimates.

        δ_t = r_t + γ (1 − terminated_t) V(s_{t+1}) − V(s_t),   A_t = δ_t + γ λ (1 − is_last_t) A_{t+1}

    A truncated episode bootstraps from its final state, a terminated one does not; neither uses the next episode.

    Args:
        reward: r_t.
        value: V(s_t).
        next_value: V(s_{t+1}); at the end of an episode the value of the final state.
        terminated: no bootstrapping from s_{t+1}.
        is_last: the episode ended; the sum stops here.
        gamma: discount per step, in [0, 1].
        lambda_: λ in [0, 1].

    Returns:
        Advantages in units of reward; A_t + V(s_t) is the λ-return.

    Reference: Schulman et al. (2016), equation 16; λ-returns: Sutton and Barto (2018), chapter 12.
    """
    delta = reward + gamma * jnp.where(terminated, 0.0, next_value) - value
    decay = gamma * lambda_ * jnp.where(is_last, 0.0, 1.0)

    def step(advantage: Float[Array, " B"], row: tuple) -> tuple:
        delta_t, decay_t = row
        advantage = delta_t + decay_t * advantage
        return advantage, advantage

    return jax.lax.scan(step, jnp.zeros_like(delta[0]), (delta, decay), reverse=True)[1]


def advantages(
    inputs: RuleInputs, hyper: Hyperparameters, value: Callable[[Array], Array] = lambda prediction: prediction[..., 0]
) -> Float[Array, " T B"]:
    """Generalised advantages with the agent's value function; advantage + v(s_t) is the TD(λ) target.

    Args:
        value: from predictions [T, B, P] to values [T, B]; by default predictions are values, and P = 1.
    """
    trajectory = inputs.trajectory
    return generalised_advantages(
        trajectory.reward,
        value(inputs.output.prediction),
        value(inputs.next_prediction),
        trajectory.terminated,
        trajectory.is_last,
        hyper.gamma,
        hyper.lambda_,
    )
