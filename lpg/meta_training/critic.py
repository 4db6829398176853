"""The outer critic: one value function per lifetime that makes the meta-gradient's advantages. No rule ever sees it."""

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
    """V and the running scale of its advantages."""

    value: Float[Array, " S"] | Network
    """A table by state index, or a network shaped like the agent's."""
    optimizer_state: optax.OptState
    """Of a network's Adam; a table has none."""
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
    return Critic(value=jnp.zeros((num_states,)), optimizer_state=(), mean_square=jnp.zeros(()), weight=jnp.zeros(()))


def init_network_critic(key: PRNGKeyArray, architecture: str, observation_shape: tuple[int, ...]) -> Critic:
    """A network like the agent's (like that of its predictions, if it has two) whose values begin at zero."""
    value = init_network(
        key,
        read_networks(architecture)[-1],
        observation_shape=observation_shape,
        num_actions=1,  # not used; arrays without numbers in them are more trouble than one head too many
        prediction_size=1,
    )
    return Critic(value=value, optimizer_state=safe_adam().init(value), mean_square=jnp.zeros(()), weight=jnp.zeros(()))


def update_critic(
    critic: Critic,
    trajectory: Trajectory,
    gamma: Float[Array, ""],
    *,
    lambda_: float,
    rate: float,
    scale_advantages: bool,
    learning_rate: float = 1e-3,
    forgetting: float = 0.05,
) -> tuple[Critic, Float[Array, " T B"], CriticInfo]:
    """Advantages of a trajectory, and the critic moved towards its λ-returns.

    A table:    V(s) ← V(s) + rate · mean over visits of s of (G^λ − V(s))
    A network:  one step of Adam on the mean of ½ (G^λ − V(s))²

    A table takes a mean per state, not per sample, so that one rate serves tables of any size.

    Args:
        gamma: the lifetime's discount.
        lambda_: λ of advantages and targets.
        rate: a table's rate, in (0, 1].
        learning_rate: a network's.
        scale_advantages: divide by max(running root mean square, 1e-3), without centring, so that environments with
            large returns do not own η.
        forgetting: weight of the newest trajectory in the running mean square.

    Returns:
        The new critic, advantages (from V before the update) and how good V was.
    """
    value, pull_back = jax.vjp(lambda v: values(v, trajectory.observation), critic.value)
    next_value = next_rows(value, values(critic.value, trajectory.next_observation))
    error = generalised_advantages(
        trajectory.reward, value, next_value, trajectory.terminated, trajectory.is_last, gamma, jnp.asarray(lambda_)
    )
    square = jnp.mean(error**2)
    mean_square = (1 - forgetting) * critic.mean_square + forgetting * square
    weight = (1 - forgetting) * critic.weight + forgetting
    if isinstance(critic.value, Network):
        # The derivative of the mean of ½ (G^λ − V)² in V is −error over the number of samples.
        (gradient,) = pull_back(-error / error.size)
        direction, optimizer_state = safe_adam().update(gradient, critic.optimizer_state)
        moved = optax.apply_updates(critic.value, jax.tree.map(lambda d: learning_rate * d, direction))
    else:
        moved, optimizer_state = moved_table(critic.value, trajectory.observation, error, rate), ()
    following = Critic(value=moved, optimizer_state=optimizer_state, mean_square=mean_square, weight=weight)
    scale = jnp.maximum(jnp.sqrt(mean_square / weight), 1e-3) if scale_advantages else 1.0
    return following, error / scale, CriticInfo(error=square, variance=jnp.var(value + error))


def values(value: Float[Array, " S"] | Network, observation: Shaped[Array, " T B *obs"]) -> Float[Array, " T B"]:
    """V of each observation."""
    if isinstance(value, Network):
        return value(observation).prediction[..., 0]
    return value[observation]


def moved_table(
    value: Float[Array, " S"], observation: Int[Array, " T B"], error: Float[Array, " T B"], rate: float
) -> Float[Array, " S"]:
    """Each state's value moved by its mean error; states that were not visited stay."""
    visits = jnp.stack([error, jnp.ones_like(error)], axis=-1)
    total = jnp.zeros((value.shape[0], 2), error.dtype).at[observation].add(visits)
    return value + rate * total[:, 0] / jnp.maximum(total[:, 1], 1.0)
