"""`lpg train`: agents on one environment with one rule."""

import dataclasses
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import jax
import tyro

from lpg.analysis.in_parts import finish, parts_of, report_of
from lpg.analysis.training_report import check_writable, log_figures, write_files
from lpg.checks import assignments
from lpg.cli.main import DONE
from lpg.cli.parsing import assign, parse
from lpg.cli.progress import StepProgress, say
from lpg.cli.report_tables import plan_lines, print_report
from lpg.cli.rules import named_rules
from lpg.cli.several import in_processes
from lpg.environments.names import with_kwargs
from lpg.evaluation import final, results
from lpg.evaluation.backend import GymnasiumOptions
from lpg.evaluation.chosen_config import Settings
from lpg.evaluation.evaluate import reference_rows
from lpg.evaluation.log import log_rows, plan_config
from lpg.evaluation.parts import Parts, own_share
from lpg.evaluation.progress import Silent
from lpg.evaluation.progress_file import ProgressFile
from lpg.evaluation.train_config import TrainConfig, check_key
from lpg.evaluation.trainer import steps_done, train_plan, trained_of
from lpg.evaluation.training_folder import CHECKPOINTS, begun_as, check_free
from lpg.evaluation.training_plan import make_plan
from lpg.files import claimed
from lpg.processes import is_first, largest
from lpg.sinks import Sinks
from lpg.trackers import Tracker, make_trackers
from lpg.update_rules.registry import find_algorithm


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Trains agents on one environment with a rule."""

    env: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="ENV")]
    """An environment, see `lpg list environments`, gymnasium/ANY-ID (gymnasium/my_module:ANY-ID imports
    my_module first), atari/GAME, or module:factory."""
    rule: Annotated[str, tyro.conf.arg(metavar="RULE")]
    """A rule, see `lpg list rules`, a rule file, a run folder, or module:factory."""
    env_set: Annotated[tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(metavar="KEY=VALUE")] = ()
    """A keyword argument with which the environment is made (gymnasium/*, gymnax/*, pgx/*, module:factory)."""
    agent: Annotated[str | None, tyro.conf.arg(metavar="AGENT")] = None
    """An agent, see `lpg list agents`, or module:factory; none: the environment's own."""
    steps: float | None = None
    """Environment steps of each agent, all environments together; none: the environment's own budget."""
    seeds: int = 1
    """How many agents."""
    settings: Settings = "tuned"
    """The recorded hyper-parameters: those tuned on this environment where there are some, or the general ones of the
    kind of agent (table, dense network, convolutions)."""
    set: Annotated[tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(metavar="KEY=VALUE")] = ()
    """Change a field of the configuration: learning_rate, y_weight, gamma, num_envs (parallel copies), num_steps (steps
    of each copy per update, not the budget), …"""
    out: Path | None = None
    """Folder for results.csv, final.csv, figures/learning_curves.png, the trained agents (see `lpg show`) and
    checkpoints."""
    resume: bool = False
    """Resume the training in the folder, with its configuration; with a larger --steps also beyond its end."""
    log: Annotated[tyro.conf.UseAppendAction[tuple[Tracker, ...]], tyro.conf.arg(metavar="TRACKER")] = ()
    """Log to tensorboard (event files in OUT/tensorboard), wandb or mlflow, too; may be given several times."""
    coordinator: str | None = None
    """HOST:PORT of process 0, where several processes share the seeds. Not needed under Slurm and Open MPI."""
    num_processes: int | None = None
    """With --coordinator: how many processes there are."""
    process_id: int | None = None
    """With --coordinator: which of them this is, from 0."""
    json: Path | None = None
    """File for what is printed, for programs."""

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise ValueError(f"--seeds is {self.seeds}; it must be positive")
        if self.steps is not None and not 1 <= self.steps < float("inf"):
            raise ValueError(f"--steps is {self.steps}; it must be positive")
        if self.resume and self.out is None:
            raise ValueError("--resume given without --out; the folder of the training to resume is needed")


def _optional(field: dataclasses.Field) -> tuple[str, Any, Any]:
    """The same field, not given by default."""
    return field.name, field.type | None, dataclasses.field(default=None)  # type: ignore[operator]


class _Changes:
    """What `--set` changes."""

    def changes(self, kind: type) -> dict[str, Any]:
        """Values that are given and are fields of a dataclass."""
        names = {field.name for field in dataclasses.fields(kind)}
        return {name: v for name, v in vars(self).items() if v is not None and name in names}


Options: Any = dataclasses.make_dataclass(
    "Options",
    [_optional(field) for kind in (TrainConfig, GymnasiumOptions) for field in dataclasses.fields(kind)]
    + [("num_actions", int | None, dataclasses.field(default=None))],
    bases=(_Changes,), frozen=True, kw_only=True,
)  # fmt: skip
"""What `--set` may change: every field of `TrainConfig` and `GymnasiumOptions`, and which version of a grid."""


def run(argv: list[str]) -> int:
    """Trains, prints how it went, and writes what was asked for."""
    arguments = parse(Arguments, argv, "lpg train")
    others = (arguments.coordinator, arguments.num_processes, arguments.process_id)
    return in_processes(*others, lambda: _run(arguments, argv))


def _run(arguments: Arguments, argv: list[str]) -> int:
    if jax.process_count() > 1 and arguments.out is None:
        raise ValueError("several processes given without --out; they hand over what they have found in its folder")
    name = with_kwargs(arguments.env, assignments(arguments.env_set, "--env-set"))
    arguments = dataclasses.replace(arguments, env=name)
    (rule,) = named_rules([arguments.rule], find_algorithm)
    for name in assignments(arguments.set):
        check_key(name)
    options = assign(Options(), arguments.set)
    gymnasium_options = options.changes(GymnasiumOptions)
    seeds = range(arguments.seeds)
    own = own_share(seeds)
    begun = None
    if arguments.resume and arguments.out is not None:
        begun = begun_as(arguments.out, seeds, arguments.env)
    plan = make_plan(
        rule,
        arguments.env,
        num_steps=arguments.steps or (begun and begun[1]),
        agent=arguments.agent,
        chosen=begun and begun[0],
        settings=arguments.settings,
        changes=options.changes(TrainConfig),
        num_actions=options.num_actions,
        options=GymnasiumOptions(**gymnasium_options) if gymnasium_options else None,
    )
    trackers = make_trackers(arguments.log, arguments.out) if is_first() else []
    followed = [] if arguments.out is None or not is_first() else [ProgressFile(arguments.out)]
    if is_first():
        _prepare(arguments, rule.label)
    largest(0)  # the others wait until the first process has accepted the folder
    total, done = plan.steps_per_agent * len(seeds), 0
    own_total, own_done = plan.steps_per_agent * len(own), 0
    if arguments.out is not None:
        done, own_done = (steps_done(plan, some, arguments.out) for some in (seeds, own))
    if is_first():
        print("\n".join(plan_lines([plan])), file=sys.stderr)
    if is_first() and done:
        print(f"{done:,} of {total:,} steps are done already", file=sys.stderr)
    with (
        claimed(arguments.out if is_first() else None),
        _print_resume_hint(arguments, argv),
        Sinks([*trackers, *followed], say) as sinks,
    ):
        sinks.start({"command": "train", **plan_config(plan), "seeds": list(seeds)})
        log_rows(sinks, reference_rows([arguments.env], own, "report", options.num_actions))
        began = time.monotonic()
        with (StepProgress if is_first() else Silent)(
            f"{rule.label} on {arguments.env}", own_total - own_done
        ) as progress:
            rows, agents = train_plan(
                plan, own, progress=progress.advance, out=arguments.out, resume=arguments.resume, sinks=sinks
            )
        seconds = time.monotonic() - began
        trained = trained_of(plan, own, rows, agents, (own_total - own_done) // len(own), seconds)
        found = parts_of(trained, options.num_actions)
        if jax.process_count() > 1 and arguments.out is not None:
            parts = Parts(arguments.out, {})
            for one in found:
                parts.write(plan, one)
            found = parts.wait_for((plan, seed) for seed in seeds) if is_first() else found
        if is_first():
            report = report_of(found, {rule.label: [plan]}, total - done, seconds)
            table = None if arguments.out is None else arguments.out / "results.csv"
            written = write_files(report, table, arguments.json, replace=arguments.resume)
            final.log(sinks, report.finals, report.rows)
            log_figures(sinks, written)
    if is_first():
        print_report(report, written)
    if jax.process_count() > 1 and arguments.out is not None:
        finish(arguments.out)
    return DONE


def _prepare(arguments: Arguments, label: str) -> None:
    """Checks that the output can be written, before the training.

    Args:
        label: what the rule is called.

    Raises:
        ValueError: another training is in the folder, or this one without --resume.
    """
    if arguments.out is None:
        check_writable(None, arguments.json)
        return
    check_free(arguments.out, resume=arguments.resume)
    Parts(arguments.out, {}).remove()
    table = arguments.out / "results.csv"
    check_writable(table, arguments.json)
    results.check_free(table, [(label, arguments.env, seed) for seed in range(arguments.seeds)])


@contextmanager
def _print_resume_hint(arguments: Arguments, argv: list[str]) -> Iterator[None]:
    """Prints how to resume when a signal, or a failure of the environment, stops the training inside.

    Args:
        argv: what was given on the command line.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit, RuntimeError):
        if arguments.out is not None and any((arguments.out / CHECKPOINTS).glob("*")):
            again = f"lpg train {shlex.join(argv)}" + ("" if arguments.resume else " --resume")
            print(f"stopped; go on with: {again}", file=sys.stderr)
        raise
