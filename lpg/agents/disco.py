"""The agent that DiscoRL's rule needs: predictions by observation, and by observation and action.

Besides π and y it has, for every action, a prediction z, a distribution over values q and a prediction of the next
policy. These come from an LSTM that takes one step for each action, from a state that the torso's features give.

Reference: Oh et al. (2025), Discovering state-of-the-art reinforcement learning algorithms; sizes as published.
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, Shaped

from lpg.agents.network import Architecture, Network, init_network
from lpg.layers import Linear, init_linear
from lpg.types import AgentOutput

PREFIX = "disco-"
"""Names of these agents are this and a network: disco-D(512-512)."""
NUM_BINS = 601
"""Of q: whole numbers from −300 to 300 on the scale of `lpg.update_rules.disco.values`."""
UNITS = 128
"""Of the LSTM and of the hidden layer of each of its heads."""
HEAD_SCALE = 0.01
"""Standard deviation of the weights of the heads for π and y, as published."""


class ActionOutput(eqx.Module):
    """What the agent predicts for an action, or for each of them with an axis A before the last."""

    z: Float[Array, " *batch Z"]
    """Logits of a prediction whose meaning the rule determines; as many as y has."""
    q: Float[Array, " *batch bins"]
    """Logits of a distribution over action values."""
    next_policy: Float[Array, " *batch A"]
    """Logits of the policy in the next state."""


class Head(eqx.Module):
    """One hidden layer with ReLU."""

    hidden: Linear
    out: Linear

    def __call__(self, x: Float[Array, " *batch I"]) -> Float[Array, " *batch O"]:
        """Applies both layers."""
        return self.out(jax.nn.relu(self.hidden(x)))


class DiscoAgent(eqx.Module):
    """θ; called as other agents are, it gives π and y."""

    network: Network
    """Torso, π and y."""
    root: Linear
    """Features → cell state of the LSTM before its step; its hidden state is tanh of that."""
    recurrent: Linear
    """Hidden state → gates, in the order input, cell, forget, output."""
    action: Float[Array, " A G"]
    """What an action adds to the gates."""
    z: Head
    q: Head
    next_policy: Head
    num_states: int | None = eqx.field(static=True)
    """Where observations are state indices, their number: the network reads them as one-hot vectors."""

    takes_batches = True

    def __call__(self, observation: Shaped[Array, " *batch_obs"]) -> AgentOutput:
        """π and y for observations with any leading axes."""
        return self.network.heads(self.features(observation))

    def features(self, observation: Shaped[Array, " *batch_obs"]) -> Float[Array, " *batch F"]:
        """The torso's last layer."""
        if self.num_states is not None:
            observation = jax.nn.one_hot(observation, self.num_states, dtype=self.action.dtype)
        return self.network.features(observation)

    def of_action(self, features: Float[Array, " *batch F"], action: Int[Array, " *batch"]) -> ActionOutput:
        """Predictions for one action in each state."""
        cell, gates = self._before_action(features)
        return self._after_action(cell, gates + self.action[action])

    def by_action(self, features: Float[Array, " *batch F"]) -> ActionOutput:
        """Predictions for all actions, [*batch, A, …]."""
        cell, gates = self._before_action(features)
        return self._after_action(cell[..., None, :], gates[..., None, :] + self.action)

    def _before_action(self, features: Float[Array, " *batch F"]) -> tuple[Array, Array]:
        """The LSTM's cell, and the part of its gates that all actions share."""
        cell = self.root(features)
        return cell, self.recurrent(jnp.tanh(cell))

    def _after_action(self, cell: Float[Array, " *cells U"], gates: Float[Array, " *rows G"]) -> ActionOutput:
        """The LSTM's step and the heads; one cell serves all actions."""
        take, new, keep, show = jnp.split(gates, 4, axis=-1)
        cell = jax.nn.sigmoid(keep + 1) * cell + jax.nn.sigmoid(take) * jnp.tanh(new)
        hidden = jax.nn.sigmoid(show) * jnp.tanh(cell)
        return ActionOutput(z=self.z(hidden), q=self.q(hidden), next_policy=self.next_policy(hidden))


def init_disco_agent(
    key: PRNGKeyArray,
    architecture: Architecture,
    *,
    observation_shape: tuple[int, ...],
    num_states: int | None,
    num_actions: int,
    prediction_size: int,
    channels_last: bool = False,
) -> DiscoAgent:
    """A fresh agent with an almost uniform policy; arguments as of `init_network`.

    Args:
        architecture: of the torso.
        num_states: see `DiscoAgent`; None: observations are arrays.
    """
    keys = iter(jax.random.split(key, 11))
    network = init_network(
        next(keys),
        architecture,
        observation_shape=observation_shape if num_states is None else (num_states,),
        num_actions=num_actions,
        prediction_size=prediction_size,
        channels_last=channels_last,
    )
    width = architecture.units[-1]
    small = HEAD_SCALE * math.sqrt(width)
    heads = (init_linear(next(keys), width, size, scale=small) for size in (num_actions, prediction_size))
    network = eqx.tree_at(lambda n: (n.policy, n.prediction), network, tuple(heads))

    def head(size: int) -> Head:
        return Head(init_linear(next(keys), UNITS, UNITS), init_linear(next(keys), UNITS, size))

    # One matrix for hidden state and action, as in any LSTM, so that its scale is that of its number of rows.
    gates = init_linear(next(keys), UNITS + num_actions, 4 * UNITS)
    return DiscoAgent(
        network=network,
        root=init_linear(next(keys), width, UNITS),
        recurrent=Linear(gates.weight[:UNITS], gates.bias),
        action=gates.weight[UNITS:],
        z=head(prediction_size),
        q=head(NUM_BINS),
        next_policy=head(num_actions),
        num_states=num_states,
    )
