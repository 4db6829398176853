"""Fresh agents that predict a value other than zero: optimistic initial values, with which agents explore."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lpg.agents.atari import AtariNetwork
from lpg.agents.disco import DiscoAgent
from lpg.agents.network import Network
from lpg.agents.outputs import Agent
from lpg.agents.separate import SeparateNetworks
from lpg.agents.tabular import Table


def atoms(prediction_size: int) -> Float[np.ndarray, " m"]:
    """z: where a categorical prediction's categories lie, at equal distances in [−1, 1]."""
    return np.linspace(-1, 1, prediction_size)


def with_initial_value(agent: Agent, value: Float[Array, ""] | float, prediction_size: int) -> Agent:
    """The same agent, whose predictions are higher by a value in all states.

    Logits of categorical predictions grow by v₀ z, so that fresh ones are y ∝ exp(v₀ z), which `a2c-categorical` and
    rules that are fitted to it read as v₀; a prediction of one number grows by v₀. Its unit is that of rewards as the
    rule sees them, normalised or not.

    Args:
        agent: a table or a network of `lpg.agents.registry`.
        value: v₀; zero leaves the agent as it is.
        prediction_size: m, the size that the rule asks for. Further predictions, as of a baseline, stay.

    Raises:
        ValueError: another kind of agent.

    Reference: optimistic initial values, Sutton and Barto (2018), section 2.6.
    """
    step = jnp.asarray(value, float) * jnp.asarray(atoms(prediction_size) if prediction_size > 1 else np.ones(1), float)
    if isinstance(agent, Table):
        first = agent.num_actions
        rows = agent.rows.at[:, first : first + prediction_size].add(step)
        return eqx.tree_at(lambda table: table.rows, agent, rows)
    if isinstance(agent, SeparateNetworks):
        changed = with_initial_value(agent.prediction, value, prediction_size)
        return eqx.tree_at(lambda both: both.prediction, agent, changed)
    if isinstance(agent, DiscoAgent):
        changed = with_initial_value(agent.network, value, prediction_size)
        return eqx.tree_at(lambda whole: whole.network, agent, changed)
    if isinstance(agent, Network | AtariNetwork):
        bias = agent.prediction.bias.at[:prediction_size].add(step)
        return eqx.tree_at(lambda network: network.prediction.bias, agent, bias)
    raise ValueError(
        f"an agent of type {type(agent).__name__} given; a table or a network by name is needed, because only of those "
        "it is known where their predictions begin"
    )
