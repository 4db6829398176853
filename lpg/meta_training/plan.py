"""What a meta-training will take, before it begins: groups, memory, speed, time; and what to change to make it fit."""

import dataclasses
import resource
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import jax

from lpg.environments.registry import suite
from lpg.meta_training.config import MetaConfig
from lpg.meta_training.groups import Group
from lpg.meta_training.run import is_validation_due
from lpg.meta_training.state import init_bandit
from lpg.meta_training.trainer import Trainer, check_own_parts, initial_rule
from lpg.update_rules.base import Rule

NUM_TIMED = 5
"""Meta-updates that are timed, after a first one."""
LONG = 60.0
"""Seconds: a first one that takes longer is the measurement itself."""


@dataclasses.dataclass(frozen=True)
class Memory:
    """Bytes that a meta-training needs, from the figures of its compiled programs."""

    resident: int
    """Per device: all lifetimes between two programs, the gradients of all groups, η and its optimiser."""
    working: int
    """Per device: what the largest program needs beside that while it runs."""
    process: int
    """What the process holds beside that on a CPU: Python, compiled programs, validation."""
    num_shared: int
    """Devices that share the memory that must suffice: on a CPU all of the process; elsewhere each has its own."""

    @property
    def needed(self) -> int:
        """Of one device that has memory of its own; on a CPU, of the process."""
        if jax.default_backend() == "cpu":
            return self.process + self.num_shared * (self.resident + self.working)
        return self.resident + self.working

    def measured(self, process: int) -> "Memory":
        """With the largest resident size that a process had that ran it."""
        shared = self.num_shared * (self.resident + self.working)
        return dataclasses.replace(self, process=max(self.process, process - shared))


@dataclasses.dataclass(frozen=True)
class Speed:
    """What a short measurement found."""

    seconds_per_update: float
    """Median of the timed meta-updates."""
    seconds_per_validation: float
    num_timed: int
    """Meta-updates that were timed."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a meta-training will take."""

    groups: list[Group]
    num_programs: int
    """Compiled ahead: two for each group, and the update of η."""
    num_devices: int
    setup_seconds: float
    """Compilation, which the cache of compiled programs shortens the next time."""
    memory: Memory
    steps_per_update: int
    """Environment steps of one meta-update, over all lifetimes."""
    updates_left: int
    validations_left: int
    speed: Speed | None
    """None: not measured, because it does not fit into the memory of this machine."""

    @property
    def steps_per_second(self) -> float | None:
        """Environment steps per second of meta-updates."""
        return None if self.speed is None else self.steps_per_update / self.speed.seconds_per_update

    @property
    def seconds(self) -> float | None:
        """Wall-clock time of the meta-updates and validations that are left, as `seconds` of metrics.csv counts it."""
        if self.speed is None:
            return None
        updates = self.updates_left * self.speed.seconds_per_update
        return updates + self.validations_left * self.speed.seconds_per_validation

    @property
    def device_hours(self) -> float | None:
        """Hours of all devices together."""
        return None if self.seconds is None else self.seconds * self.num_devices / 3600


def make_plan(
    config: MetaConfig,
    *,
    seed: int,
    updates_done: int,
    available: int | None,
    validate: Callable[[Rule], float],
    note: Callable[[str], None],
) -> Plan:
    """Compiles a meta-training, and measures it for a few meta-updates and one or two validations; writes nothing.

    Args:
        config: the meta-training.
        seed: of everything random.
        updates_done: meta-updates that need not be done any more.
        available: bytes that this machine has, in the sense of `Memory.needed`; without as many nothing is measured.
            None: not known, which is taken for enough.
        validate: as in `lpg.meta_training.run.run`.
        note: called with a line about what is done now.

    Raises:
        ValueError: the configuration cannot be run.
    """
    init_bandit(config, suite(config.suite))
    check_own_parts(config, initial_rule(config, seed))
    note("compiling")
    start = time.monotonic()
    trainer = Trainer(config, seed)
    setup_seconds = time.monotonic() - start
    memory = measured_memory(trainer)
    speed = None
    if available is None or memory.needed <= available:
        note(f"measuring {NUM_TIMED + 1} meta-updates and a validation, or one that takes long")
        speed = measured_speed(trainer, validate)
        memory = memory.measured(process_bytes())
    updates = range(updates_done + 1, config.meta_updates + 1)
    return Plan(
        groups=trainer.groups,
        num_programs=2 * len(trainer.groups) + 1,
        num_devices=jax.device_count(),
        setup_seconds=setup_seconds,
        memory=memory,
        steps_per_update=steps_per_update(trainer),
        updates_left=len(updates),
        validations_left=sum(is_validation_due(config, update) for update in updates),
        speed=speed,
    )


