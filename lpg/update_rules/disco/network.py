"""The network η of DiscoRL's rule: from an agent's trajectories to targets for its policy and its predictions y and z.

One LSTM runs backwards over every trajectory. A second one takes one step for each update of the agent, on a mean over
the batch, and its state multiplies the outputs of the first: it remembers over the agent's lifetime. What belongs to
actions passes through layers that all actions share, with the mean over actions beside it, so that their number is
free. Observations never enter.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from lpg.layers import Linear
from lpg.update_rules.disco.values import taken
from lpg.update_rules.disco.weights import LIFETIME, META
from lpg.update_rules.lstm import LSTM, backward_lstm, lstm_step


class DiscoInputs(eqx.Module):
    """What the network reads of T steps; arrays with T1 = T + 1 rows include the state after the last step."""

    action: Int[Array, " T B"]
    reward: Float[Array, " T B"]
    is_terminal: Bool[Array, " T B"]
    """The step ended the episode."""
    policy: Float[Array, " T1 B A"]
    """Probabilities of the agent, of the policy that acted, and of the target agent."""
    acted: Float[Array, " T B A"]
    target_policy: Float[Array, " T1 B A"]
    y: Float[Array, " T1 B Y"]
    """Probabilities of the predictions of the agent and of the target agent."""
    target_y: Float[Array, " T1 B Y"]
    z: Float[Array, " T1 B A Y"]
    target_z: Float[Array, " T1 B A Y"]
    v: Float[Array, " T1 B"]
    """Mean of the agent's own action values over its policy."""
    advantage: Float[Array, " T B"]
    standard_advantage: Float[Array, " T B"]
    q: Float[Array, " T B A"]
    """Of the target agent; so are the advantages of actions."""
    action_advantage: Float[Array, " T B A"]
    standard_action_advantage: Float[Array, " T B A"]


class DiscoTargets(eqx.Module):
    """Logits of what the agent is to become."""

    pi: Float[Array, " T B A"]
    y: Float[Array, " T B Y"]
    z: Float[Array, " T B Y"]
    """Of the action that was taken."""


class LifetimeState(eqx.Module):
    """State of the LSTM over a lifetime; zeros at its beginning."""

    hidden: Float[Array, " L"]
    cell: Float[Array, " L"]


class Embeddings(eqx.Module):
    """A number for each distribution, and two for each action."""

    y: tuple[Linear, Linear]
    z: tuple[Linear, Linear]
    action: tuple[Linear, Linear]

    def __call__(self, x: DiscoInputs) -> tuple[Float[Array, " T B F"], Float[Array, " T B A C"]]:
        """The features of every step, in the published order, and of every action."""
        policy = x.policy[..., None]
        y, target_y = (_embed(self.y, p) for p in (x.y, x.target_y))
        z, target_z = (_embed(self.z, p) for p in (x.z, x.target_z))
        of_action = [
            *(p[..., None] for p in (x.policy[:-1], x.acted, x.target_policy[:-1])),
            z[:-1], target_z[:-1],
            *(p[..., None] for p in (log_scale(x.q), log_scale(x.action_advantage), x.standard_action_advantage)),
            jax.nn.one_hot(x.action, x.policy.shape[-1], dtype=x.policy.dtype)[..., None],
        ]  # fmt: skip
        actions = jnp.concatenate(of_action, axis=-1)
        for layer in self.action:
            actions = shared_layer(layer, actions)
        of_step = [
            *(taken(p, x.action)[..., None] for p in (x.policy[:-1], x.acted)),
            log_scale(x.reward)[..., None],
            1 - x.is_terminal.astype(x.reward.dtype)[..., None],
            _pair(log_scale(x.v)[..., None]),
            log_scale(x.advantage)[..., None],
            x.standard_advantage[..., None],
            taken(x.target_policy[:-1], x.action)[..., None],
            _pair(y), _pair(target_y),
        ]  # fmt: skip
        for prediction in (z, target_z):
            mean, largest = jnp.sum(policy * prediction, axis=2), jnp.max(prediction, axis=2)
            of_step += [taken(prediction[:-1], x.action), _pair(mean), _pair(largest)]
        of_step += [jnp.mean(actions, axis=2), taken(actions, x.action)]
        return jnp.concatenate(of_step, axis=-1), actions


