"""Returns by which others are normalised where no exact solution is at hand: found once, listed in a file.

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

from lpg.environments.base import EnvParams
from lpg.environments.episodes import Policy, episode_returns, random_policy
from lpg.environments.greedy import Greedy
from lpg.environments.random_grid import RandomGridEnv
from lpg.environments.registry import ENVIRONMENTS, SUITES, env_spec
from lpg.environments.tabulated import exact_returns, transitions
from lpg.learner.gymnasium_environments import GYMNASIUM

FILE = Path(__file__).parent / "reference_returns.json"
FILE_FORMAT = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reference:
    """Expected undiscounted returns per episode of the random and the best policy, and their standard errors."""

    random: float
    random_stderr: float
    best: float
    best_stderr: float
    is_optimum: bool
    """Whether `best` is the optimum, or only the best that is known."""
    random_from: str
    best_from: str
    is_human: bool = False
    """Whether `best` is what a person reaches; more is possible then, and usual."""


def _exact(random: float, best: float, random_from: str, best_from: str) -> Reference:
    return Reference(
        random=random, random_stderr=0.0, best=best, best_stderr=0.0, is_optimum=True,
        random_from=f"exact: {random_from}", best_from=f"exact: {best_from}",
    )  # fmt: skip


EXACT = {
    # A coin decides which first action is right, and only the first counts: +1 and −1 are equally probable for who
    # guesses; the first bit shows the coin's side, so that +1 is always within reach.
    "chain/distractor": _exact(
        0.0, 1.0, "right and wrong are equally probable", "the first bit shows the right action"
    ),
    "bsuite/umbrella_chain": _exact(
        0.0, 1.0, "an umbrella is right or wrong with equal probability, and the other rewards are 0 on average",
        "the first state shows whether one is needed",
    ),
    "bsuite/discounting_chain": _exact(
        1.02, 1.1, "one of five first actions pays 1.1 and the others 1", "the best of five first actions"
    ),
    "bsuite/memory_chain": _exact(
        0.0, 1.0, "right and wrong are equally probable", "the first state shows what is asked for; needs a memory"
    ),
}  # fmt: skip
"""Worked by hand."""

MOST = {
    "classic/CartPole-v1": (500.0, "every step pays 1, and there are 500 at most"),
    "bsuite/catch": (1.0, "1 is the most that an episode can pay, and the ball is always within reach"),
    "bsuite/deep_sea": (0.99, "1 is paid after eight moves to the right, each of which costs 0.01 / 8"),
}
"""The most that an episode can pay where it can be had every time, and why."""

OPTIMAL = {
    # One object pays +1 and ends the episode, all others pay −1 and end it: nothing pays more than 1.
    "random/small_sparse": "1 is the most that an episode can pay",
}
"""Where the scripted policy's return is the optimum, and why."""

_ZOO, _BLINES = "{} of rl-baselines3-zoo after {} steps", "PPO of gymnax-blines after 10 M steps, one agent"
REACHED = {
    "classic/Acrobot-v1": (-73.5, _ZOO.format("PPO", "1 M")),
    "classic/MountainCar-v0": (-100.8, _ZOO.format("DQN", "120,000")),
    "minatar/asterix": (15.0, _BLINES),
    "minatar/breakout": (22.9, _BLINES),
    "minatar/freeway": (58.8, _BLINES),
    "minatar/space_invaders": (131.6, _BLINES),
}
"""What well-known agents reach where the optimum is not known, and which agent."""

PUBLISHED = {
    family + name.partition("/")[2]: name.partition("/")[2]
    for name in SUITES["toy_text"]
    for family in ("toy_text/", GYMNASIUM)
}
"""Ids of environments whose library publishes their transitions, by their names here: in JAX, and on the host."""


def measurable() -> tuple[str, ...]:
    """The environments that belong into the file."""
    return (*(name for name in ENVIRONMENTS if name.startswith("random/")), *EXACT, *MOST, *REACHED, *PUBLISHED)


def versions(name: str) -> tuple[int, ...]:
    """Numbers of actions with which an environment belongs into the file."""
    if name in PUBLISHED:
        return (transitions(PUBLISHED[name]).reward.shape[1],)
    most = env_spec(name).distribution.env.num_actions
    return (9, 18) if most == 18 else (most,)


def measure(
    name: str, num_actions: int, key_random: PRNGKeyArray, key_best: PRNGKeyArray, num_random: int, num_best: int
) -> Reference:
    """Both reference returns of an environment, by playing where they are neither known nor computed without.

    Args:
        num_random: episodes of the random policy.
        num_best: episodes of the scripted one.

    Raises:
        ValueError: there is no scripted policy for the environment.
    """
    if name in EXACT:
        return EXACT[name]
    if name in PUBLISHED:
        return _exact(*exact_returns(transitions(PUBLISHED[name])), *2 * ("solution of its transition table",))
    distribution = env_spec(name).distribution
    best, best_stderr, best_from = _best(name, distribution, key_best, num_best, num_actions)
    random = episode_returns(
        distribution, lambda env_params: random_policy(distribution.env), key_random, num_random, num_actions
    )
    return Reference(
        random=float(random.mean()),
        random_stderr=standard_error(random),
        best=best,
        best_stderr=best_stderr,
        is_optimum=name in MOST or name in OPTIMAL,
        random_from=f"{num_random} episodes",
        best_from=best_from,
    )


def _best(
    name: str, distribution: Any, key: PRNGKeyArray, num_episodes: int, num_actions: int
) -> tuple[float, float, str]:
    """The best return, its standard error, and where it is from."""
    if name in MOST:
        most, why = MOST[name]
        return most, 0.0, f"exact: {why}"
    if name in REACHED:
        reached, agent = REACHED[name]
        return reached, 0.0, f"published: {agent}"
    if not isinstance(distribution.env, RandomGridEnv):
        raise ValueError(f"{name}: there is a scripted policy for random grids only")
    greedy = Greedy(distribution.env)

    def scripted(env_params: EnvParams) -> Policy:
        plan = greedy.plan(env_params)
        return lambda uniform, state, env_params: greedy.act(plan, state, env_params)

    returns = episode_returns(distribution, scripted, key, num_episodes, num_actions)
    why = f"; {OPTIMAL[name]}" if name in OPTIMAL else ""
    source = f"{num_episodes} episodes of lpg.environments.greedy{why}"
    return float(returns.mean()), standard_error(returns), source


def standard_error(returns: np.ndarray) -> float:
    """Of the mean of independent returns."""
    return float(np.std(returns, ddof=1) / math.sqrt(len(returns)))


def listed(name: str, num_actions: int | None = None) -> Reference | None:
    """What the file says of an environment; none if it says nothing.

    Args:
        num_actions: which version of the environment; none: the only one.
    """
    entries = read_file(FILE).get(name, {})
    entry = next(iter(entries.values()), None) if num_actions is None else entries.get(str(num_actions))
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
