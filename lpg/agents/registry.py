"""The list of agents by name: how a fresh one is built, and which optimiser updates it."""

from typing import Literal

import jax
import optax
from jaxtyping import PRNGKeyArray

from lpg.agents.atari import TORSOS, init_atari
from lpg.agents.custom import AgentSizes, init_custom, is_custom
from lpg.agents.disco import PREFIX as DISCO
from lpg.agents.disco import init_disco_agent
from lpg.agents.network import ATARI, ATARI_SMALL, Architecture, init_network, parse_architecture
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
    "T(32)": "the same with tanh in place of ReLU (any widths); Adam",
    "C(16)-D(32)": "a network with 3 × 3 convolutions, then dense layers (any widths: 'C(32-16-16)-D(256)'); Adam",
    "D(32)/D(32)": "two networks that share nothing, one for the policy and one for the predictions (any two); Adam",
    f"{DISCO}D(512-512)": "the agent of DiscoRL's rule with a torso of any such network; Adam",
    ATARI: "the network of the Atari experiments, for images of at least 36 × 36 pixels; Adam",
    ATARI_SMALL: "the same with C(16)-C(32)-D(256), a third of the work; Adam",
    "module:factory": "a custom agent, see docs/adding_an_agent.md; Adam",
}


def env_sizes(environment: Environment, prediction_size: int) -> AgentSizes:
    """What fixes the shapes of agents in a JAX environment."""
    return AgentSizes(
        observation_shape=environment.observation_shape,
        num_states=environment.num_states if isinstance(environment, IndexEnvironment) else None,
        num_actions=environment.num_actions,
        prediction_size=prediction_size,
    )


def check_agent(agent: str, environment: Environment) -> None:
    """Whether an agent can act in a JAX environment. Custom agents are not checked here but by `init_agent`.

    Raises:
        ValueError: there is no such agent, or it cannot read the environment's observations.
    """
    if not is_custom(agent):
        sizes = env_sizes(environment, prediction_size=1)
        jax.eval_shape(lambda key: build_agent(key, agent, sizes), jax.random.key(0))


def init_agent(key: PRNGKeyArray, agent: str, environment: Environment, *, prediction_size: int) -> Agent:
    """A fresh agent for a JAX environment, see `build_agent`."""
    return build_agent(key, agent, env_sizes(environment, prediction_size))


def build_agent(key: PRNGKeyArray, agent: str, sizes: AgentSizes) -> Agent:
    """A fresh agent by name. All its predictions are zero, see `init_table`, unless it is a custom one.

    Raises:
        ValueError: there is no such agent, it cannot read these observations, or a custom agent does not fit.
    """
    if is_custom(agent):
        return init_custom(key, agent, sizes)
    outputs = {"num_actions": sizes.num_actions, "prediction_size": sizes.prediction_size}
    if agent == TABULAR:
        if sizes.num_states is None:
            raise ValueError(
                f"a tabular agent needs observations that are state indices; here they have shape "
                f"{list(sizes.observation_shape)}, so give a network, 'D(32)' say"
            )
        return init_table(num_states=sizes.num_states, **outputs)
    is_disco = agent.startswith(DISCO)
    networks = () if agent in TORSOS else read_networks(agent.removeprefix(DISCO))
    if is_disco and len(networks) > 1:
        raise ValueError(f"agent {agent!r} has {len(networks)} networks; after {DISCO!r} one is needed, D(64-64) say")
    if sizes.num_states is not None and not (is_disco and not networks[0].channels):
        raise ValueError(f"agent {agent!r} is a network; observations here are state indices, so give '{TABULAR}'")
    if (agent in TORSOS or any(one.channels for one in networks)) and len(sizes.observation_shape) not in (2, 3):
        raise ValueError(
            f"agent {agent!r} has convolutions; observations here have shape {list(sizes.observation_shape)} and no "
            "rows and columns, so give a dense one, 'D(32)' say"
        )
    inputs = {"observation_shape": sizes.observation_shape, "channels_last": sizes.channels_last}
    if is_disco:
        return init_disco_agent(key, networks[0], num_states=sizes.num_states, **inputs, **outputs)  # type: ignore[arg-type]
    if agent in TORSOS:
        return init_atari(key, TORSOS[agent], **inputs, **outputs)  # type: ignore[arg-type]
    if len(networks) == 2:
        return init_separate(key, networks, **inputs, **outputs)  # type: ignore[arg-type]
    return init_network(key, networks[0], **inputs, **outputs)  # type: ignore[arg-type]


def read_networks(agent: str) -> tuple[Architecture, ...]:
    """The network of an agent, or its two networks: for the policy and for the predictions.

    Raises:
        ValueError: the name is neither a network nor two.
    """
    parts = agent.split(SEPARATOR)
    if len(parts) > 2:
        raise ValueError(
            f"agent {agent!r} has {len(parts)} networks; one, or two with '{SEPARATOR}' between, is needed"
        )
    return tuple(parse_architecture(part) for part in parts)


def agent_optimizer(agent: str, table_step: TableStep = "samples") -> optax.GradientTransformation:
    """The agent's optimiser for a learning rate of one: Adam for networks; for tables what `table_step` asks for.

    Args:
        table_step: a table's row moves by the mean gradient over its "visits" (`visit_mean`), or by the mean over all
            "samples" of the trajectory (plain descent, as in the paper).
    """
    if agent != TABULAR:
        return safe_adam()
    return visit_mean() if table_step == "visits" else gradient_descent()