def measured_memory(trainer: Trainer) -> Memory:
    """From the compiled programs, none of which is run."""
    programs = trainer.programs
    figures = [tuple(map(figures_of, pair)) for pair in zip(programs.window, programs.reset, strict=True)]
    rule = sum(leaf.nbytes for leaf in jax.tree.leaves(initial_rule(trainer.config, trainer.seed)))
    return Memory(
        # What a window returns stays: its lifetimes, and its gradients until η is updated. Beside η, its running mean
        # and two moments.
        resident=4 * rule + sum(window.output_size_in_bytes for window, _ in figures),
        working=max(
            one.temp_size_in_bytes + one.argument_size_in_bytes - one.alias_size_in_bytes
            for pair in figures
            for one in pair
        ),
        process=process_bytes(),
        num_shared=jax.local_device_count() if jax.default_backend() == "cpu" else 1,
    )


def figures_of(program: jax.stages.Compiled) -> Any:
    """The compiler's own figures of a program's memory on one device.

    Raises:
        RuntimeError: it has none on this platform.
    """
    found = program.memory_analysis()
    if found is None:
        raise RuntimeError(f"the compiler says nothing about memory on {jax.default_backend()}; there is no plan there")
    return found


def measured_speed(trainer: Trainer, validate: Callable[[Rule], float]) -> Speed:
    """Of meta-updates on freshly started lifetimes. The first one, and the first validation, compile a little."""
    state = trainer.init()
    updates = timed(lambda: trainer.meta_update(state), NUM_TIMED)
    validations = timed(lambda: validate(state.average), 1)
    return Speed(
        seconds_per_update=statistics.median(updates),
        seconds_per_validation=statistics.median(validations),
        num_timed=len(updates),
    )


def timed(action: Callable[[], object], times: int) -> list[float]:
    """Seconds of each of several calls after a first one; or of the first one alone, if it takes `LONG`."""
    seconds = []
    for _ in range(1 + times):
        start = time.monotonic()
        action()
        seconds.append(time.monotonic() - start)
        if seconds[0] > LONG:
            return seconds
    return seconds[1:]


def steps_per_update(trainer: Trainer) -> int:
    """Environment steps of one meta-update, over all lifetimes that are no padding."""
    config = trainer.config
    num_agents = config.agents_per_lifetime * sum(group.num_real for group in trainer.groups)
    return num_agents * config.num_updates * config.steps_per_update


def changes_that_fit(config: MetaConfig, memory: Memory, chunk: int, limit: int) -> dict[str, bool | int] | None:
    """Values of the configuration to change, so that it needs no more than `limit`; each is compiled to see.

    Mildest first: recomputation, then smaller chunks, which change nothing but speed; then fewer lifetimes.

    Args:
        config: what needs too much.
        memory: that of `config`.
        chunk: the largest of its groups.
        limit: bytes, in the sense of `Memory.needed`.

    Returns:
        None if one lifetime of each environment is too much, too.
    """
    changes: dict[str, bool | int] = {}
    if not config.remat:
        changes["remat"] = True
        memory = changed_memory(config, changes, memory)
    lifetimes = "lifetimes_per_environment" if config.num_lifetimes is None else "num_lifetimes"
    fewest = 1 if config.num_lifetimes is None else len(suite(config.suite))
    for key, value, least in (("chunk", chunk, 1), (lifetimes, getattr(config, lifetimes), fewest)):
        whole, whole_value = memory, value
        while memory.needed > limit and value > least:
            value = max(value // 2, least)
            share = value / whole_value
            scaled = (
                dataclasses.replace(whole, working=round(whole.working * share))
                if key == "chunk"
                else dataclasses.replace(whole, resident=round(whole.resident * share))
            )
            # What is too much by proportion is not compiled, which would take a minute where programs are large.
            if value > least and scaled.needed > limit:
                continue
            changes[key] = value
            memory = changed_memory(config, changes, memory)
    return changes if memory.needed <= limit else None


def changed_memory(config: MetaConfig, changes: dict[str, bool | int], before: Memory) -> Memory:
    """That of a configuration with changes, in a process of its own that is as large as this one was."""
    trainer = Trainer(dataclasses.replace(config, **changes), 0)  # type: ignore[arg-type]
    return dataclasses.replace(measured_memory(trainer), process=before.process)


def process_bytes() -> int:
    """Largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
