"""`lpg reproduce`: redraws the figures of the paper from this code's own measurements, and judges its claims."""

import dataclasses
import datetime
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import tyro

from lpg import __version__
from lpg.analysis import ablation, atari, diversity, training_environments
from lpg.analysis.ablated_inputs import findings as ablated_inputs
from lpg.analysis.ablated_inputs.measure import refusal
from lpg.analysis.questions import QUESTIONS
from lpg.analysis.report import Section, page, summary
from lpg.analysis.study import SETTINGS, Tables, missing, read_study
from lpg.analysis.table import read_table, write_table
from lpg.analysis.training_report import check_writable
from lpg.checks import known
from lpg.cli.main import DONE
from lpg.cli.parsing import parse
from lpg.cli.progress import StepProgress
from lpg.cli.rules import named_rules
from lpg.cli.studies import ask, identity, measurement_of, print_claims
from lpg.environments.registry import suite
from lpg.evaluation import results
from lpg.evaluation.evaluate import reference_rows
from lpg.evaluation.trainer import evaluate_plans
from lpg.evaluation.training_plan import make_plan
from lpg.files import write_atomic
from lpg.update_rules.registry import NamedRule

TITLES = {
    "figure-3": "Figure 3: learning on the training environments",
    "figure-4": "Figure 4: what the predictions look like",
    "figure-5": "Figure 5: values regressed from predictions",
    "figure-6": "Figure 6: predictions converge",
    "figure-7": "Figure 7: what each part contributes",
    "figure-8": "Figure 8: three Atari games",
    "figure-9": "Figure 9: more kinds of training environments",
    "figure-10": "Figure 10: 57 Atari games",
    "probe": "Ours: the rule opened",
    "ablated-inputs": "Ours: what the rule needs",
}
ASKED = {
    "figure-4": "predictions",
    "figure-5": "value-regression",
    "figure-6": "convergence",
    "probe": "probe",
    "ablated-inputs": "ablated-inputs",
}
TRAINED = {"figure-7": ("ablation", ablation), "figure-9": ("diversity", diversity)}
QUICK_SCALE = 0.002


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Redraws a figure of the paper, or all of them into one report; what has been measured is not measured again."""

    what: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="FIGURE")]
    """figure-3 … figure-10, probe, ablated inputs, or all"""
    rule: Annotated[tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(metavar="RULE")] = ()
    """The discovered rule first, then rules to compare it with in figure 3: `--rule RULE --rule lpg-v=RULE`."""
    out: Path = Path("results/reproduce")
    """Folder for everything; report.html is in it."""
    seed: int = 0
    """Seed of everything random."""
    suite: str = "tabular,chain"
    """Figure 3: the environments."""
    seeds: int = 8
    """Figure 3: agents per rule and environment."""
    steps_scale: float = 0.1707
    """Figure 3: share of each environment's own budget of steps."""
    results: Path | None = None
    """Figure 3: a results.csv of `lpg evaluate` to read instead of training agents."""
    atari: Path | None = None
    """Figures 8 and 10: a results.csv with atari/GAME environments."""
    ablation: Path | None = None
    """Figure 7: the folder of `lpg analyse ablation`; by default results/analysis/ablation."""
    diversity: Path | None = None
    """Figure 9: the folder of `lpg analyse diversity`; by default results/analysis/diversity."""
    quick: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """The smallest budgets: to see that everything runs, not to conclude anything."""

    def __post_init__(self) -> None:
        known(self.what, {**TITLES, "all": ""}, "figure")
        if self.seeds < 1 or not 0 < self.steps_scale < float("inf"):
            raise ValueError(f"--seeds {self.seeds} and --steps-scale {self.steps_scale} given; both must be positive")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"--seed is {self.seed}; it must lie in [0, 2**32)")


def run(argv: list[str]) -> int:
    """Draws, prints the verdicts and writes the report."""
    arguments = parse(Arguments, argv, "lpg reproduce")
    wanted = list(TITLES) if arguments.what == "all" else [arguments.what]
    if not arguments.rule and _needs_rule(wanted, arguments):
        raise ValueError("no rule given; --rule names the discovered rule")
    rules = named_rules(arguments.rule) if arguments.rule else []
    check_writable(arguments.out / "report.html")
    sections = []
    for name in wanted:
        section = _section(name, arguments, rules)
        print(f"\n{section.title}")
        print_claims(section.claims)
        for path in section.figures:
            print(f"figure: {path}")
        sections.append(section)
    claims = [claim for section in sections for claim in section.claims]
    about = [
        f"Made by lpg {__version__} on {datetime.date.today().isoformat()} with "
        + (f"the rule {rules[0].label}" if rules else "no rule")
        + f", seed {arguments.seed}. Criteria are fixed in the code. After first results some were made "
        "stricter and none looser: contrast, sign and controls in figure 4, explained variance and controls in figure "
        "5, the distance between cells and controls in figure 6, paired intervals in figure 3, held-out learning rates "
        "in figure 9.",
    ]
    if arguments.quick:
        about.append("The smallest budgets were used: nothing can be concluded from these numbers.")
    path = arguments.out / ("report.html" if arguments.what == "all" else f"{arguments.what}.html")
    write_atomic(path, page("Discovering Reinforcement Learning Algorithms: a reproduction", sections, about).encode())
    print(f"\n{summary(claims)}")
    print(f"report: {path}")
    return DONE


