"""`lpg meta-train --plan`: what a meta-training will take, in words."""

import datetime

import jax

from lpg.meta_training.plan import Memory, Plan

GB = 1e9
MOST_NAMES = 3


def describe(plan: Plan) -> str:
    """Groups, programs, memory, speed, time and device-hours, one a line."""
    lines = [
        f"{', '.join(group.names[:MOST_NAMES])}{' …' if len(group.names) > MOST_NAMES else ''}: "
        f"{count(len(group.names), 'environment')}, agent {group.agent}, {count(group.num_real, 'lifetime')} and "
        f"{len(group.env_index) - group.num_real} for padding, {group.chunk} at a time on each device"
        for group in plan.groups
    ]
    where = f"{count(plan.num_devices, 'device')} ({jax.devices()[0].device_kind})"
    lines += [
        f"programs: {plan.num_programs} for {count(len(plan.groups), 'group')}, on {where}; compiled in "
        f"{plan.setup_seconds:.0f} s, which are cached",
        memory_line(plan.memory),
    ]
    return "\n".join([*lines, *speed_lines(plan)])


def memory_line(memory: Memory) -> str:
    """The figures of the compiled programs, and what they come to."""
    each = f"{size(memory.resident)} of lifetimes and gradients + {size(memory.working)} of the largest program"
    line = f"memory per device: {size(memory.resident + memory.working)} = {each}"
    if jax.default_backend() == "cpu":
        shared = count(memory.num_shared, "device")
        line += f"; of the process: {size(memory.needed)}, for {shared} and {size(memory.process)} for the rest"
    return line


def speed_lines(plan: Plan) -> list[str]:
    """Speed, time and device-hours, or that nothing was measured."""
    if plan.speed is None or plan.seconds is None:
        return ["speed: not measured, because this machine has not so much memory"]
    speed = plan.speed
    return [
        f"speed: {plan.steps_per_second:,.0f} steps/s, {plan.steps_per_update:,} steps in "
        f"{speed.seconds_per_update:.3g} s (median of {count(speed.num_timed, 'meta-update')})",
        f"time: {duration(plan.seconds)} for {count(plan.updates_left, 'meta-update')} and "
        f"{count(plan.validations_left, 'validation')} of {speed.seconds_per_validation:.3g} s; "
        f"{plan.device_hours:,.3g} device-hours",
    ]


def fit_line(plan: Plan, gigabytes: float, changes: dict[str, bool | int] | None) -> str:
    """Whether it fits, and what to change if not.

    Args:
        changes: from `changes_that_fit`; ignored where it fits.
    """
    if plan.memory.needed <= gigabytes * GB:
        return f"it fits into {gigabytes:g} GB"
    if changes is None:
        return (
            f"it does not fit into {gigabytes:g} GB, with one lifetime of each environment neither; lower lstm_size, "
            "num_envs, num_steps or num_updates"
        )
    flags = " ".join(f"--set {key}={str(value).lower()}" for key, value in changes.items())
    line = f"it does not fit into {gigabytes:g} GB; it does with {flags}"
    is_other = not changes.keys() <= {"remat", "chunk"}
    return line + (", or with as many lifetimes on more devices" if is_other else ", of which only the speed depends")


def size(number: int) -> str:
    """Bytes in words."""
    return f"{number / GB:.2f} GB" if number >= GB / 10 else f"{number / 1e6:.1f} MB"


def duration(seconds: float) -> str:
    """Days and h:mm:ss."""
    return str(datetime.timedelta(seconds=round(seconds)))


def count(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
