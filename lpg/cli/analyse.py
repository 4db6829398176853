"""`lpg analyse`: answers a question about a rule, or about meta-training."""

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro

from lpg.analysis import ablation, diversity, meta_runs
from lpg.analysis.questions import QUESTIONS
from lpg.analysis.study import SETTINGS, Question, Tables, read_study
from lpg.analysis.table import write_table
from lpg.analysis.training_report import check_writable
from lpg.checks import known
from lpg.cli.main import BAD_INPUT, DONE
from lpg.cli.meta_train import MetaProgress
from lpg.cli.parsing import parse
from lpg.cli.progress import StepProgress
from lpg.cli.rules import named_rules
from lpg.cli.studies import ask, check_folder, measurement_of, print_study
from lpg.evaluation.jax_backend import JaxBackend
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.validation import Validator
from lpg.files import write_atomic
from lpg.meta_training.config import MetaConfig
from lpg.meta_training.config_file import load_config


@dataclasses.dataclass(frozen=True, kw_only=True)
class OfRule:
    """What every question about a rule takes."""

    rule: Annotated[str, tyro.conf.arg(metavar="RULE")]
    """The rule: a name, a rule file or a run folder."""
    out: Path | None = None
    """Folder for tables, figures and findings; by default results/analysis/QUESTION."""
    seed: int = 0
    """Seed of everything random."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class OfMetaTraining:
    """What every question about meta-training takes."""

    config: str = "laptop"
    """The configuration that is varied: a shipped name or a JSON file."""
    set: Annotated[tuple[str, ...], tyro.conf.arg(metavar="KEY=VALUE"), tyro.conf.UseAppendAction] = ()
    """Changes one value of the configuration; may be repeated."""
    only: Annotated[tuple[str, ...], tyro.conf.arg(metavar="VARIANT"), tyro.conf.UseAppendAction] = ()
    """Trains only this variant now; may be repeated."""
    out: Path | None = None
    """Folder for runs, tables, figures and findings; by default results/analysis/QUESTION."""
    seed: int = 0
    """Seed of everything random, the same for all variants."""
    meta_seeds: int = 1
    """Meta-trainings of each variant, with the seeds SEED, SEED + 1, …; more may be asked for later."""
    minutes: float | None = None
    """Stop cleanly after so many minutes; the same command goes on."""

    def __post_init__(self) -> None:
        if self.meta_seeds < 1:
            raise ValueError(f"--meta-seeds is {self.meta_seeds}; at least 1 is needed")
        if self.minutes is not None and not self.minutes > 0:
            raise ValueError(f"--minutes is {self.minutes}; it must be positive")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ablation(OfMetaTraining):
    """What does each part of the LPG contribute? (Figure 7) Each variant and seed is a run folder."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Diversity(OfMetaTraining):
    """Do more kinds of training environments make a rule that generalises better? (Figure 9)"""

    suite: str = "procedural"
    """Where the rules are compared; none of them may have been trained there."""
    random_grids: str = "random"
    """Random grids that the second and third rule are trained on: all five, or those that can be afforded, say
    random/small,random/small_sparse."""
    seeds: int = 4
    """Agents per rule and environment."""
    steps_scale: float = 0.1707
    """Share of each environment's own budget of steps."""


def _of_rule(question: Question, config: type) -> type:
    """The arguments of a question about a rule: what all take, and its own configuration."""
    kind = type("OfRule", (OfRule, config), {"__doc__": question.about, "__module__": __name__})
    return dataclasses.dataclass(frozen=True, kw_only=True)(kind)


KINDS: dict[str, type] = {
    **{name: _of_rule(one, one.measurement.config) for name, one in QUESTIONS.items() if one.measurement},
    "ablation": Ablation,
    "diversity": Diversity,
}


def run(argv: list[str]) -> int:
    """Measures, prints the findings and the paths of the figures."""
    if not argv or argv[0] in ("-h", "--help"):
        print(usage())
        return DONE if argv else BAD_INPUT
    question = known(argv[0], QUESTIONS, "question")
    arguments: Any = parse(KINDS[question], argv[1:], f"lpg analyse {question}")
    folder = arguments.out or Path("results") / "analysis" / question
    check_writable(folder / SETTINGS)
    if not 0 <= arguments.seed < 2**32:
        raise ValueError(f"--seed is {arguments.seed}; it must lie in [0, 2**32)")
    if isinstance(arguments, OfMetaTraining):
        return _meta_train(question, arguments, folder)
    (one,) = named_rules([arguments.rule])
    kind = measurement_of(question).config
    config = kind(**{field.name: getattr(arguments, field.name) for field in dataclasses.fields(kind)})
    print_study(ask(question, one, config, arguments.seed, folder))
    return DONE


