"""Which lifetimes run together: environments of one shape form a group, and each group is compiled once."""

import dataclasses
import itertools
import math
from typing import Any

import numpy as np

from lpg.agents.defaults import default_agent
from lpg.agents.network import is_faster_unbatched
from lpg.agents.registry import TABULAR
from lpg.environments.base import Environment
from lpg.environments.registry import env_spec, suite
from lpg.meta_training.config import MetaConfig


@dataclasses.dataclass(frozen=True)
class Group:
    """Lifetimes with equal shapes, padded so that they divide evenly over devices and chunks."""

    env: Environment
    agent: str
    """Which agent acts, see `lpg.agents.registry`."""
    names: tuple[str, ...]
    """Environments of the group."""
    distributions: tuple[Any, ...]
    slots: tuple[int, ...]
    """Environment of each lifetime, as an index into `names`; padding repeats the first."""
    num_real: int
    """Lifetimes that count; the rest is padding, which runs and is ignored."""
    chunk: int

    @property
    def weight(self) -> np.ndarray:
        """[N] 1 for lifetimes that count, 0 for padding."""
        return (np.arange(len(self.slots)) < self.num_real).astype(np.float32)


def make_groups(config: MetaConfig, num_devices: int) -> list[Group]:
    """Groups of a configuration's environments, in the order in which their shapes first appear."""
    by_shape: dict[tuple[Environment, str], list[str]] = {}
    members = suite(config.suite)
    counts: dict[str, int] = {}
    for name, count in zip(members, distribute(config, len(members)), strict=True):
        counts[name] = counts.get(name, 0) + count
    for name in counts:
        env = env_spec(name).distribution.env
        by_shape.setdefault((env, default_agent(name, env).agent), []).append(name)
    groups = []
    for (env, agent), names in by_shape.items():
        real = [index for index, name in enumerate(names) for _ in range(counts[name])]
        chunk, size = fit(len(real), num_devices, 1 if is_faster_unbatched(agent) else config.chunk)
        groups.append(
            Group(
                env=env,
                agent=agent,
                names=tuple(names),
                distributions=tuple(env_spec(name).distribution for name in names),
                slots=tuple(real + [0] * (size - len(real))),
                num_real=len(real),
                chunk=chunk,
            )
        )
    return groups


def arms(config: MetaConfig, name: str) -> list[tuple[float, float]]:
    """All pairs (α_lr, α_y) that an environment's agents may be given: the bandit's arms, in order."""
    found = default_agent(name, env_spec(name).distribution.env)
    if found.agent == TABULAR:
        return list(itertools.product(config.learning_rates, config.y_weights))
    rates = config.network_learning_rates or found.learning_rates
    return list(itertools.product(rates, config.network_y_weights or config.y_weights))


def distribute(config: MetaConfig, num_environments: int) -> list[int]:
    """Lifetimes of each environment; the first ones get what is left over."""
    if config.num_lifetimes is None:
        return [config.lifetimes_per_environment] * num_environments
    each, left = divmod(config.num_lifetimes, num_environments)
    return [each + (index < left) for index in range(num_environments)]


def fit(count: int, num_devices: int, wanted: int) -> tuple[int, int]:
    """Chunk size near the wanted one, and padded count, that waste least.

    Returns:
        chunk and padded count ≥ `count`, a multiple of num_devices · chunk.
    """
    local = -(-count // num_devices)
    sizes = range(max(1, min(wanted // 2, local)), 2 * wanted + 1)
    padded = {chunk: -(-local // chunk) * chunk for chunk in sizes}
    chunk = min(sizes, key=lambda c: (padded[c] + abs(c - wanted) / (4 * wanted), c))
    return chunk, padded[chunk] * num_devices


def lifetime_updates(config: MetaConfig, name: str) -> int:
    """Agent updates of a lifetime on an environment, rounded up to whole windows."""
    steps = config.lifetime_scale * env_spec(name).lifetime_steps
    updates = config.lifetime_updates or math.ceil(steps / config.steps_per_update)
    return -(-updates // config.num_updates) * config.num_updates
