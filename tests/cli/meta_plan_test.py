"""What `lpg meta-train --plan` says, from plans made by hand."""

import dataclasses

import pytest

from lpg.cli.meta_plan import count, describe, duration, fit_line, memory_line, size
from lpg.meta_training.plan import Memory, Plan, Speed
from tests.tiny_run import trainer

MEMORY = Memory(resident=2_000_000, working=150_000_000, process=400_000_000, num_shared=2)
PLAN = Plan(
    groups=trainer().groups, num_programs=3, num_devices=2, setup_seconds=12.3, memory=MEMORY, steps_per_update=160,
    updates_left=4000, validations_left=2,
    speed=Speed(seconds_per_update=0.5, seconds_per_validation=30.0, num_timed=5),
)  # fmt: skip


def test_all_of_it_is_said_in_lines():
    assert describe(PLAN).splitlines() == [
        "chain/short, chain/short_noisy, chain/long: 3 environments, agent tabular, 5 lifetimes and 1 for padding, 1 "
        "at a time on each device",
        "programs: 3 for 1 group, on 2 devices (cpu); compiled in 12 s, which are cached",
        "memory per device: 0.15 GB = 2.0 MB of lifetimes and gradients + 0.15 GB of the largest program; of the "
        "process: 0.70 GB, for 2 devices and 0.40 GB for the rest",
        "speed: 320 steps/s, 160 steps in 0.5 s (median of 5 meta-updates)",
        "time: 0:34:20 for 4,000 meta-updates and 2 validations of 30 s; 1.14 device-hours",
    ]


def test_without_a_measurement_there_is_no_time():
    *_, last = describe(dataclasses.replace(PLAN, speed=None)).splitlines()
    assert last == "speed: not measured, because this machine has not so much memory"


def test_devices_with_memory_of_their_own_have_no_process(monkeypatch):
    monkeypatch.setattr("jax.default_backend", lambda: "gpu")
    assert memory_line(MEMORY).endswith("+ 0.15 GB of the largest program")
    assert fit_line(PLAN, 0.16, None) == "it fits into 0.16 GB"


@pytest.mark.parametrize(
    "gigabytes, changes, words",
    [
        (0.8, None, "it fits into 0.8 GB"),
        (0.5, {"remat": True}, "it does with --set remat=true, of which only the speed depends"),
        (
            0.5,
            {"chunk": 1, "num_lifetimes": 5},
            "--set chunk=1 --set num_lifetimes=5, or with as many lifetimes on more",
        ),
        (0.5, None, "it does not fit into 0.5 GB, with one lifetime of each environment neither; lower lstm_size"),
    ],
)
def test_whether_it_fits_and_what_to_change(gigabytes, changes, words):
    assert words in fit_line(PLAN, gigabytes, changes)


def test_units():
    assert (size(99_000_000), size(100_000_000)) == ("99.0 MB", "0.10 GB")
    assert (duration(3725.4), duration(90061.0)) == ("1:02:05", "1 day, 1:01:01")
    assert (count(1, "device"), count(1200, "device")) == ("1 device", "1,200 devices")
