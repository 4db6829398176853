"""`lpg train`: agents on one environment with one rule."""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from lpg.agents.registry import check_agent
from lpg.cli.main import DONE
from lpg.cli.parsing import assign, parse
from lpg.cli.progress import StepProgress
from lpg.cli.report import make_room, print_table, write_json
from lpg.cli.rules import contestants
from lpg.environments.registry import environment
from lpg.evaluation import results
from lpg.evaluation.evaluate import default_updates, evaluate_rule, ruler_rows
from lpg.evaluation.hosted_plan import HostedOptions
from lpg.evaluation.scores import scores
from lpg.evaluation.settings import Chosen, Setting
from lpg.evaluation.train_agents import TrainingSizes
from lpg.learner.hosted import is_hosted


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Trains agents on one environment with a rule."""

    env: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="ENV")]
    """An environment, see `lpg list environments`, gymnasium/ANY-ID, atari/GAME, or module:factory."""
    rule: Annotated[str, tyro.conf.arg(metavar="RULE")]
    """A rule, see `lpg list rules`, a rule file, a run folder, or module:factory."""
    agent: Annotated[str | None, tyro.conf.arg(metavar="AGENT")] = None
    """An agent, see `lpg list agents`; none: the environment's own."""
    steps: float | None = None
    """Environment steps of each agent, all streams together; none: the environment's own budget."""
    seeds: int = 1
    """How many agents."""
    set: Annotated[tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(metavar="KEY=VALUE")] = ()
    """Change a hyper-parameter (learning_rate, y_weight, gamma, …) or a size (num_streams, num_steps, …)."""
    out: Path | None = None
    """Folder for results.csv and figures/learning_curves.png; on gymnasium/* and atari/* checkpoints, too."""
    resume: bool = False
    """Go on with the training on gymnasium/* or atari/* that the folder holds."""
    json: Path | None = None
    """File for what is printed, for programs."""

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise ValueError(f"--seeds is {self.seeds}; it must be positive")
        if self.steps is not None and not 1 <= self.steps < float("inf"):
            raise ValueError(f"--steps is {self.steps}; it must be positive")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """What `--set` may change."""

    learning_rate: float | None = None
    y_weight: float | None = None
    gamma: float | None = None
    policy_entropy_weight: float | None = None
    lambda_: float | None = None
    num_streams: int | None = None
    num_steps: int | None = None
    num_actions: int | None = None
    time_limit_is_termination: bool | None = None
    baseline: bool | None = None
    sticky_actions: float | None = None
    overlap: bool | None = None

    def changes(self, kind: type) -> dict[str, float | int | bool]:
        """Those that are given and belong to a dataclass."""
        names = {field.name for field in dataclasses.fields(kind)}
        return {name: v for name, v in dataclasses.asdict(self).items() if v is not None and name in names}


def run(argv: list[str]) -> int:
    """Trains, prints how it went, and writes what was asked for."""
    arguments = parse(Arguments, argv, "lpg train")
    name = arguments.env
    if is_hosted(name):
        from lpg.cli.train_hosted import run_hosted

        return run_hosted(arguments, assign(Options(), arguments.set), argv)
    if arguments.resume:
        raise ValueError(f"--resume given; trainings on {name} run in one go, those on gymnasium/* and atari/* go on")
    shape = environment(name).distribution.shape
    if arguments.agent is not None:
        check_agent(arguments.agent, shape)
    (one,) = contestants([arguments.rule])
    options = assign(Options(), arguments.set)
    if foreign := options.changes(HostedOptions):
        raise ValueError(f"--set {next(iter(foreign))} given; it is for gymnasium/* and atari/*, and {name} is neither")
    sizes = dataclasses.replace(one.sizes, **options.changes(TrainingSizes))  # type: ignore[arg-type]
    if arguments.steps is None:
        updates = default_updates(name, sizes=sizes)
    else:
        updates = max(1, round(arguments.steps / sizes.steps_per_update))
    found, changes = one.chosen(name, updates), options.changes(Setting)
    if changes:
        source = f"{found.source}, changed by --set"
        found = Chosen(dataclasses.replace(found.setting, **changes), source)  # type: ignore[arg-type]
    seeds = range(arguments.seeds)
    table = None if arguments.out is None else arguments.out / "results.csv"
    make_room(table, arguments.json)
    if table is not None:
        results.check_free(table, [(one.label, name, seed) for seed in seeds])

    rulers = ruler_rows([name], seeds, "report", options.num_actions)
    with StepProgress(f"{one.label} on {name}", updates * arguments.seeds * sizes.steps_per_update) as progress:
        rows = evaluate_rule(
            one.named.rule, one.label, [name], seeds, updates, "report", found.setting,
            sizes=sizes, agent=arguments.agent, num_actions=options.num_actions, num_points=100,
            progress=progress.advance,
        )  # fmt: skip
    finish(arguments, one.label, found, [*rows, *rulers], progress)
    return DONE


def finish(arguments: Arguments, label: str, found: Chosen, rows: list[results.Row], progress: StepProgress) -> None:
    """Prints a table and writes the files that were asked for.

    Args:
        label: what the rule is called.
        found: its agents' hyper-parameters.
        rows: learning curves and rulers.
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
        from lpg.analysis.learning_curves.plot import save_figure

        results.write(table, rows)
        picture = save_figure(results.read(table), table.parent / "figures" / "learning_curves.png")
        print(f"wrote {table} and {picture}")
