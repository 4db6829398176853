"""Returns by which others are normalised where no exact solution is at hand: measured once, listed in a file.

`reference_returns.json` holds, per environment and action set, the return of the random policy and the best that is
known, with standard errors and where they are from. It is written by `python -m benchmarks.reference_returns`.
"""

import dataclasses
import functools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import PRNGKeyArray

from lpg.environments.base import Instance
from lpg.environments.episodes import Policy, episode_returns, random_policy
from lpg.environments.greedy import Greedy
from lpg.environments.random_grid import RandomGridShape
from lpg.environments.registry import ENVIRONMENTS, environment

FILE = Path(__file__).parent / "reference_returns.json"
FILE_FORMAT = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reference:
    """The two rulers of one environment: expected undiscounted returns of an episode, and their standard errors."""

    random: float
    random_stderr: float
    best: float
    best_stderr: float
    is_optimum: bool
    """Whether `best` is the optimum, or only the best that is known."""
    random_from: str
    best_from: str


EXACT = {
    # A coin decides which first action is right, and only the first counts: +1 and −1 are equally probable for who
    # guesses; the first bit shows the coin's side, so that +1 is always within reach.
    "chain/distractor": Reference(
        random=0.0, random_stderr=0.0, best=1.0, best_stderr=0.0, is_optimum=True,
        random_from="exact: right and wrong are equally probable",
        best_from="exact: the first bit shows the right action",
    ),
}  # fmt: skip
"""Worked by hand."""

OPTIMAL = {
    # One object pays +1 and ends the episode, all others pay −1 and end it: nothing pays more than 1.
    "random/small_sparse": "1 is the most that an episode can pay",
}
"""Where the scripted policy's return is the optimum, and why."""


def measurable() -> tuple[str, ...]:
    """The environments that belong into the file."""
    return (*(name for name in ENVIRONMENTS if name.startswith("random/")), *EXACT)


def measure(
    name: str, num_actions: int, key_random: PRNGKeyArray, key_best: PRNGKeyArray, num_random: int, num_best: int
) -> Reference:
    """Both rulers of an environment, by playing where they are not known without.

    Args:
        num_random, num_best: episodes of the random policy and of the scripted one.

    Raises:
        ValueError: there is no scripted policy for the environment.
    """
    if name in EXACT:
        return EXACT[name]
    distribution = environment(name).distribution
    if not isinstance(distribution.shape, RandomGridShape):
        raise ValueError(f"{name}: there is a scripted policy for random grids only")
    greedy = Greedy(distribution.shape)

    def scripted(instance: Instance) -> Policy:
        plan = greedy.plan(instance)
        return lambda instance, state, uniform: greedy.act(plan, instance, state)

    random = episode_returns(
        distribution, lambda instance: random_policy(distribution.shape), key_random, num_random, num_actions
    )
    best = episode_returns(distribution, scripted, key_best, num_best, num_actions)
    is_optimum = name in OPTIMAL
    return Reference(
        random=float(random.mean()),
        random_stderr=standard_error(random),
        best=float(best.mean()),
        best_stderr=standard_error(best),
        is_optimum=is_optimum,
        random_from=f"{num_random} episodes",
        best_from=f"{num_best} episodes of lpg.environments.greedy" + (f"; {OPTIMAL[name]}" if is_optimum else ""),
    )


def standard_error(returns: np.ndarray) -> float:
    """Of the mean of independent returns."""
    return float(np.std(returns, ddof=1) / math.sqrt(len(returns)))


def listed(name: str, num_actions: int) -> Reference | None:
    """What the file says of an environment; none if it says nothing.

    Args:
        num_actions: which version of the environment.
    """
    entry = read_file(FILE).get(name, {}).get(str(num_actions))
    return None if entry is None else Reference(**entry)


@functools.lru_cache(maxsize=4)
def read_file(path: Path) -> dict[str, dict[str, Any]]:
    """Entries by environment and number of actions.

    Raises:
        ValueError: it is no such file.
    """
    try:
        content = json.loads(path.read_text())
        if content["format_version"] != FILE_FORMAT:
            raise ValueError(f"format version {content['format_version']}; {FILE_FORMAT} is needed")
        for entries in content["environments"].values():
            for entry in entries.values():
                Reference(**entry)
        return content["environments"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: not a file of reference returns ({type(error).__name__}: {error})") from error
