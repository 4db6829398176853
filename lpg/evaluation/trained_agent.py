"""A trained agent as its user has it: it acts on observations as the environment gives them, and plays episodes."""

import functools
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray, Shaped

from lpg.agents.outputs import Agent, outputs
from lpg.agents.rollout import sample_action
from lpg.evaluation.backend import Backend, Interface
from lpg.evaluation.environment_objects import name_of
from lpg.evaluation.greedy import greedy_returns
from lpg.evaluation.training_folder import AgentCard, read_agent
from lpg.types import AgentOutput


class TrainedAgent(eqx.Module):
    """An agent after its training, and what it was trained on.

    ```python
    agent = lpg.load_agent("runs/cartpole")
    action = agent.act(observation, greedy=True)
    returns = agent.evaluate(episodes=100)
    ```
    """

    agent: Agent
    """θ."""
    card: AgentCard = eqx.field(static=True)
    """Environment, rule, seed and steps of its training."""

    def __call__(self, observation: Shaped[Array, " *obs"]) -> AgentOutput:
        """Logits and prediction for one observation; state indices are counted from 0."""
        return self.agent(observation)

    def act(
        self, observation: Any, key: PRNGKeyArray | None = None, *, greedy: bool = False, action_mask: Any = None
    ) -> int | np.ndarray:
        """An action, drawn from the policy.

        Args:
            observation: as the environment gives it, or a batch of them with a leading axis.
            key: of the draw; not needed if greedy.
            greedy: take the most probable action instead, of equal ones the first.
            action_mask: which actions this state allows, as the environment's `info["action_mask"]` says; none: all.

        Returns:
            The action as the environment takes it; for a batch [B] actions.

        Raises:
            ValueError: the observation is none of the environment's, or there is no key.
        """
        if key is None and not greedy:
            raise ValueError("no key given; act needs one to draw actions, jax.random.key(0) say, or greedy=True")
        interface = _interface(self.card)
        seen, shape = interface.read(observation), interface.observation_shape
        if seen.shape not in (shape, seen.shape[:1] + shape):
            raise ValueError(
                f"an observation of shape {list(seen.shape)} given; {list(shape)} is needed, as "
                f"{self.card.environment} has it, or a batch of them"
            )
        batch = seen.reshape(-1, *shape)
        mask = interface.action_mask if action_mask is None else interface.read_mask(action_mask)
        logits = _logits(self.agent, batch, mask)
        if greedy:
            action = np.argmax(np.asarray(logits), axis=-1)
        else:
            assert key is not None
            action = np.asarray(sample_action(logits, jax.random.uniform(key, (len(batch),))))
        action = interface.to_env(action)
        if seen.shape != shape:
            return action
        return int(action[0]) if action.ndim == 1 else action[0]

    def evaluate(self, episodes: int = 100) -> Float[np.ndarray, " E"]:
        """Undiscounted returns of whole episodes with the most probable actions, on the environment of the training.

        The episodes are the same every time. One that is longer than 10,000 steps is cut.

        Raises:
            ValueError: episodes is not positive, or the environment does not exist any more.
        """
        if episodes < 1:
            raise ValueError(f"episodes is {episodes}; it must be positive")
        backend = _backend(self.card)
        return greedy_returns(backend, self.card.agent, [self.agent], [self.card.seed], episodes)[0]


def load_agent(folder: str | Path, seed: int = 0, *, environment: Any = None) -> TrainedAgent:
    """The trained agent in a folder of `lpg train --out` or `lpg.train(out=…)`.

    Its environment must exist, as the spaces fix the shapes of its arrays.

    Args:
        folder: what `out` was.
        seed: which of its agents.
        environment: the environment, where the training was given an object or a function that has no name; as there.

    Raises:
        ValueError: there is none, its file is truncated or of another kind, or its environment does not exist any more.
    """
    name = None if environment is None else name_of(environment)
    return TrainedAgent(*read_agent(Path(folder), seed, name))


@functools.lru_cache(maxsize=16)
def _backend(card: AgentCard) -> Backend:
    return card.backend()


@functools.lru_cache(maxsize=64)
def _interface(card: AgentCard) -> Interface:
    return _backend(card).interface(card.seed)


@jax.jit
def _logits(agent: Agent, observation: Shaped[Array, " B *obs"], mask: Bool[Array, " *B A"]) -> Float[Array, " B A"]:
    return outputs(agent, observation, mask, batch_ndim=1).logits
