"""`lpg evaluate`: rules against each other on a suite of environments."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import tyro

from lpg.cli.parsing import parse
from lpg.cli.progress import StepProgress
from lpg.cli.report import make_room, print_table, write_json
from lpg.cli.rules import named_rules
from lpg.evaluation import results
from lpg.evaluation.evaluate import default_steps, evaluate_rule, reference_rows
from lpg.evaluation.hosted_plan import HostedTask, plan
from lpg.evaluation.hosted_plan import default_steps as gymnasium_steps
from lpg.evaluation.hosted_training import train_seeds
from lpg.evaluation.scores import scores
from lpg.evaluation.suites import members
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.tuning import general_sweeps, sweeps_of, tune
from lpg.evaluation.tuning_table import ChosenConfig, choose_config, save_general, save_table, tuned_beside
from lpg.learner.hosted import is_gymnasium
from lpg.update_rules.registry import SHIPPED_FOLDER, NamedRule

TUNING_SEEDS = 3
"""Agents per trial of a sweep."""


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Compares rules on a suite: fresh agents, the same environments and the same random numbers for every rule."""

    suite: Annotated[str, tyro.conf.arg(metavar="SUITE")]
    """A suite, an environment (gymnasium/ANY-ID and atari/GAME, too), or several with commas; see `lpg list suites`."""
    rule: Annotated[tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(metavar="RULE")] = ()
    """A rule, or label=RULE; may be given several times."""
    seeds: int = 8
    """Agents per rule and environment."""
    steps_scale: float = 1.0
    """Share of each environment's own budget of steps."""
    num_actions: int | None = None
    """Actions of the grids: 9 or 18 (the default)."""
    settings: Literal["tuned", "general"] = "tuned"
    """The agents' hyper-parameters: tuned for each environment, where they were; or one setting for each kind of agent
    (table, dense network, convolutions)."""
    tune: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Search the hyper-parameters first, on other seeds: for each environment, or with --settings general for all
    environments of a kind of agent together. Kept beside a rule's file, and in OUT/tuned with the study."""
    trials: int = 64
    """Settings tried per rule and environment when tuning."""
    out: Path | None = None
    """Folder for results.csv and figures/learning_curves.png."""
    json: Path | None = None
    """File for what is printed, for programs."""

    def __post_init__(self) -> None:
        for name in ("seeds", "trials", "steps_scale"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"--{name.replace('_', '-')} is {getattr(self, name)}; it must be positive")


def run(argv: list[str]) -> int:
    """Evaluates, prints a table, and writes what was asked for."""
    arguments = parse(Arguments, argv, "lpg evaluate")
    names = members(arguments.suite)
    own = tuple(name for name in names if not is_gymnasium(name))
    rules = named_rules(arguments.rule)
    hosted = {one.label: _hosted_tasks(one, names, arguments) for one in rules}
    num_steps = {name: default_steps(name) * arguments.steps_scale for name in own}
    seeds = range(arguments.seeds)
    table = None if arguments.out is None else arguments.out / "results.csv"
    make_room(table, arguments.json)
    if table is not None:
        results.check_free(table, [(one.label, name, seed) for one in rules for name in names for seed in seeds])
    reference_returns = reference_rows(names, seeds, "report", arguments.num_actions)

    rows, steps, seconds = [], 0, 0.0
    chosen: dict[str, dict[str, ChosenConfig]] = {}
    for one in rules:
        found_configs, tasks = _configs(one, own, num_steps, arguments), hosted[one.label]
        configs = {name: found.config for name, found in found_configs.items()}
        updates = {name: config.num_updates(num_steps[name]) for name, config in configs.items()}
        chosen[one.label] = {**found_configs, **{task.environment: task.chosen for task in tasks}}
        total = sum(updates[name] * configs[name].steps_per_update for name in own)
        total += sum(task.num_updates * task.config.steps_per_update for task in tasks)
        with StepProgress(one.label, total * arguments.seeds) as progress:
            found = evaluate_rule(
                one.rule, one.label, own, seeds, updates, "report", configs,
                num_actions=arguments.num_actions, progress=progress.advance,
            )  # fmt: skip
            for task in tasks:
                found += train_seeds(task, seeds, progress=progress.advance)
            rows += sorted(found, key=lambda row: names.index(row.environment))
            steps, seconds = steps + progress.done, seconds + progress.seconds
    rows += reference_returns
    scored = scores(rows)
    print_table(rows, scored, chosen)
    print(f"{steps / 1e6:.1f} M steps in {seconds:.1f} s: {steps / seconds:,.0f} steps/s")
    if arguments.json is not None:
        write_json(arguments.json, rows, scored, chosen, seconds, steps)
    if table is not None:
        from lpg.analysis.learning_curves import save_figure

        results.write(table, rows)
        picture = save_figure(results.read(table), table.parent / "figures" / "learning_curves.png")
        print(f"wrote {table} and {picture}")
    return 0


def _hosted_tasks(one: NamedRule, names: tuple[str, ...], arguments: Arguments) -> list[HostedTask]:
    """What will be trained on the host, and what does not fit it.

    Raises:
        ValueError: there is no such environment, a package is missing, or something was asked for that is not for it.
    """
    found = [name for name in names if is_gymnasium(name)]
    if found and arguments.num_actions is not None:
        raise ValueError(f"--num-actions given; {found[0]} has its own actions, only grids come in two")
    if found and arguments.tune:
        raise ValueError(f"--tune given; sweeps are for environments in JAX, and {found[0]} runs on the host")
    return [plan(one, name, num_steps=gymnasium_steps(name) * arguments.steps_scale) for name in found]


def _configs(
    one: NamedRule, names: tuple[str, ...], num_steps: dict[str, float], arguments: Arguments
) -> dict[str, ChosenConfig]:
    """The agents' hyper-parameters on each environment: recorded ones, or those of a new sweep."""
    if not arguments.tune:
        return {name: choose_config(one, name, num_steps[name], settings=arguments.settings) for name in names}
    is_general = arguments.settings == "general"
    sweeps = general_sweeps(names, num_steps) if is_general else sweeps_of(names, num_steps)
    total = round(sum(num_steps.values())) * arguments.trials * TUNING_SEEDS
    with StepProgress(f"tuning {one.label}", total) as progress:
        entries = tune(
            one.rule, sweeps, is_learned=one.is_learned, num_trials=arguments.trials, num_seeds=TUNING_SEEDS,
            num_actions=arguments.num_actions, progress=progress.advance, label=one.label, card=one.card,
            storage=None if arguments.out is None else arguments.out / "tuned" / "study.log",
        )  # fmt: skip
    places = [] if arguments.out is None else [arguments.out / "tuned" / f"{one.label.replace('/', '-')}.json"]
    if one.path is not None and one.path.parent != SHIPPED_FOLDER:
        places.append(tuned_beside(one.path))  # so that the rule is used with these settings from now on
    for path in places:
        if is_general:
            for kind, entry in entries.items():
                save_general(path, one.label, kind, entry)
        else:
            save_table(path, one.label, entries)
        print(f"wrote {path}")
    return {
        name: ChosenConfig(
            TrainConfig.of_record(entries[sweep.name]["setting"]).for_rule(one.card),
            f"tuned now by {entries[sweep.name]['trials']} trials",
        )
        for sweep in sweeps
        for name in sweep.environments
    }