def _needs_rule(wanted: list[str], arguments: Arguments) -> bool:
    asked = any(name in ASKED for name in wanted)
    return asked or ("figure-3" in wanted and arguments.results is None)


def _section(name: str, arguments: Arguments, rules: list[NamedRule]) -> Section:
    folder = arguments.out / name
    if name in ASKED:
        return _asked(name, arguments, rules[0], folder)
    if name in TRAINED:
        return _trained(name, arguments)
    if name == "figure-3":
        return _training_environments(arguments, rules, folder)
    return _atari(name, arguments, folder)


def _asked(name: str, arguments: Arguments, one: NamedRule, folder: Path) -> Section:
    """A question about one rule."""
    question = ASKED[name]
    why = refusal(one.rule) if name == "ablated-inputs" else None
    if why is not None and arguments.what == "all":
        claims = [missing("ours", *asked, why) for asked in ablated_inputs.ASKED]
        return Section(title=TITLES[name], claims=claims)
    measurement = measurement_of(question)
    config = measurement.config(**(measurement.quick if arguments.quick else {}))
    study = ask(question, one, config, arguments.seed, folder)
    return Section(title=TITLES[name], claims=study.claims, figures=study.figures, settings=study.settings)


def _trained(name: str, arguments: Arguments) -> Section:
    """A question about meta-trainings, which take hours and are made by `lpg analyse`."""
    question, module = TRAINED[name]
    folder = getattr(arguments, question) or Path("results") / "analysis" / question
    if not (folder / SETTINGS).is_file():
        why = f"no results yet; `lpg analyse {question} --out {folder}` makes them"
        claim = missing(name.replace("-", " ").capitalize(), module.STATEMENT, module.CRITERION, why)
        return Section(title=TITLES[name], claims=[claim])
    study = read_study(QUESTIONS[question], folder)
    return Section(title=TITLES[name], claims=study.claims, figures=study.figures, settings=study.settings)


def _training_environments(arguments: Arguments, rules: list[NamedRule], folder: Path) -> Section:
    """Figure 3: reads or makes a results table."""
    table = folder / "results.csv"
    settings: dict[str, Any]
    if arguments.results is not None:
        results.read(arguments.results)  # refuses what is none
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(arguments.results, table)
        settings = {"results": arguments.results.name}
    else:
        scale = QUICK_SCALE if arguments.quick else arguments.steps_scale
        seeds = 2 if arguments.quick else arguments.seeds
        names = suite("chain/short" if arguments.quick else arguments.suite)
        # The reports' instances are those of `lpg evaluate`, whose seeds count from 0: `--seed` shifts them.
        first = arguments.seed * 10_000
        settings = {
            "rules": [identity(one) for one in rules], "environments": list(names), "first_seed": first,
            "seeds": seeds, "steps_scale": scale,
        }  # fmt: skip
        _make_once(folder, settings, lambda: _evaluate(rules, names, range(first, first + seeds), scale))
    tables: Tables = {"results": read_table(table)}
    rows = training_environments.rows_of(tables["results"])
    return Section(
        title=TITLES["figure-3"],
        claims=training_environments.score(tables),
        figures=training_environments.plot(tables, folder / "figures"),
        lines=training_environments.beside_paper(rows),
        settings=settings,
        note="Mean return in the last tenth of the learning curve, beside the paper's at the end of its drawn range. "
        "The paper's axes of steps are doubtful, so budgets are not equal.",
    )


def _evaluate(rules: list[NamedRule], names: tuple[str, ...], seeds: range, scale: float) -> list[results.Row]:
    rows: list[results.Row] = []
    for one in rules:
        plans = [make_plan(one, name, steps_scale=scale) for name in names]
        total = sum(plan.steps_per_agent for plan in plans) * len(seeds)
        with StepProgress(f"figure 3, {one.label}", total) as progress:
            rows += evaluate_plans(plans, seeds, progress=progress.advance)
    return rows + reference_rows(names, seeds, "report")


def _make_once(folder: Path, settings: dict[str, Any], make: Callable[[], list[results.Row]]) -> None:
    """Makes `results.csv` unless the folder has it with these settings.

    Raises:
        ValueError: it has one with other settings.
    """
    text = json.dumps({"question": "figure-3", **settings}, indent=1) + "\n"
    file = folder / SETTINGS
    if file.is_file():
        if file.read_text() != text:
            raise ValueError(f"{folder} holds results of other rules or settings; give another --out, or remove it")
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.csv").unlink(missing_ok=True)
    results.write(folder / "results.csv", make())
    write_atomic(file, text.encode())


def _atari(name: str, arguments: Arguments, folder: Path) -> Section:
    """Figures 8 and 10, from a results table if there is one."""
    tables: Tables = {}
    if arguments.atari is not None:
        results.read(arguments.atari)
        tables = {"results": read_table(arguments.atari)}
        write_table(folder / "results.csv", tables["results"])
    claims = atari.score(tables, name)
    figures = atari.plot(tables, folder / "figures", name)
    source = {} if arguments.atari is None else {"results": arguments.atari.name}
    return Section(title=TITLES[name], claims=claims, figures=figures, settings=source)
