"""`lpg evaluate`: rules against each other on a suite of environments."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import jax
import tyro

from lpg.analysis.compare import compare
from lpg.analysis.in_parts import compare_in_parts, finish
from lpg.analysis.training_report import check_writable, log_figures, write_files
from lpg.checks import assignments
from lpg.cli.main import DONE
from lpg.cli.parsing import parse
from lpg.cli.progress import StepProgress, say
from lpg.cli.report_tables import print_report
from lpg.cli.rules import named_rules
from lpg.cli.several import in_processes
from lpg.environments.names import with_kwargs
from lpg.evaluation import results
from lpg.evaluation.backend import TrainingPlan
from lpg.evaluation.chosen_config import ChosenConfig, Settings
from lpg.evaluation.final import GREEDY_EPISODES, THRESHOLD
from lpg.evaluation.log import configs_of
from lpg.evaluation.parts import Parts
from lpg.evaluation.progress import Bars, Silent
from lpg.evaluation.progress_file import ProgressFile, StepsFile, check_same
from lpg.evaluation.suites import members
from lpg.evaluation.training_plan import make_plan
from lpg.evaluation.tune_rule import tune_rule
from lpg.learner.gymnasium_environments import is_gymnasium
from lpg.processes import is_first
from lpg.sinks import Sinks
from lpg.trackers import Tracker, make_trackers
from lpg.update_rules.registry import NamedRule, find_algorithm, find_rule


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Compares rules on a suite: fresh agents, the same environment parameters and random numbers for every rule. Or,
    given a folder, lets the trained agents in it play episodes."""

    folder: Annotated[tyro.conf.Positional[Path | None], tyro.conf.arg(metavar="[RUN]")] = None
    """A folder of `lpg train --out`, instead of --rule and --suite; then only --greedy-episodes and --json are used."""
    suite: Annotated[str | None, tyro.conf.arg(metavar="SUITE")] = None
    """A suite, an environment (gymnasium/ANY-ID and atari/GAME, too), or several with commas; see `lpg list suites`."""
    rule: Annotated[tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(metavar="RULE")] = ()
    """A rule, or label=RULE; may be given several times."""
    env_set: Annotated[tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(metavar="KEY=VALUE")] = ()
    """A keyword argument with which the environments are made (gymnasium/*, gymnax/*, pgx/*, module:factory)."""
    seeds: int = 8
    """Agents per rule and environment."""
    steps_scale: float = 1.0
    """Share of each environment's own budget of steps."""
    num_actions: int | None = None
    """Actions of the grids: 9 or 18 (the default)."""
    settings: Settings = "tuned"
    """The recorded hyper-parameters: those tuned on each environment where there are some, or the general ones of each
    kind of agent (table, dense network, convolutions)."""
    tune: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Search the hyper-parameters first, on other seeds: for each environment, or with --settings general for all
    environments of a kind of agent together. Kept beside a rule's file, and in OUT/tuned with the study."""
    trials: int = 64
    """Settings tried per rule and environment when tuning."""
    greedy_episodes: int = GREEDY_EPISODES
    """Episodes that each trained agent plays by its most probable actions; 0: none."""
    threshold: float = THRESHOLD
    """Normalised return whose first step on the learning curve is reported."""
    threshold_return: float | None = None
    """The same as a plain return, for environments without reference returns."""
    out: Path | None = None
    """Folder for results.csv, final.csv and figures/learning_curves.png."""
    log: Annotated[tyro.conf.UseAppendAction[tuple[Tracker, ...]], tyro.conf.arg(metavar="TRACKER")] = ()
    """Log to tensorboard (event files in OUT/tensorboard), wandb or mlflow, too, rule by rule; may be given several
    times."""
    coordinator: str | None = None
    """HOST:PORT of process 0, where several processes share the seeds. Not needed under Slurm and Open MPI."""
    num_processes: int | None = None
    """With --coordinator: how many processes there are."""
    process_id: int | None = None
    """With --coordinator: which of them this is, from 0."""
    json: Path | None = None
    """File for what is printed, for programs."""

    def __post_init__(self) -> None:
        for name in ("seeds", "trials", "steps_scale"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"--{name.replace('_', '-')} is {getattr(self, name)}; it must be positive")
        if self.greedy_episodes < 0:
            raise ValueError(f"--greedy-episodes is {self.greedy_episodes}; it must be 0 or more")
        if self.folder is None and self.suite is None:
            raise ValueError("no --suite given; a suite or an environment is needed, or a folder of `lpg train --out`")
        if self.folder is not None:
            used = ("folder", "greedy_episodes", "json")
            for field in dataclasses.fields(self):
                if field.name not in used and getattr(self, field.name) != field.default:
                    option = f"--{field.name.replace('_', '-')}"
                    raise ValueError(f"{option} given with the folder {self.folder}; it is for comparing rules")


