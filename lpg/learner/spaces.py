"""From Gymnasium's spaces to an agent, as far as spaces are discrete or arrays of numbers."""

import dataclasses
from typing import Any

import jax
import numpy as np

from lpg.agents.custom import AgentSizes, init_custom, is_custom
from lpg.agents.registry import TABULAR
from lpg.learner import torsos
from lpg.learner.agent import Agent
from lpg.packages import import_optional
from lpg.update_rules.base import Rule


@dataclasses.dataclass(frozen=True)
class Spaces:
    """What an agent must know of an environment."""

    num_actions: int
    first_action: int
    """The environment's number of the first action; agents count from 0."""
    num_states: int | None
    """Observations number that many states; none: they are arrays."""
    first_state: int
    observation_shape: tuple[int, ...]
    is_bytes: bool = False
    """Observations are pixels from 0 to 255."""

    @property
    def default_agent(self) -> str:
        """The agent that one would try first."""
        return TABULAR if self.num_states is not None else torsos.fitting_architecture(self.observation_shape)

    def read(self, observation: Any) -> np.ndarray:
        """Observations as agents want them: states counted from 0, numbers of single precision, bytes as they are.

        Args:
            observation: the environment's, one or a batch of them.
        """
        values = np.asarray(observation)
        if self.num_states is not None:
            return np.asarray(values - self.first_state, np.int32)
        # A copy in any case: some environments write every step into one and the same array.
        return values.astype(np.uint8 if values.dtype == np.uint8 else np.float32)


def spaces_of(observation_space: Any, action_space: Any, name: str) -> Spaces:
    """What an agent must know, from the spaces of one copy of an environment.

    Args:
        name: of the environment, for the error.

    Raises:
        ValueError: actions are not discrete, or observations neither discrete nor an array.
    """
    spaces = import_optional("gymnasium", name).spaces
    if not isinstance(action_space, spaces.Discrete):
        raise ValueError(
            f"{name} has actions {_brief(action_space)}; Discrete ones are needed, because policies here choose one of "
            "several actions"
        )
    if isinstance(observation_space, spaces.Discrete):
        return Spaces(
            num_actions=int(action_space.n),
            first_action=int(action_space.start),
            num_states=int(observation_space.n),
            first_state=int(observation_space.start),
            observation_shape=(),
        )
    kinds = (spaces.Box, spaces.MultiBinary, spaces.MultiDiscrete)
    if not isinstance(observation_space, kinds) or not np.prod(observation_space.shape):
        raise ValueError(
            f"{name} has observations {_brief(observation_space)}; Discrete or Box ones are needed (a wrapper of "
            "Gymnasium's, FlattenObservation say, may help)"
        )
    return Spaces(
        num_actions=int(action_space.n),
        first_action=int(action_space.start),
        num_states=None,
        first_state=0,
        observation_shape=tuple(observation_space.shape),
        is_bytes=observation_space.dtype == np.uint8,
    )


def make_agent(agent: str, rule: Rule, spaces: Spaces, *, baseline: bool = False) -> Agent:
    """An agent by name, ready-made or `module:factory`.

    Raises:
        ValueError: there is no such agent, it cannot read these observations, or it does not fit the rule.
    """
    if is_custom(agent):
        return _own(agent, rule, spaces, baseline)
    if agent == TABULAR:
        if spaces.num_states is None:
            raise ValueError(
                f"a tabular agent needs observations that number states; here they have shape "
                f"{list(spaces.observation_shape)}, so give a network, 'D(64-64)' say"
            )
        return torsos.table(rule, num_states=spaces.num_states, num_actions=spaces.num_actions, baseline=baseline)
    if spaces.num_states is not None:
        raise ValueError(f"agent {agent!r} is a network; observations here number states, so give '{TABULAR}'")
    return torsos.network(
        rule, agent, observation_shape=spaces.observation_shape, num_actions=spaces.num_actions, baseline=baseline
    )


def _own(agent: str, rule: Rule, spaces: Spaces, baseline: bool) -> Agent:
    sizes = AgentSizes(
        observation_shape=spaces.observation_shape,
        num_states=spaces.num_states,
        num_actions=spaces.num_actions,
        prediction_size=rule.prediction_size + baseline,
        is_bytes=spaces.is_bytes,
    )
    jax.eval_shape(lambda key: init_custom(key, agent, sizes), jax.random.key(0))  # says now what does not fit
    return Agent(lambda key: init_custom(key, agent, sizes), lambda params, observation: params(observation))


def _brief(space: Any) -> str:
    """A space in few words; a Box prints all its bounds."""
    text = " ".join(str(space).split())
    return text if len(text) <= 80 else f"{type(space).__name__}{getattr(space, 'shape', '')}"
