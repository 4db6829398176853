"""Exact returns where an environment of the host publishes its transition table, as Gymnasium's toy text does."""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Float

from lpg.learner.hosted import GYMNASIUM
from lpg.learner.packages import needed

TOLERANCE = 1e-9
"""Without a time limit: so little may a return still change from one step backwards to the next."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TransitionTable:
    """A whole environment as arrays."""

    goes_on: Float[np.ndarray, "S A S"]
    """Probability of arriving in a state from which the episode goes on."""
    reward: Float[np.ndarray, "S A"]
    """Expected reward."""
    start: Float[np.ndarray, " S"]
    """Probability of each first state."""
    max_steps: int | None
    """Time limit of an episode, in steps; none: there is none."""

    @property
    def num_actions(self) -> int:
        """A."""
        return self.reward.shape[1]


def transition_table(name: str) -> TransitionTable:
    """The table of a `gymnasium/` environment.

    Raises:
        ValueError: it publishes none, there is no such environment, or Gymnasium is not installed.
    """
    gymnasium = needed("gymnasium", name)
    try:
        made = gymnasium.make(name.removeprefix(GYMNASIUM))
    except gymnasium.error.Error as error:
        raise ValueError(f"{name}: {' '.join(str(error).split())}") from error
    inside: Any = made.unwrapped
    if not hasattr(inside, "P") or not hasattr(inside, "initial_state_distrib"):
        raise ValueError(f"{name} publishes no transition table; one is needed for exact returns")
    num_states, num_actions = len(inside.P), len(inside.P[0])
    goes_on, reward = np.zeros((num_states, num_actions, num_states)), np.zeros((num_states, num_actions))
    for state, actions in inside.P.items():
        for action, outcomes in actions.items():
            for probability, following, paid, terminated in outcomes:
                reward[state, action] += probability * paid
                goes_on[state, action, following] += probability * (not terminated)
    start, limit = np.asarray(inside.initial_state_distrib, float), made.spec.max_episode_steps
    made.close()
    return TransitionTable(goes_on=goes_on, reward=reward, start=start, max_steps=limit)


def exact_returns(table: TransitionTable) -> tuple[float, float]:
    """Expected undiscounted returns of an episode, solved backwards from the time limit.

    Returns:
        That of the uniformly random policy, and that of the best one.
    """
    random, best = np.zeros((2, len(table.start)))
    steps, is_moving = 0, True
    while is_moving if table.max_steps is None else steps < table.max_steps:
        before = random, best
        random = np.mean(table.reward + table.goes_on @ random, axis=1)
        best = np.max(table.reward + table.goes_on @ best, axis=1)
        is_moving = max(np.abs(random - before[0]).max(), np.abs(best - before[1]).max()) > TOLERANCE
        steps += 1
    return float(table.start @ random), float(table.start @ best)