def run(argv: list[str]) -> int:
    """Evaluates, prints a table, and writes what was asked for."""
    arguments = parse(Arguments, argv, "lpg evaluate")
    others = (arguments.coordinator, arguments.num_processes, arguments.process_id)
    return in_processes(*others, lambda: _run(arguments))


def _run(arguments: Arguments) -> int:
    if jax.process_count() > 1 and (arguments.folder is not None or arguments.tune or arguments.out is None):
        raise ValueError(
            "several processes given; they compare rules and hand over their parts in the folder of --out: give one, "
            "and neither a folder of `lpg train` nor --tune, whose searches share an Optuna study instead"
        )
    if arguments.folder is not None:
        from lpg.cli.evaluate_agents import evaluate_agents

        evaluate_agents(arguments.folder, episodes=arguments.greedy_episodes, json_file=arguments.json)
        return DONE
    assert arguments.suite is not None
    kwargs = assignments(arguments.env_set, "--env-set")
    names, seeds = tuple(with_kwargs(name, kwargs) for name in members(arguments.suite)), range(arguments.seeds)
    rules = named_rules(arguments.rule, find_rule if arguments.tune else find_algorithm)
    _check_gymnasium([name for name in names if is_gymnasium(name)], arguments)
    plans = {} if arguments.tune else {rule.label: _plans(rule, names, arguments) for rule in rules}
    trackers = make_trackers(arguments.log, arguments.out) if is_first() else []
    followed = [] if arguments.out is None or not is_first() else [ProgressFile(arguments.out)]
    table = None if arguments.out is None else arguments.out / "results.csv"
    check_writable(table, arguments.json)
    if table is not None:
        results.check_free(table, [(rule.label, name, seed) for rule in rules for name in names for seed in seeds])
    if arguments.tune:
        plans = {rule.label: _plans(rule, names, arguments, _tune(rule, names, arguments)) for rule in rules}
    if arguments.out is not None:
        check_same(arguments.out, configs_of(plans))
    options: dict[str, Any] = {
        name: getattr(arguments, name) for name in ("num_actions", "greedy_episodes", "threshold", "threshold_return")
    }
    bars: Bars = StepProgress if is_first() else Silent
    if arguments.out is not None and is_first():
        bars = StepsFile(arguments.out, bars, len(plans))
    shared = arguments.out if jax.process_count() > 1 else None
    if arguments.out is not None and Parts(arguments.out, {}).are_begun():
        shared = arguments.out  # one process goes on with what several began
    with Sinks([*trackers, *followed], say) as sinks:
        if shared is not None:
            found = compare_in_parts(plans, seeds, shared, sinks=sinks, progress=bars, **options)
        else:
            found = compare(plans, seeds, sinks=sinks, progress=bars, **options)
        if found is not None:
            written = write_files(found, table, arguments.json)
            log_figures(sinks, written)
            print_report(found, written)
    if shared is not None:
        finish(shared)
    return DONE


def _check_gymnasium(names: list[str], arguments: Arguments) -> None:
    """Refuses options that Gymnasium environments do not have.

    Raises:
        ValueError: one is given.
    """
    if names and arguments.num_actions is not None:
        raise ValueError(f"--num-actions given; {names[0]} has its own actions, only grids come in two")


def _plans(
    rule: NamedRule, names: Sequence[str], arguments: Arguments, tuned: Mapping[str, ChosenConfig] | None = None
) -> list[TrainingPlan]:
    """What is trained, with recorded configurations or with those of a sweep."""
    return [
        make_plan(
            rule, name, steps_scale=arguments.steps_scale, chosen=None if tuned is None else tuned[name],
            settings=arguments.settings,
            num_actions=arguments.num_actions,
        )
        for name in names
    ]  # fmt: skip


def _tune(rule: NamedRule, names: Sequence[str], arguments: Arguments) -> dict[str, ChosenConfig]:
    """The best configurations of a new sweep; says where they are recorded."""
    chosen, paths = tune_rule(
        rule, names, trials=arguments.trials, steps_scale=arguments.steps_scale, settings=arguments.settings,
        num_actions=arguments.num_actions, out=arguments.out, progress=StepProgress,
    )  # fmt: skip
    for path in paths:
        print(f"wrote {path}")
    return chosen
