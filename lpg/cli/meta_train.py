"""`lpg meta-train`: discovers a rule."""

import dataclasses
import json
import re
import shlex
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from lpg.cli.main import DONE, INTERRUPTED, TERMINATED
from lpg.cli.parsing import parse
from lpg.cli.progress import say
from lpg.cli.several import in_processes
from lpg.files import write_atomic
from lpg.sinks import Sinks
from lpg.trackers import Tracker, make_trackers

if TYPE_CHECKING:
    from lpg.meta_training.config import MetaConfig
    from lpg.meta_training.run import RunResult

SECONDS_BETWEEN_LINES = 15.0
LEGEND = (
    "H(π), H(y): mean entropy of policy and predictions, in nats; critic error: squared error of the outer critic "
    "relative to the variance of its targets; gradient: norm of the meta-gradient before clipping"
)
"""Printed once before the first line of progress."""


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Meta-trains a rule into a run folder. A run that was stopped or killed continues with --resume."""

    config: tyro.conf.Positional[str]
    """A shipped configuration (see `lpg list configs`) or a JSON file."""
    set: Annotated[tuple[str, ...], tyro.conf.arg(metavar="KEY=VALUE"), tyro.conf.UseAppendAction] = ()
    """Change one value of the configuration; may be repeated."""
    out: Path | None = None
    """The run folder; by default runs/CONFIG."""
    resume: bool = False
    """Continue the run in the folder."""
    seed: int = 0
    """Seed of everything random."""
    minutes: float | None = None
    """Stop cleanly after this many minutes, compilation included."""
    log: Annotated[tuple[Tracker, ...], tyro.conf.arg(metavar="TRACKER"), tyro.conf.UseAppendAction] = ()
    """Log to tensorboard (event files in OUT/tensorboard), wandb or mlflow, too; may be given several times."""
    plan: bool = False
    """Only say what it will take (memory, speed, time), after a short measurement. With --resume: what is left."""
    memory_gb: float | None = None
    """With --plan: say what to change to fit into this memory: of one device, or of the machine if these are cores."""
    coordinator: str | None = None
    """HOST:PORT of process 0, where several processes share the work. Not needed under Slurm and Open MPI."""
    num_processes: int | None = None
    """With --coordinator: how many processes there are."""
    process_id: int | None = None
    """With --coordinator: which of them this is, from 0."""
    json: Path | None = None
    """Write a summary to this file."""


def run(argv: list[str]) -> int:
    """Runs the command; exit status 0 done or out of time, 130 or 143 stopped by a signal."""
    arguments = parse(Arguments, argv, "lpg meta-train")
    others = (arguments.coordinator, arguments.num_processes, arguments.process_id)
    return in_processes(*others, lambda: _run(arguments, argv))


def _run(arguments: Arguments, argv: list[str]) -> int:
    from lpg.analysis.meta_train import run_in_folder
    from lpg.meta_training.config_file import load_config
    from lpg.processes import is_first

    config = load_config(arguments.config, arguments.set)
    folder = arguments.out or Path("runs") / Path(arguments.config).stem
    if arguments.memory_gb is not None and not (arguments.plan and arguments.memory_gb > 0):
        raise ValueError(f"memory-gb is {arguments.memory_gb}; it must be positive, and belongs to --plan")
    if arguments.plan:
        return _plan(arguments, config, folder)
    trackers = make_trackers(arguments.log, folder) if is_first() else []
    with Sinks(trackers, say) as sinks, MetaProgress(config.meta_updates) as progress:
        result = run_in_folder(
            config, folder, seed=arguments.seed, resume=arguments.resume, minutes=arguments.minutes, listener=progress,
            sinks=sinks,
        )  # fmt: skip
    if is_first():
        _report(arguments, argv, folder, config, result)
    if result.signal is not None:
        return INTERRUPTED if result.signal == signal.SIGINT else TERMINATED
    return DONE


def _report(arguments: Arguments, argv: list[str], folder: Path, config: "MetaConfig", result: "RunResult") -> None:
    """Prints what came of it, and how to go on."""
    from lpg.analysis.meta_run import describe

    print(describe(folder, result.flags))
    counters = dataclasses.asdict(result.state.counters)
    if arguments.json is not None:
        text = json.dumps({"run": str(folder), **counters, "flags": result.flags}, indent=2)
        write_atomic(arguments.json, text.replace("-Infinity", "null").encode())
    if not result.is_complete:
        again = f"lpg meta-train {shlex.join(argv)}" + ("" if arguments.resume else " --resume")
        print(f"stopped at meta-update {counters['meta_update']} of {config.meta_updates}; go on with: {again}")


def _plan(arguments: Arguments, config: "MetaConfig", folder: Path) -> int:
    """Says what the meta-training will take; writes nothing but --json."""
    from lpg.cli import meta_plan
    from lpg.cli.machine import memory_bytes
    from lpg.evaluation.validation import Validator
    from lpg.meta_training.checkpoint import newest_checkpoint
    from lpg.meta_training.plan import changes_that_fit, make_plan
    from lpg.processes import is_first

    plan = make_plan(
        config,
        seed=arguments.seed,
        updates_done=max(newest_checkpoint(folder), 0) if arguments.resume else 0,
        available=memory_bytes(),
        validate=Validator(config),
        note=say if is_first() else lambda text: None,
    )
    limit = None if arguments.memory_gb is None else round(arguments.memory_gb * meta_plan.GB)
    changes = None
    if limit is not None and plan.memory.needed > limit:
        changes = changes_that_fit(config, plan.memory, max(group.chunk for group in plan.groups), limit)
    if not is_first():
        return DONE
    if arguments.json is not None:
        memory = {**dataclasses.asdict(plan.memory), "needed": plan.memory.needed}
        known = {name: getattr(plan, name) for name in (
            "num_programs", "num_devices", "setup_seconds", "steps_per_update", "updates_left", "validations_left",
            "steps_per_second", "seconds", "device_hours",
        )}  # fmt: skip
        write_atomic(arguments.json, json.dumps({**known, "memory": memory}, indent=2).encode())
    print(meta_plan.describe(plan))
    if arguments.memory_gb is not None:
        print(meta_plan.fit_line(plan, arguments.memory_gb, changes))
    return DONE


class MetaProgress:
    """Progress of a meta-training: a bar on a terminal, plain lines elsewhere; on standard error."""

    def __init__(self, total: int) -> None:
        """Nothing is shown before the context is entered."""
        self.total = total
        self._start, self._last_line = time.monotonic(), float("-inf")
        self._first: int | None = None
        self._flags: list[str] = []
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> "MetaProgress":
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("{task.completed}/{task.total}"), BarColumn(bar_width=24), TimeRemainingColumn())
            console = Console(stderr=True, markup=False, emoji=False)  # names are shown as they are
            self._bar = Progress(*columns, TextColumn("{task.description}", markup=False), console=console)
            self._bar.start()
            self._task = self._bar.add_task("compiling", total=self.total)
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def note(self, text: str) -> None:
        """Prints a message of one line."""
        if self._bar is not None:
            self._bar.console.print(text)
        else:
            print(text, file=sys.stderr, flush=True)

    def step(self, state: Any, values: dict[str, Any], flags: list[str]) -> None:
        """Shows a meta-update: the row of metrics.csv, and new flags of the audit."""
        for flag in flags:
            kind = re.sub(r"[\d.]+", "#", flag.split(":")[0])  # each kind of flag once, whatever its numbers
            if kind not in self._flags:
                self._flags.append(kind)
                self.note(f"audit, meta-update {values['meta_update']}: {flag}")
        now = time.monotonic()
        if self._first is None:
            self._first, self._start = values["meta_update"] - 1, now
            self.note(LEGEND)
        # A fit to a hand-written rule and evolution strategies train no critic.
        critic = f"critic error {values['critic_error']:.0%}, " if values["critic_error"] else ""
        text = (
            f"{values['environment_steps'] / 1e6:,.1f} M steps, {values['steps_per_second'] / 1e3:,.0f} k steps/s, "
            f"H(π) {values['policy_entropy']:.2f}, H(y) {values['prediction_entropy']:.2f}, "
            f"{critic}gradient {values['gradient_norm']:.2g}"
        )
        if self._bar is not None:
            self._bar.update(self._task, completed=values["meta_update"], description=text)
        elif now - self._last_line > SECONDS_BETWEEN_LINES or values["meta_update"] == self.total:
            self._last_line = now
            done = values["meta_update"] - self._first
            # The clock began at the end of the first one, so nothing is known before the second.
            left = (now - self._start) * (self.total - values["meta_update"]) / (done - 1) if done > 1 else None
            ending = "" if left is None else f", {left:,.0f} s left"
            print(f"meta-update {values['meta_update']}/{self.total}: {text}{ending}", file=sys.stderr, flush=True)
