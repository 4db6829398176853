"""How meta-training grows: steps per second and memory over lifetimes, K, devices and processes.

    python -m benchmarks.growth [--out build/growth]
    python -m benchmarks.growth --redraw --out docs/images --page docs/speed.md    # the page, from growth.csv in there

Every point is a meta-training of one environment, `chain/short` at LSTM 32, in processes of its own: one of four
numbers varies, the others are those of the base. Cores of the CPU stand for devices (JAX_NUM_CPU_DEVICES), also more of
them than there are. Written are growth.csv and growth.svg. Rates are those of the quickest meta-update, because a
neighbour on a shared machine can only slow one down; per second of processor time the median, which it hardly changes.
"""

import argparse
import csv
import dataclasses
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.markdown import table, with_parts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ENVIRONMENT, LSTM_SIZE = "chain/short", 32
NUM_TIMED, SECONDS = 3, 10.0
"""Meta-updates are timed for so long, and so many at least."""
MB = 2**20


@dataclasses.dataclass(frozen=True)
class Case:
    """What is measured."""

    lifetimes: int = 16
    num_updates: int = 5
    """K."""
    devices: int = 2
    """Of all processes together."""
    processes: int = 1


@dataclasses.dataclass(frozen=True)
class Point:
    """What came out."""

    lifetimes: int
    num_updates: int
    devices: int
    processes: int
    steps_per_second: float
    steps_per_cpu_second: float
    """Per second of processor time of all processes, which neighbours hardly change."""
    device_mb: float
    """Lifetimes and what a program needs beside them, on each device, by the compiler's figures."""
    process_mb: float
    """Largest resident size of the largest process, Python and compiler included."""
    compile_seconds: float


AXES: dict[str, tuple[int, ...]] = {
    "lifetimes": (4, 16, 64, 256), "num_updates": (1, 5, 20), "devices": (1, 2, 4), "processes": (1, 2),
}  # fmt: skip
TITLES = {
    "lifetimes": "lifetimes", "num_updates": "K, agent updates in a window", "devices": "devices",
    "processes": "processes, two devices in all",
}  # fmt: skip


def main() -> None:
    """Measures all points, prints and writes them, and draws them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build/growth"))
    parser.add_argument("--redraw", action="store_true", help="measure nothing, read growth.csv in --out")
    parser.add_argument("--page", type=Path, help="a page whose part `growth` is made anew")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(measure(**json.loads(arguments.child))))
        return
    path = arguments.out / "growth.csv"
    points = read(path) if arguments.redraw else measure_all(path)
    save_figure(points, path.with_suffix(".svg"))
    if arguments.page is not None:
        page = with_parts(arguments.page.read_text(), lambda name: {"growth": lambda: in_markdown(points)}[name]())
        arguments.page.write_text(page)


def measure_all(path: Path) -> list[Point]:
    """Measures every case; prints each point and writes the table after it."""
    points: list[Point] = []
    print(" ".join(f"{field.name:>16}" for field in dataclasses.fields(Point)))
    for case in cases():
        points.append(point_of(case))
        print(" ".join(f"{value:>16,.0f}" for value in dataclasses.astuple(points[-1])), flush=True)
        write(points, path)
    return points


def cases() -> list[Case]:
    """The base, and what differs from it in one number; none twice."""
    varied = [dataclasses.replace(Case(), **{name: value}) for name, values in AXES.items() for value in values]
    return list(dict.fromkeys(varied))


def point_of(case: Case) -> Point:
    """Starts the processes of a case and waits for them; the first one measures for all."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        coordinator = f"127.0.0.1:{one.getsockname()[1]}" if case.processes > 1 else None
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": str(case.devices // case.processes)}
    children = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.growth", "--child",
             json.dumps({**dataclasses.asdict(case), "coordinator": coordinator, "process_id": index})],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for index in range(case.processes)
    ]  # fmt: skip
    said = [child.communicate() for child in children]
    for child, (_, error) in zip(children, said, strict=True):
        if child.returncode:
            sys.exit(f"the measurement of {case} failed:\n{error[-2000:]}")
    found = [json.loads(out.splitlines()[-1]) for out, _ in said]
    steps, cpu = found[0].pop("steps"), sum(one.pop("cpu_seconds") for one in found)
    together = {"steps_per_cpu_second": steps / cpu, "process_mb": max(one["process_mb"] for one in found)}
    return Point(**dataclasses.asdict(case), **{**found[0], **together})


