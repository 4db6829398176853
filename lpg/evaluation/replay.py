"""An episode of a trained agent, as pictures."""

import dataclasses
from collections.abc import Iterator

import jax
import numpy as np
from jaxtyping import PRNGKeyArray, UInt8

from lpg.agents.outputs import Agent
from lpg.evaluation.backend import Episode
from lpg.evaluation.training_folder import AgentCard


@dataclasses.dataclass(frozen=True)
class Frame:
    """One state of an episode."""

    picture: UInt8[np.ndarray, "H W 3"]
    reward: float
    """Of the step that led here; 0 at the start."""
    is_last: bool


@dataclasses.dataclass(frozen=True)
class Replay:
    """An episode that is played while its frames are read."""

    about: str
    """What the pictures show."""
    frames: Iterator[Frame]


def replay(agent: Agent, card: AgentCard, key: PRNGKeyArray) -> Replay:
    """One episode on the environment that the agent was trained on; actions are drawn from its policy.

    Environments in JAX have the parameters of the agent's training. Pictures are a map of the environment or its own
    (`render_mode="rgb_array"`) where there is one, else what the agent sees.

    Args:
        card: what the agent is, see `lpg.evaluation.training_folder.read_agent`.
        key: of the episode's random numbers.

    Raises:
        ValueError: the environment does not exist any more.
    """
    episode = card.backend().episode(card.seed)
    return Replay(episode.about, _frames(episode, agent, key))


def _frames(episode: Episode, agent: Agent, key: PRNGKeyArray) -> Iterator[Frame]:
    try:
        key, key_reset = jax.random.split(key)
        episode.reset(key_reset)
        yield Frame(episode.picture(), 0.0, False)
        is_last = False
        while not is_last:
            key, key_step = jax.random.split(key)
            reward, is_last = episode.step(agent, key_step)
            yield Frame(episode.picture(), reward, is_last)
    finally:
        episode.close()
