"""Exact returns where an environment's transitions are published, in double precision and without a time limit, too."""

import numpy as np

from lpg.environments.tabulated import Transitions

TOLERANCE = 1e-9
"""Without a time limit: so little may a return still change from one step backwards to the next."""


def exact_returns(table: Transitions) -> tuple[float, float]:
    """Expected undiscounted returns of an episode, solved backwards from the time limit.

    Returns:
        That of the uniformly random policy, and that of the best one.
    """
    paid = np.sum(table.probability * table.reward, axis=-1)
    continues = table.probability * ~table.terminated
    random, best = np.zeros((2, len(table.start)))
    steps, is_moving = 0, True
    while is_moving if table.max_steps is None else steps < table.max_steps:
        before = random, best
        random = np.mean(paid + np.sum(continues * random[table.following], axis=-1), axis=1)
        best = np.max(paid + np.sum(continues * best[table.following], axis=-1), axis=1)
        is_moving = max(np.abs(random - before[0]).max(), np.abs(best - before[1]).max()) > TOLERANCE
        steps += 1
    return float(table.start @ random), float(table.start @ best)
