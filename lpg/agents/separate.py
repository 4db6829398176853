"""An agent of two networks that share nothing: one for π, one for y."""

import equinox as eqx
import jax
from jaxtyping import Array, Num, PRNGKeyArray

from lpg.agents.network import Architecture, Network, init_network
from lpg.types import AgentOutput

SEPARATOR = "/"
"""`D(32)/D(32)`: the network of π, then the network of y."""


class SeparateNetworks(eqx.Module):
    """θ as two networks. Each has one unused head, which no gradient moves."""

    policy: Network
    prediction: Network

    takes_batches = True

    def __call__(self, observation: Num[Array, " *batch_obs"]) -> AgentOutput:
        """Outputs for observations with any leading axes."""
        return AgentOutput(logits=self.policy(observation).logits, prediction=self.prediction(observation).prediction)


def init_separate(
    key: PRNGKeyArray,
    architectures: tuple[Architecture, Architecture],
    *,
    observation_shape: tuple[int, ...],
    num_actions: int,
    prediction_size: int,
    channels_last: bool = False,
) -> SeparateNetworks:
    """Two fresh networks, for π and for y; arguments as in `init_network`.

    Raises:
        ValueError: see `init_network`.
    """
    keys = jax.random.split(key)
    policy, prediction = (
        init_network(
            keys[i],
            architectures[i],
            observation_shape=observation_shape,
            num_actions=num_actions if i == 0 else 1,
            prediction_size=prediction_size if i == 1 else 1,
            channels_last=channels_last,
        )
        for i in range(2)
    )
    return SeparateNetworks(policy=policy, prediction=prediction)
