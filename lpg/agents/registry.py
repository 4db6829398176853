"""The only list of agents: what acts, how a fresh one begins, and which optimiser moves it."""

from typing import Literal

import optax
from jaxtyping import PRNGKeyArray

from lpg.agents.custom import AgentSizes, init_custom, is_custom
from lpg.agents.network import Architecture, init_network, parse_architecture
from lpg.agents.optimizers import gradient_descent, safe_adam, visit_mean
from lpg.agents.outputs import Agent
from lpg.agents.separate import SEPARATOR, init_separate
from lpg.agents.tabular import init_table
from lpg.environments.base import Environment, IndexEnvironment

TABULAR = "tabular"

TableStep = Literal["visits", "samples"]
"""What the step of a table's row is the mean over, see `agent_optimizer`."""

AGENTS: dict[str, str] = {
    TABULAR: "a table of policy preferences and predictions, a row per state, moved by the mean over its visits",
    "D(32)": "a network with one dense layer (any widths: 'D(64-64)'); Adam",
    "C(16)-D(32)": "a network with 3 × 3 convolutions, then dense layers (any widths: 'C(32-16-16)-D(256)'); Adam",
    "D(32)/D(32)": "two networks that share nothing, one for the policy and one for the predictions (any two); Adam",
    "module:factory": "one of your own, see docs/adding_an_agent.md; Adam",
}


def check_agent(agent: str, environment: Environment) -> None:
    """Whether the agent can act in the environment. Those of one's own are looked at by `init_agent` and not here.

    Raises:
        ValueError: there is no such agent, or it cannot read the environment's observations.
    """
    if is_custom(agent):
        return
    is_index = isinstance(environment, IndexEnvironment)
    if agent == TABULAR:
        if not is_index:
            raise ValueError(
                f"a tabular agent needs observations that are state indices; here they have shape "
                f"{list(environment.observation_shape)}, so give a network, 'D(32)' say"
            )
        return
    networks = read_networks(agent)
    if is_index:
        raise ValueError(f"agent {agent!r} is a network; observations here are state indices, so give 'tabular'")
    if any(network.channels for network in networks) and len(environment.observation_shape) != 3:
        raise ValueError(
            f"agent {agent!r} has convolutions; observations here have shape {list(environment.observation_shape)} and "
            "no rows and columns, so give a dense one, 'D(32)' say"
        )


def read_networks(agent: str) -> tuple[Architecture, ...]:
    """The one network of an agent, or its two: for the policy and for the predictions.

    Raises:
        ValueError: the name is neither a network nor two.
    """
    parts = agent.split(SEPARATOR)
    if len(parts) > 2:
        raise ValueError(
            f"agent {agent!r} has {len(parts)} networks; one, or two with '{SEPARATOR}' between, is needed"
        )
    return tuple(parse_architecture(part) for part in parts)


def init_agent(key: PRNGKeyArray, agent: str, environment: Environment, *, prediction_size: int) -> Agent:
    """A fresh agent by name. Unless it is one's own, all its predictions are zero, see `init_table`.

    Raises:
        ValueError: see `check_agent`; or an agent of one's own does not fit the rule or the environment.
    """
    check_agent(agent, environment)
    if is_custom(agent):
        sizes = AgentSizes(
            observation_shape=environment.observation_shape,
            num_states=environment.num_states if isinstance(environment, IndexEnvironment) else None,
            num_actions=environment.num_actions,
            prediction_size=prediction_size,
        )
        return init_custom(key, agent, sizes)
    if isinstance(environment, IndexEnvironment):
        return init_table(
            num_states=environment.num_states, num_actions=environment.num_actions, prediction_size=prediction_size
        )
    networks = read_networks(agent)
    init, architecture = (init_separate, networks) if len(networks) == 2 else (init_network, networks[0])
    return init(
        key,
        architecture,  # type: ignore[arg-type]
        observation_shape=environment.observation_shape,
        num_actions=environment.num_actions,
        prediction_size=prediction_size,
    )


def agent_optimizer(agent: str, table_step: TableStep = "samples") -> optax.GradientTransformation:
    """The agent's optimiser for a learning rate of one: Adam for networks; for tables what `table_step` asks for.

    Args:
        table_step: a table's row moves by the mean gradient over its "visits" (`visit_mean`), or by the mean over all
            "samples" of the trajectory (plain descent, as in the paper).
    """
    if agent != TABULAR:
        return safe_adam()
    return visit_mean() if table_step == "visits" else gradient_descent()