def usage() -> str:
    """The questions, one a line."""
    width = max(map(len, QUESTIONS))
    lines = [f"  lpg analyse {name:<{width}}  {question.about}" for name, question in QUESTIONS.items()]
    return "\n".join(
        ["usage: lpg analyse QUESTION ...", "", *lines, "", "lpg analyse QUESTION --help lists its options."]
    )


def _meta_train(question: str, arguments: Any, folder: Path) -> int:
    """Trains the variants that are not finished yet, then scores and draws what there is."""
    config = load_config(arguments.config, arguments.set)
    made = ablation.variants(config) if question == "ablation" else diversity.variants(config, arguments.random_grids)
    names = [variant.name for variant in made]
    for name in arguments.only:
        known(name, dict.fromkeys(names), "variant")
    wanted: dict[str, Any] = {"seed": arguments.seed, "config": dataclasses.asdict(config)}
    if question == "diversity":
        diversity.check_unseen(arguments.suite)
        wanted |= {name: getattr(arguments, name) for name in ("suite", "random_grids", "seeds", "steps_scale")}
    check_folder(question, wanted, folder)
    changed = {one.name: one.of(config) for one in made if not arguments.only or one.name in arguments.only}

    def listener(name: str, one: MetaConfig) -> MetaProgress:
        print(f"{name}: {next(variant.about for variant in made if variant.name == name)}", file=sys.stderr, flush=True)
        return MetaProgress(one.meta_updates)

    def validator(one: MetaConfig) -> Validator:
        return Validator(ablation.validated_with(config, one) if question == "ablation" else one)

    seeds = range(arguments.seed, arguments.seed + arguments.meta_seeds)
    is_complete = meta_runs.train_variants(
        changed, folder / "runs", seeds=seeds, minutes=arguments.minutes, listener=listener, validator=validator
    )
    tables: Tables = {"validations": meta_runs.validations(folder / "runs", names, seeds)}
    if question == "diversity":
        tables["scores"] = _scores(arguments, folder / "runs", {one.name: one.of(config) for one in made}, seeds)
    for name, table in tables.items():
        write_table(folder / f"{name}.csv", table)
    write_atomic(folder / SETTINGS, (json.dumps({"question": question, **wanted}, indent=1) + "\n").encode())
    print_study(read_study(QUESTIONS[question], folder, is_new=True))
    if not is_complete:
        print("not all variants are finished; the same command goes on with them")
    return DONE


def _scores(arguments: Any, runs: Path, configs: dict[str, MetaConfig], seeds: Sequence[int]) -> Any:
    """The rules of all training sets on environments that none has seen; finished ones only."""
    places = {(name, seed): meta_runs.run_folder(runs, name, seed) for seed in seeds for name in configs}
    finished = {key: place for key, place in places.items() if meta_runs.is_finished(place, configs[key[0]])}
    environments = diversity.check_unseen(arguments.suite)
    if not finished:
        return {name: [] for name in ("variant", "meta_seed", "environment", "score", "learning_rate", "tuning_score")}
    rules = {key: named_rules([f"{key[0]}={place}"])[0] for key, place in finished.items()}
    validator = Validator(next(iter(configs.values())))
    rates = {name: [one.learning_rate for one in validator.configs(name)] for name in environments}
    train_config = TrainConfig()
    updates = {
        name: train_config.num_updates(JaxBackend(name).default_steps * arguments.steps_scale) for name in environments
    }
    agents = arguments.seeds * len(rules)
    # Each rate on the seeds for tuning, and the best one on the reported seeds.
    total = agents * sum(updates[name] * (len(rates[name]) + 1) for name in environments)
    total *= train_config.steps_per_update
    with StepProgress("unseen environments", total) as progress:
        return diversity.measure(
            {key: (one.rule, train_config.for_rule(one.card)) for key, one in rules.items()},
            environments, arguments.seeds, updates, rates, progress.advance,
        )  # fmt: skip
