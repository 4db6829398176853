"""The training loop for Gymnasium environments: collect, update, repeat; a generator that yields after each update."""

import dataclasses
from collections.abc import Iterator

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from lpg.learner.collect import Collector
from lpg.learner.learner import Learner
from lpg.learner.state import LearnerState


class DivergedError(RuntimeError):
    """An agent's numbers are not finite any more."""


@dataclasses.dataclass(frozen=True)
class LoopState:
    """Where one agent's training stands."""

    learner: LearnerState
    num_updates: int
    """Agent updates done."""
    totals: np.ndarray
    """[P, 3] for each point of the learning curve: sum of the returns of the episodes that ended since the point
    before, sum of their squares, and how many they were."""


def init(
    learner: Learner, key: PRNGKeyArray, num_points: int, *, observation_shape: tuple[int, ...] = (), num_envs: int = 0
) -> LoopState:
    """A fresh agent and an empty curve; the shapes are those of `Learner.init`."""
    fresh = learner.init(key, observation_shape=observation_shape, num_envs=num_envs)
    return LoopState(fresh, 0, np.zeros((num_points, 3)))


def run(
    learner: Learner,
    collector: Collector,
    state: LoopState,
    key: PRNGKeyArray,
    ends: np.ndarray,
    *,
    num_steps: int,
    overlap: bool = False,
) -> Iterator[LoopState]:
    """Updates until the last of `ends` is reached; yields the state after each of them.

    Args:
        key: of actions and minibatches; those of update number n depend on the key and on n alone.
        ends: [P] agent updates at which the points of the curve end, in rising order.
        num_steps: T, steps of each environment per update.
        overlap: act with the parameters from before the update that is being computed, so that the environments need
            not wait for it. The data are then one update older than the agent that learns from them.

    Raises:
        DivergedError: the agent's policy is not finite.
        RuntimeError: the environment failed.
    """
    acting, entropy = state.learner, None
    for number in range(state.num_updates, int(ends[-1])):
        # Drawn for the whole trajectory at once, and fetched: one transfer instead of one a step.
        shape = (num_steps, collector.num_envs)
        key_number = jax.random.fold_in(key, number)
        uniform = np.asarray(jax.random.uniform(key_number, shape))

        def act(observation: np.ndarray, t: int, acting: LearnerState = acting, u: np.ndarray = uniform) -> np.ndarray:
            return np.asarray(learner.choose(acting, observation, u[t], collector.action_mask))

        collected = collector.collect(act, num_steps)
        # Checked one update later, so that the host does not wait for the device.
        if entropy is not None and not np.isfinite(entropy):
            raise DivergedError(
                f"the agent's numbers are not finite after {number} updates; a smaller learning rate may help"
            )
        moved, info = learner.update(
            state.learner,
            collected.trajectory,
            collected.is_real,
            key=jax.random.fold_in(key_number, 1),
            progress=learner.progress(number),
        )
        acting, entropy = state.learner if overlap else moved, info.policy_entropy
        totals = state.totals.copy()
        point = int(np.searchsorted(ends, number, side="right"))
        totals[point] += [collected.returns.sum(), (collected.returns**2).sum(), len(collected.returns)]
        state = LoopState(moved, number + 1, totals)
        yield state
