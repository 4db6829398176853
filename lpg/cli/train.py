"""`lpg train`: agents on one environment with one rule."""

import dataclasses
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import tyro

from lpg.agents.defaults import default_agent
from lpg.agents.registry import check_agent
from lpg.cli.main import DONE
from lpg.cli.parsing import assign, parse
from lpg.cli.progress import StepProgress
from lpg.cli.report import make_room, print_table, write_json
from lpg.cli.rules import named_rules
from lpg.environments.registry import env_spec
from lpg.evaluation import results
from lpg.evaluation.compiled_training import CompiledTask, steps_done, train_compiled
from lpg.evaluation.evaluate import default_steps, reference_rows
from lpg.evaluation.hosted_plan import GymnasiumOptions
from lpg.evaluation.scores import scores
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.training_folder import check_free
from lpg.evaluation.tuning_table import ChosenConfig, choose_config
from lpg.learner.hosted import is_gymnasium


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Trains agents on one environment with a rule."""

    env: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="ENV")]
    """An environment, see `lpg list environments`, gymnasium/ANY-ID, atari/GAME, or module:factory."""
    rule: Annotated[str, tyro.conf.arg(metavar="RULE")]
    """A rule, see `lpg list rules`, a rule file, a run folder, or module:factory."""
    agent: Annotated[str | None, tyro.conf.arg(metavar="AGENT")] = None
    """An agent, see `lpg list agents`, or module:factory; none: the environment's own."""
    steps: float | None = None
    """Environment steps of each agent, all environments together; none: the environment's own budget."""
    seeds: int = 1
    """How many agents."""
    set: Annotated[tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(metavar="KEY=VALUE")] = ()
    """Change a field of the configuration (learning_rate, y_weight, gamma, num_envs, num_steps, …)."""
    out: Path | None = None
    """Folder for results.csv, figures/learning_curves.png, the trained agents (see `lpg show`) and checkpoints."""
    resume: bool = False
    """Go on with the training that the folder holds."""
    json: Path | None = None
    """File for what is printed, for programs."""

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise ValueError(f"--seeds is {self.seeds}; it must be positive")
        if self.steps is not None and not 1 <= self.steps < float("inf"):
            raise ValueError(f"--steps is {self.steps}; it must be positive")
        if self.resume and self.out is None:
            raise ValueError("--resume given without --out; the folder of the training that goes on is needed")


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
    name = arguments.env
    if is_gymnasium(name):
        from lpg.cli.train_hosted import run_hosted

        return run_hosted(arguments, assign(Options(), arguments.set), argv)
    env = env_spec(name).distribution.env
    if arguments.agent is not None:
        check_agent(arguments.agent, env)
    (one,) = named_rules([arguments.rule])
    options = assign(Options(), arguments.set)
    if foreign := options.changes(GymnasiumOptions):
        raise ValueError(f"--set {next(iter(foreign))} given; it is for gymnasium/* and atari/*, and {name} is neither")
    num_steps = default_steps(name) if arguments.steps is None else arguments.steps
    found, changes = choose_config(one, name, num_steps, agent=arguments.agent), options.changes(TrainConfig)
    if changes:
        found = ChosenConfig(dataclasses.replace(found.config, **changes), f"{found.source}, changed by --set")
    task = CompiledTask(
        rule=one, environment=name, agent=arguments.agent or default_agent(name, env).agent,
        num_updates=found.config.num_updates(num_steps), config=found.config, num_actions=options.num_actions,
    )  # fmt: skip
    seeds = range(arguments.seeds)
    prepare(arguments, one.label)
    reference_returns = reference_rows([name], seeds, "report", options.num_actions)
    total = task.num_updates * arguments.seeds * found.config.steps_per_update
    if arguments.out is not None and (done := steps_done(task, seeds, arguments.out)):
        print(f"{done:,} of {total:,} steps are done already", file=sys.stderr)
        total -= done
    with print_resume_hint(arguments, argv), StepProgress(f"{one.label} on {name}", total) as progress:
        rows, _ = train_compiled(
            task, seeds, progress=progress.advance, out=arguments.out, resume=arguments.resume
        )  # fmt: skip
    finish(arguments, one.label, found, [*rows, *reference_returns], progress)
    return DONE


def prepare(arguments: Arguments, label: str) -> None:
    """Makes room for what will be written.

    Args:
        label: what the rule is called.

    Raises:
        ValueError: another training is in the folder, or this one without --resume.
    """
    if arguments.out is None:
        make_room(None, arguments.json)
        return
    check_free(arguments.out, resume=arguments.resume)
    table = arguments.out / "results.csv"
    make_room(table, arguments.json)
    results.check_free(table, [(label, arguments.env, seed) for seed in range(arguments.seeds)])


@contextmanager
def print_resume_hint(arguments: Arguments, argv: list[str]) -> Iterator[None]:
    """A training inside that a signal stops says how to go on.

    Args:
        argv: what was given on the command line.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        if arguments.out is not None:
            again = f"lpg train {shlex.join(argv)}" + ("" if arguments.resume else " --resume")
            print(f"stopped; go on with: {again}", file=sys.stderr)
        raise


def finish(
    arguments: Arguments, label: str, found: ChosenConfig, rows: list[results.Row], progress: StepProgress
) -> None:
    """Prints a table and writes the files that were asked for.

    Args:
        label: what the rule is called.
        found: its agents' hyper-parameters.
        rows: learning curves and reference returns.
        progress: how much was done in how long.
    """
    table = None if arguments.out is None else arguments.out / "results.csv"
    steps, seconds = progress.done, progress.seconds
    scored, chosen = scores(rows), {label: {arguments.env: found}}
    print_table(rows, scored, chosen)
    number = f"{steps / 1e6:.1f} M" if steps >= 1e6 else f"{steps:,}"
    print(f"{number} steps in {seconds:.1f} s: {steps / seconds:,.0f} steps/s")
    if arguments.json is not None:
        write_json(arguments.json, rows, scored, chosen, seconds, steps)
    if table is not None:
        from lpg.analysis.learning_curves import save_figure

        results.write(table, rows)
        picture = save_figure(results.read(table), table.parent / "figures" / "learning_curves.png")
        print(f"wrote {table} and {picture}")