def measure(
    lifetimes: int, num_updates: int, devices: int, processes: int, coordinator: str | None, process_id: int
) -> dict[str, float]:
    """One point, in one of its processes."""
    from lpg.processes import joined, largest

    with joined(coordinator, *((processes, process_id) if coordinator else (None, None))):
        import jax

        from lpg.meta_training.config_file import load_config
        from lpg.meta_training.plan import measured_memory, steps_per_update
        from lpg.meta_training.trainer import Trainer

        assert jax.device_count() == devices
        changes = {"suite": ENVIRONMENT, "lstm_size": LSTM_SIZE, "num_updates": num_updates, "num_lifetimes": lifetimes}
        began = time.monotonic()
        trainer = Trainer(load_config("laptop", changes), seed=0)
        compile_seconds = time.monotonic() - began
        state = trainer.init()
        memory, seconds, cpu = measured_memory(trainer), [], []
        trainer.meta_update(state)  # still compiles a little
        # All processes do as many.
        while largest(len(seconds) < NUM_TIMED or sum(seconds) < SECONDS):
            at, used = time.perf_counter(), time.process_time()
            trainer.meta_update(state)
            seconds.append(time.perf_counter() - at)
            cpu.append(time.process_time() - used)
        return {
            "steps": steps_per_update(trainer),
            "cpu_seconds": statistics.median(cpu),
            "steps_per_second": steps_per_update(trainer) / min(seconds),
            "device_mb": (memory.resident + memory.working) / MB,
            "process_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "compile_seconds": compile_seconds,
        }


def write(points: Sequence[Point], path: Path) -> None:
    """The table, a row for each point."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([field.name for field in dataclasses.fields(Point)])
        writer.writerows([round(value, 1) for value in dataclasses.astuple(point)] for point in points)


def read(path: Path) -> list[Point]:
    """What `write` wrote."""
    with open(path, newline="") as file:
        return [
            Point(**{name: (float if name in FLOATS else int)(text) for name, text in row.items()})  # type: ignore[arg-type]
            for row in csv.DictReader(file)
        ]


def in_markdown(points: Sequence[Point]) -> str:
    """The table of the page."""
    head = (
        "lifetimes",
        "K",
        "devices",
        "processes",
        "thousand steps/s",
        "… of processor time",
        "each device, MB",
        "process, MB",
    )
    rows = [
        [*(str(getattr(point, name)) for name in AXES), f"{point.steps_per_second / 1e3:.0f}",
         f"{point.steps_per_cpu_second / 1e3:.0f}", f"{point.device_mb:.1f}",
         f"{point.process_mb:.0f}"]
        for point in points
    ]  # fmt: skip
    return table(head, rows)


FLOATS = {"steps_per_second", "steps_per_cpu_second", "device_mb", "process_mb", "compile_seconds"}


def save_figure(points: Sequence[Point], path: Path) -> None:
    """Draws the points into an SVG file, the same bytes for the same numbers."""
    import matplotlib as mpl

    from lpg.analysis.style import style

    with style(), mpl.rc_context({"svg.hashsalt": "lpg"}):
        draw(points).savefig(path, metadata={"Date": None})


def draw(points: Sequence[Point]) -> "Figure":
    """Above steps per second, below memory; a column for each number that varies, on logarithmic axes."""
    from matplotlib.figure import Figure

    from lpg.analysis.style import RULE_COLOURS

    figure = Figure(figsize=(10, 4.6), layout="constrained")
    panels = figure.subplots(2, len(AXES), sharey="row")
    for column, name in zip(panels.T, AXES, strict=True):
        own = on_axis(points, name)
        values = [getattr(point, name) for point in own]
        rate, memory = column
        rate.plot(values, [point.steps_per_second / 1e3 for point in own], "o-", color=RULE_COLOURS[0],
                  label="of wall time")  # fmt: skip
        rate.plot(values, [point.steps_per_cpu_second / 1e3 for point in own], "s--", color=RULE_COLOURS[1],
                  label="of processor time")  # fmt: skip
        memory.plot(values, [point.device_mb for point in own], "o-", color=RULE_COLOURS[0], label="each device")
        memory.plot(values, [point.process_mb for point in own], "s--", color=RULE_COLOURS[1], label="largest process")
        for axes in column:
            _scale(axes, values)
        memory.set_xlabel(TITLES[name])
    panels[0, 0].set_ylabel("thousand steps per second")
    panels[0, 0].set_ylim(bottom=0)
    panels[0, 0].legend()
    panels[1, 0].set_ylabel("memory, MB")
    panels[1, 0].set_yscale("log")
    panels[1, 0].legend()
    return figure


def on_axis(points: Sequence[Point], name: str) -> list[Point]:
    """Points that differ from the base in this number at most, in its order."""
    others = [other for other in AXES if other != name]
    own = [point for point in points if all(getattr(point, other) == getattr(Case(), other) for other in others)]
    return sorted(own, key=lambda point: getattr(point, name))


def _scale(axes: "Axes", values: Sequence[int]) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xticks(list(values), [str(value) for value in values])
    axes.minorticks_off()
    if len(values) > 1:
        margin = (values[-1] / values[0]) ** 0.1
        axes.set_xlim(values[0] / margin, values[-1] * margin)


if __name__ == "__main__":
    main()
