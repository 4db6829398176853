"""What trains agents: one interface for environments written in JAX and for Gymnasium's, and the plan that it works on.

The trainer (`lpg.evaluation.trainer`) does what is common: progress, checkpoints, files, learning curves.
"""

import dataclasses
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import PRNGKeyArray, PyTree

from lpg.agents.outputs import Agent
from lpg.environments.names import stable
from lpg.evaluation.chosen_config import ChosenConfig
from lpg.evaluation.curves import Totals
from lpg.evaluation.train_config import TrainConfig
from lpg.update_rules.base import Rule
from lpg.update_rules.registry import NamedRule


@dataclasses.dataclass(frozen=True, kw_only=True)
class GymnasiumOptions:
    """What only Gymnasium environments and Atari games know."""

    sticky_actions: float = 0.0
    """Probability that an Atari game repeats the last action."""
    overlap: bool = False
    """Let environments step while the agent learns, with parameters that are one update old."""
    action_masks: bool = True
    """Choose among the actions that `info["action_mask"]` allows, where an environment gives one."""


@dataclasses.dataclass(frozen=True)
class BatchState:
    """Where the training of a batch of agents stands."""

    tree: PyTree
    """What a checkpoint keeps: agents, optimisers and, in JAX, environments."""
    num_updates: int
    """Agent updates done."""
    totals: Sequence[Totals]
    """Of the points of the learning curve up to here."""


@dataclasses.dataclass(frozen=True)
class Batch:
    """Agents that are trained together, one for each seed."""

    seeds: Sequence[int]
    num_rows: int
    """Rows of the arrays; more than seeds where the last one is repeated to fill the devices."""
    init: Callable[[], BatchState]
    """Fresh agents."""
    advance: Callable[[BatchState], Generator[BatchState, None, None]]
    """The states from here to the end of the training. The arrays of a state may be deleted when the next one is asked
    for."""
    agents: Callable[[PyTree], list[Agent]]
    """`BatchState.tree` → the agent of each seed; it is called with one observation."""


@runtime_checkable
class Episode(Protocol):
    """One episode of one environment, which a trained agent plays."""

    about: str
    """What the pictures show."""

    def reset(self, key: PRNGKeyArray) -> None:
        """Begins the episode."""
        ...

    def step(self, agent: Agent, key: PRNGKeyArray) -> tuple[float, bool]:
        """Draws an action from the agent's policy and takes it; the reward, and whether the episode is over."""
        ...

    def picture(self) -> np.ndarray:
        """The environment as it is now: [H, W, 3] bytes."""
        ...

    def close(self) -> None:
        """Frees what the environment holds."""
        ...


@dataclasses.dataclass(frozen=True)
class Interface:
    """What lies between an environment as its user sees it and an agent."""

    read: Callable[[Any], np.ndarray]
    """One of the environment's observations, or a batch, → what the agent reads."""
    observation_shape: tuple[int, ...]
    """Of one that the agent reads; () for state indices."""
    to_env: Callable[[np.ndarray], np.ndarray]
    """Actions of the agent, counted from 0 → as the environment takes them."""
    action_mask: np.ndarray
    """[A] which actions there are."""
    read_mask: Callable[[Any], np.ndarray]
    """A mask as the environment gives it for a state, or a batch of them → [*batch, A]."""


@runtime_checkable
class Backend(Protocol):
    """One environment, and how agents are trained on it."""

    environment: str
    """Its name."""
    options: GymnasiumOptions
    num_actions: int | None
    """Which version of a grid; none: the usual one."""

    @property
    def default_agent(self) -> str:
        """The agent that learns unless another one is asked for."""
        ...

    @property
    def default_steps(self) -> int:
        """Environment steps of a training unless its length is given, all parallel environments together."""
        ...

    def check(self, agent: str, rule: Rule, config: TrainConfig) -> None:
        """Whether the agent can learn here by this rule and in this way.

        Raises:
            ValueError: it cannot.
        """
        ...

    def batches(self, plan: "TrainingPlan", seeds: Sequence[int], ends: np.ndarray) -> Iterator[Batch]:
        """The seeds, in the batches in which they are trained.

        Args:
            ends: [P] agent updates at which the points of the learning curve end.
        """
        ...

    def template(self, agent: str, prediction_size: int, *, normalise_observations: bool) -> Agent:
        """An untrained agent whose arrays have the shapes of a trained one's."""
        ...

    def interface(self, seed: int) -> Interface:
        """Of the environment that the agent of this seed was trained on."""
        ...

    def episode(self, seed: int) -> Episode:
        """The environment that the agent of this seed was trained on, to be played."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """One rule on one environment, before anything happens; see `lpg.evaluation.training_plan.make_plan`."""

    rule: NamedRule
    environment: str
    agent: str
    chosen: ChosenConfig
    num_updates: int
    backend: Backend

    @property
    def config(self) -> TrainConfig:
        """How the agents are trained."""
        return self.chosen.config

    @property
    def steps_per_agent(self) -> int:
        """Environment steps of one agent's training."""
        return self.num_updates * self.config.steps_per_update

    def identity(self, batch: Batch) -> dict[str, Any]:
        """What a checkpoint must have in common with a training that goes on from it."""
        return {
            "rule": self.rule.label,
            "card": self.rule.card,
            "environment": stable(self.environment),
            "agent": self.agent,
            "config": dataclasses.asdict(self.config),
            "num_actions": self.backend.num_actions,
            "options": dataclasses.asdict(self.backend.options),
            "seeds": list(batch.seeds),
            # So many together fit this machine's devices.
            "num_rows": batch.num_rows,
        }
