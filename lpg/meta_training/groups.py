"""Groups of lifetimes with equal array shapes; each group is one compiled program."""

import dataclasses
import itertools
import math
from typing import Any

import jax
import numpy as np

from lpg.agents.defaults import default_agent
from lpg.agents.network import is_faster_unbatched
from lpg.agents.registry import TABULAR
from lpg.environments.base import Environment, ExactEnvironment
from lpg.environments.masks import has_state_masks
from lpg.environments.registry import env_spec, suite
from lpg.meta_training.config import MetaConfig

MIN_CPU_STEPS = 320
"""Environment steps per agent update, over all lifetimes of a chunk, that are enough for a CPU."""


@dataclasses.dataclass(frozen=True)
class Group:
    """Lifetimes with equal array shapes (one `Environment`, one kind of agent), padded to whole chunks and devices."""

    env: Environment
    agent: str
    """Name of the agent, see `lpg.agents.registry`."""
    names: tuple[str, ...]
    """Names of the environments in the group."""
    distributions: tuple[Any, ...]
    """`EnvDistribution` of each environment."""
    env_index: tuple[int, ...]
    """Environment of each lifetime, as an index into `names`; padding has index 0."""
    num_real: int
    """Number of lifetimes that count; the rest is padding, which is computed and ignored."""
    chunk: int
    """Lifetimes that are differentiated together on one device."""

    @property
    def weight(self) -> np.ndarray:
        """[N] 1 for lifetimes that count, 0 for padding."""
        return (np.arange(len(self.env_index)) < self.num_real).astype(np.float32)


def make_groups(config: MetaConfig, num_devices: int) -> list[Group]:
    """Groups of a configuration's environments, in order of first appearance in the suite."""
    names_by_group: dict[tuple[Environment, str], list[str]] = {}
    members = suite(config.suite)
    counts: dict[str, int] = {}
    for name, count in zip(members, distribute(config, len(members)), strict=True):
        counts[name] = counts.get(name, 0) + count
    for name in counts:
        env = env_spec(name).distribution.env
        if config.objective == "imitate" and has_state_masks(env):
            raise ValueError(
                f"objective is imitate and {name} in the suite; an environment that allows the same actions in all "
                "states is needed, because what is imitated knows no masks"
            )
        names_by_group.setdefault((env, default_agent(name, env).agent), []).append(name)
    groups = []
    for (env, agent), names in names_by_group.items():
        indices = [index for index, name in enumerate(names) for _ in range(counts[name])]
        chunk, size = fit_chunks(len(indices), num_devices, preferred_chunk(config, agent, len(indices)))
        groups.append(
            Group(
                env=env,
                agent=agent,
                names=tuple(names),
                distributions=tuple(env_spec(name).distribution for name in names),
                env_index=tuple(indices + [0] * (size - len(indices))),
                num_real=len(indices),
                chunk=chunk,
            )
        )
    return groups


def has_levels(config: MetaConfig, env: Environment) -> bool:
    """Whether lifetimes in an environment choose among levels that were seen."""
    return config.level_sampling != "uniform" and isinstance(env, ExactEnvironment)


def arms(config: MetaConfig, name: str) -> list[tuple[float, float]]:
    """The bandit's arms: all pairs (α_lr, α_y) for the agents of an environment, in order."""
    default = default_agent(name, env_spec(name).distribution.env)
    if default.agent == TABULAR:
        return list(itertools.product(config.learning_rates, config.y_weights))
    rates = config.network_learning_rates or default.learning_rates
    return list(itertools.product(rates, config.network_y_weights or config.y_weights))


def distribute(config: MetaConfig, num_environments: int) -> list[int]:
    """Number of lifetimes of each environment; a remainder goes to the first ones."""
    if config.num_lifetimes is None:
        return [config.lifetimes_per_environment] * num_environments
    each, remainder = divmod(config.num_lifetimes, num_environments)
    return [each + (index < remainder) for index in range(num_environments)]


def preferred_chunk(config: MetaConfig, agent: str, num_lifetimes: int) -> int:
    """Lifetimes that had better be differentiated together on one device.

    On a CPU as few as fill its vector units, because arrays of more lifetimes do not fit its caches: with 64 × 20 steps
    per agent update, one at a time is 1.4 times as fast as four, with 16 × 20 it is 1.4 times as fast as sixteen.
    Elsewhere as many as the configuration allows, because one takes as long as hundreds.
    """
    if is_faster_unbatched(agent):
        return 1
    allowed = num_lifetimes if config.chunk is None else config.chunk
    if jax.default_backend() == "cpu":
        return min(allowed, -(-MIN_CPU_STEPS // config.steps_per_update))
    return allowed


def fit_chunks(count: int, num_devices: int, preferred: int) -> tuple[int, int]:
    """Chunk size close to the preferred one with little padding.

    Args:
        count: lifetimes of the group.
        num_devices: devices to spread them over.
        preferred: from `preferred_chunk`.

    Returns:
        Chunk size, and the padded count ≥ `count`, a multiple of num_devices · chunk.
    """
    local = -(-count // num_devices)
    sizes = range(max(1, min(preferred // 2, local)), 2 * preferred + 1)
    padded = {chunk: -(-local // chunk) * chunk for chunk in sizes}
    chunk = min(sizes, key=lambda c: (padded[c] + abs(c - preferred) / (4 * preferred), c))
    return chunk, padded[chunk] * num_devices


def lifetime_updates(config: MetaConfig, name: str) -> int:
    """Length of a lifetime in agent updates, rounded up to whole windows of K."""
    steps = config.lifetime_scale * env_spec(name).lifetime_steps
    updates = config.lifetime_updates or math.ceil(steps / config.steps_per_update)
    return -(-updates // config.num_updates) * config.num_updates


def drawn_length(config: MetaConfig, longest: int, generator: np.random.Generator) -> int:
    """Length of one lifetime between `config.min_lifetime_updates` and the longest, in whole windows of K."""
    shortest = min(config.min_lifetime_updates or longest, longest)
    drawn = math.exp(generator.uniform(math.log(shortest), math.log(longest)))
    return max(round(drawn / config.num_updates), 1) * config.num_updates
