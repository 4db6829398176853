"""Agents from Gymnasium's spaces: discrete actions, and observations that are discrete or arrays of numbers."""

import dataclasses
from typing import Any

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from lpg.agents.atari import LEAST_SIDE
from lpg.agents.custom import AgentSizes
from lpg.agents.defaults import SEPARATE
from lpg.agents.images import has_channels_last, image_sizes
from lpg.agents.network import ATARI
from lpg.agents.outputs import Agent
from lpg.agents.registry import TABULAR, build_agent
from lpg.learner.agent import AgentFns
from lpg.packages import import_optional
from lpg.update_rules.base import Rule


@dataclasses.dataclass(frozen=True)
class Spaces:
    """What an agent needs of an environment's spaces."""

    num_actions: int
    first_action: int
    """The environment's index of the first action; agents count from 0."""
    num_states: int | None
    """Number of states where observations are their indices; None where observations are arrays."""
    first_state: int
    observation_shape: tuple[int, ...]
    is_bytes: bool = False
    """Observations are pixels from 0 to 255."""

    @property
    def default_agent(self) -> str:
        """The agent to try first: a table, or a network that fits the size of the observations."""
        if self.num_states is not None:
            return TABULAR
        if len(self.observation_shape) not in (2, 3):
            return SEPARATE
        _, *sides = image_sizes(self.observation_shape, has_channels_last(self.observation_shape))
        return ATARI if min(sides) >= LEAST_SIDE else "C(16)-D(32)"

    def read(self, observation: Any) -> np.ndarray:
        """Observations as agents read them: state indices from 0, float32, or bytes as they are.

        Args:
            observation: one of the environment's, or a batch.
        """
        values = np.asarray(observation)
        if self.num_states is not None:
            return np.asarray(values - self.first_state, np.int32)
        # Always a copy: some environments write every step into the same array.
        return values.astype(np.uint8 if values.dtype == np.uint8 else np.float32)


def spaces_of(observation_space: Any, action_space: Any, name: str) -> Spaces:
    """What an agent needs, from the spaces of a single environment.

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


def make_agent(agent: str, rule: Rule, spaces: Spaces, *, baseline: bool = False) -> AgentFns:
    """An agent by name, see `lpg.agents.registry.build_agent`.

    Args:
        rule: it says how many numbers the agent predicts.
        baseline: predict one number more, see `lpg.learner.baseline`.

    Raises:
        ValueError: there is no such agent, it cannot read these observations, or it does not fit the rule.
    """
    sizes = AgentSizes(
        observation_shape=spaces.observation_shape,
        num_states=spaces.num_states,
        num_actions=spaces.num_actions,
        prediction_size=rule.prediction_size + baseline,
        is_bytes=spaces.is_bytes,
        channels_last=has_channels_last(spaces.observation_shape),
    )

    def init(key: PRNGKeyArray) -> Agent:
        return build_agent(key, agent, sizes)

    jax.eval_shape(init, jax.random.key(0))  # reports now what does not fit
    return AgentFns(init, lambda params, observation: params(observation))


def _brief(space: Any) -> str:
    """A space in few words, because a Box prints all its bounds."""
    text = " ".join(str(space).split())
    return text if len(text) <= 80 else f"{type(space).__name__}{getattr(space, 'shape', '')}"
