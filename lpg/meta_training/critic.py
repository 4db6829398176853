"""The outer critic: one value function per lifetime for the advantages of the meta-gradient; rules do not use it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray, Shaped

from lpg.agents.network import Network, init_network
from lpg.agents.optimizers import safe_adam
from lpg.agents.outputs import next_rows
from lpg.agents.registry import read_networks
from lpg.types import Trajectory
from lpg.update_rules.returns import generalised_advantages


class Critic(eqx.Module):
    """Value function V and the running scale of its advantages."""

    value: Float[Array, " S"] | Network
    """A table by state index, or a network with the agent's architecture."""
    optimizer_state: optax.OptState
    """State of Adam for a network; empty for a table."""
    mean_square: Float[Array, ""]
    """Running mean of A²; `mean_square / weight` is bias-corrected."""
    weight: Float[Array, ""]
    """Sum of the weights in the running mean, in [0, 1]."""


class CriticInfo(eqx.Module):
    """Accuracy of the critic on one trajectory, before its update."""

    error: Float[Array, ""]
    """Mean of (G^λ − V)², in units of reward squared."""
    variance: Float[Array, ""]
    """Variance of the λ-returns G^λ. The error of a constant critic is at least as large."""


def init_critic(num_states: int) -> Critic:
    """A table of zeros."""
    return Critic(value=jnp.zeros((num_states,)), optimizer_state=(), mean_square=jnp.zeros(()), weight=jnp.zeros(()))


def init_network_critic(key: PRNGKeyArray, architecture: str, observation_shape: tuple[int, ...]) -> Critic:
    """A network with the agent's architecture (that of its predictions, if it has two) and zero output."""
    value = init_network(
        key,
        read_networks(architecture)[-1],
        observation_shape=observation_shape,
        num_actions=1,  # the policy head is not used, but must not be empty
        prediction_size=1,
    )
    return Critic(value=value, optimizer_state=safe_adam().init(value), mean_square=jnp.zeros(()), weight=jnp.zeros(()))


@jax.named_scope("critic")
def update_critic(
    critic: Critic,
    trajectory: Trajectory,
    gamma: Float[Array, ""],
    *,
    lambda_: float,
    rate: float,
    scale_advantages: bool,
    learning_rate: float = 1e-3,
    scale_rate: float = 0.05,
) -> tuple[Critic, Float[Array, " T B"], CriticInfo]:
    """Advantages of a trajectory, and the critic moved towards its λ-returns.

    A table:    V(s) ← V(s) + rate · mean over visits of s of (G^λ − V(s))
    A network:  one step of Adam on the mean of ½ (G^λ − V(s))²

    A table uses the mean per state and not per sample, so that one rate suits tables of any size.

    Args:
        critic: before the update.
        trajectory: [T, B].
        gamma: the lifetime's discount.
        lambda_: λ of advantages and λ-returns, in [0, 1].
        rate: learning rate of a table, in (0, 1].
        scale_advantages: divide advantages by max(running root mean square, 1e-3), without centring, so that
            environments with large returns do not dominate the meta-gradient.
        learning_rate: of Adam, for a network.
        scale_rate: weight of the newest trajectory in the running mean square.

    Returns:
        The new critic, advantages [T, B] (by V before the update) and the accuracy of V.
    """
    value, vjp = jax.vjp(lambda v: values(v, trajectory.observation), critic.value)
    next_value = next_rows(value, values(critic.value, trajectory.next_observation))
    advantage = generalised_advantages(
        trajectory.reward, value, next_value, trajectory.terminated, trajectory.is_last, gamma, jnp.asarray(lambda_)
    )
    error = jnp.mean(advantage**2)  # advantage = G^λ − V
    mean_square = (1 - scale_rate) * critic.mean_square + scale_rate * error
    weight = (1 - scale_rate) * critic.weight + scale_rate
    if isinstance(critic.value, Network):
        # Derivative of the mean of ½ (G^λ − V)² w.r.t. V: −advantage / number of samples.
        (gradient,) = vjp(-advantage / advantage.size)
        step, optimizer_state = safe_adam().update(gradient, critic.optimizer_state)
        new_value = optax.apply_updates(critic.value, jax.tree.map(lambda x: learning_rate * x, step))
    else:
        new_value, optimizer_state = update_table(critic.value, trajectory.observation, advantage, rate), ()
    new_critic = Critic(value=new_value, optimizer_state=optimizer_state, mean_square=mean_square, weight=weight)
    scale = jnp.maximum(jnp.sqrt(mean_square / weight), 1e-3) if scale_advantages else 1.0
    return new_critic, advantage / scale, CriticInfo(error=error, variance=jnp.var(value + advantage))


def values(value: Float[Array, " S"] | Network, observation: Shaped[Array, " T B *obs"]) -> Float[Array, " T B"]:
    """V of every observation."""
    if isinstance(value, Network):
        return value(observation).prediction[..., 0]
    return value[observation]


def update_table(
    value: Float[Array, " S"], observation: Int[Array, " T B"], error: Float[Array, " T B"], rate: float
) -> Float[Array, " S"]:
    """V(s) moved by `rate` times its mean error over the visits of s; states without visits stay."""
    visits = jnp.stack([error, jnp.ones_like(error)], axis=-1)
    total = jnp.zeros((value.shape[0], 2), error.dtype).at[observation].add(visits)
    return value + rate * total[:, 0] / jnp.maximum(total[:, 1], 1.0)