class DiscoNetwork(eqx.Module):
    """η. Two sets of embeddings: one for the trajectories, one for the LSTM over a lifetime."""

    embeddings: Embeddings
    trajectory: LSTM
    gate: Linear
    """State of the lifetime → factors of what the LSTM over a trajectory gives."""
    summary: Linear
    """→ one number for the LSTM over a lifetime."""
    y: Linear
    z: Linear
    policy: tuple[Linear, Linear]
    lifetime_embeddings: Embeddings
    lifetime_input: Linear
    lifetime: LSTM

    def __call__(self, x: DiscoInputs, state: LifetimeState) -> tuple[DiscoTargets, LifetimeState]:
        """Targets for every step, and the state for the agent's next update."""
        features, actions = self.embeddings(x)
        hidden = backward_lstm(self.trajectory, features, x.is_terminal) * self.gate(state.hidden)
        y = self.y(hidden)
        each = jnp.broadcast_to(hidden[:, :, None], (*actions.shape[:3], hidden.shape[-1]))
        first, last = self.policy
        pi = last(shared_layer(first, jnp.concatenate([each, actions], axis=-1)))[..., 0]
        read = [
            self.lifetime_embeddings(x)[0],
            self.summary(hidden),
            _embed(self.lifetime_embeddings.y, jax.nn.softmax(y)),
        ]
        mean = jnp.mean(self.lifetime_input(jnp.concatenate(read, axis=-1)), axis=(0, 1))
        following = LifetimeState(*lstm_step(self.lifetime, mean, state.hidden, state.cell))
        return DiscoTargets(pi=pi, y=y, z=self.z(hidden)), following


def network_of(arrays: dict[str, np.ndarray]) -> DiscoNetwork:
    """The network with weights by their published names, see `lpg.update_rules.disco.weights`."""

    def linear(name: str) -> Linear:
        weight = jnp.asarray(arrays[f"{name}/w"])
        # A convolution over actions with a kernel of one is a linear layer.
        return Linear(weight[0] if weight.ndim == 3 else weight, jnp.asarray(arrays[f"{name}/b"]))

    def lstm(name: str) -> LSTM:
        # Published in the order input, cell, forget, output, and without the 1 that is added to the forget gate.
        weight, bias = arrays[f"{name}/w"], arrays[f"{name}/b"]
        units = len(bias) // 4
        order = np.arange(4 * units).reshape(4, units)[[0, 2, 1, 3]].ravel()
        forget = np.repeat(np.array([0, 1, 0, 0], bias.dtype), units)
        return LSTM(jnp.asarray(weight[:, order]), jnp.asarray(bias[order] + forget))

    def embeddings(prefix: str) -> Embeddings:
        def layers(first: str, last: str) -> tuple[Linear, Linear]:
            return linear(f"{prefix}/{first}"), linear(f"{prefix}/{last}")

        y, z = (layers(f"{mlp}/~/linear_0", f"{mlp}/~/linear_1") for mlp in ("mlp", "mlp_1"))
        return Embeddings(y, z, layers("sequential/conv1_d", "sequential/conv1_d_1"))

    return DiscoNetwork(
        embeddings=embeddings("lstm"),
        trajectory=lstm("lstm/lstm/linear"),
        gate=linear("lstm/linear"),
        summary=linear("lstm/linear_1"),
        y=linear("lstm/linear_2"),
        z=linear("lstm/linear_3"),
        policy=(linear("lstm/sequential_1/conv1_d"), linear("lstm/linear_4")),
        lifetime_embeddings=embeddings(META),
        lifetime_input=linear(f"{META}/mlp_2/~/linear_0"),
        lifetime=lstm(f"{META}/lstm/linear"),
    )


def init_lifetime() -> LifetimeState:
    """At the beginning of an agent's lifetime."""
    return LifetimeState(hidden=jnp.zeros((LIFETIME,)), cell=jnp.zeros((LIFETIME,)))


def shared_layer(layer: Linear, x: Float[Array, " T B A I"]) -> Float[Array, " T B A O"]:
    """ReLU of a layer that reads each action beside the mean over all actions."""
    own, mean = jnp.split(layer.weight, 2)
    return jax.nn.relu(x @ own + jnp.mean(x, axis=2, keepdims=True) @ mean + layer.bias)


def log_scale(x: Float[Array, " *batch"]) -> Float[Array, " *batch"]:
    """sign(x) log(1 + |x|)."""
    return jnp.sign(x) * jnp.log1p(jnp.abs(x))


def _embed(layers: tuple[Linear, Linear], x: Float[Array, " *batch I"]) -> Float[Array, " *batch 1"]:
    first, last = layers
    return last(jax.nn.relu(first(x)))


def _pair(x: Float[Array, " T1 B F"]) -> Float[Array, " T B G"]:
    """A step's numbers, then those of the next state."""
    return jnp.concatenate([x[:-1], x[1:]], axis=-1)
