"""The default agent of each environment, and the learning rates to choose from."""

import dataclasses

from lpg.agents.registry import TABULAR
from lpg.environments.base import Environment, IndexEnvironment
from lpg.environments.registry import ENVIRONMENTS


@dataclasses.dataclass(frozen=True)
class AgentDefault:
    """An agent and candidates for its learning rate α_lr."""

    agent: str
    learning_rates: tuple[float, ...]


_TABLE = AgentDefault(TABULAR, (20.0, 40.0, 80.0))
_ADAM = (0.0005, 0.001, 0.002, 0.005)

TABLE_3: dict[str, AgentDefault] = {
    "random/dense": AgentDefault("C(16)-D(32)", _ADAM),
    "random/long_horizon": AgentDefault("C(16)-D(32)", _ADAM),
    "random/small": AgentDefault("D(32)", _ADAM),
    "random/small_sparse": AgentDefault("D(32)", _ADAM),
    "random/very_dense": AgentDefault("C(32-16-16)-D(256)", _ADAM),
    "chain/distractor": AgentDefault("D(16)", (0.002, 0.005, 0.01)),
}
"""Table 3 of the paper, where agents are not tables."""

SEPARATE = "T(64-64)/T(64-64)"
"""The networks of observations that are vectors: the usual ones of control, one for π and one for y."""

MINATAR = AgentDefault("C(16)-D(128)", _ADAM)
"""The network of Young and Tian (2019); their convolution has no padding, ours has."""


def default_agent(name: str, environment: Environment) -> AgentDefault:
    """The agent of an environment by name: the paper's, else a table for indices, small networks for the rest."""
    if name in TABLE_3:
        return TABLE_3[name]
    if name.startswith("minatar/"):
        return MINATAR
    if isinstance(environment, IndexEnvironment):
        return _TABLE
    # Images among the registered environments are so small that dense networks have recorded settings there.
    is_image = len(environment.observation_shape) == 3 and name not in ENVIRONMENTS
    return MINATAR if is_image else AgentDefault(SEPARATE, _ADAM)
