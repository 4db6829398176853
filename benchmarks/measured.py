"""What docs/measured holds: its suites, the rules that its tables name, and what each rule reaches on each suite."""

import dataclasses
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.markdown import BASELINE
from lpg.evaluation import results
from lpg.evaluation.aggregates import Aggregate
from lpg.evaluation.chosen_config import Settings
from lpg.evaluation.results import REFERENCES, Row
from lpg.evaluation.scores import differences, scores
from lpg.evaluation.suites import members
from lpg.evaluation.training_plan import make_plan
from lpg.update_rules.registry import HAND_WRITTEN, LIBRARY_ALGORITHMS, NamedRule, find_algorithm
from lpg.update_rules.rule_paths import RUN_FILE, SHIPPED_FOLDER, SUFFIX, shipped

MEASURED = Path(__file__).parents[1] / "docs" / "measured"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Suite:
    """Environments, a budget of steps and a kind of settings on which rules are compared."""

    title: str
    folders: tuple[str, ...]
    """Of docs/measured, with one results.csv each; where a run is in two of them, the first counts."""
    environments: str
    """As --suite takes them."""
    settings: Settings = "tuned"
    steps_scale: float = 1.0
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Rules by the label that they have in the tables, where it is not their name."""
    is_unseen: bool = False
    """Whether no shipped rule was meta-trained or fitted on environments of these families."""


CONTROL = "classic,bsuite/catch,bsuite/deep_sea,bsuite/umbrella_chain"
MINATAR = "minatar/breakout,minatar/asterix,minatar/space_invaders"
SUITES = (
    Suite(title="ten tables, a sixth of the steps, one setting", environments="tables", settings="general",
          steps_scale=0.1707,
          folders=("tables-general-32", "tables-general", "tables-general-unsearched", "meta-seeds")),
    Suite(title="ten tables, a sixth of the steps, tuned", folders=("tables-tuned",), environments="tables",
          steps_scale=0.1707),
    Suite(title="ten tables, whole lifetimes, one setting", environments="tables", settings="general",
          folders=("full-general-24", "full-general")),
    Suite(title="ten tables, whole lifetimes, the paper's step, tuned", folders=("full",), environments="tables",
          labels={"lpg": "lpg, stage 1"}),
    Suite(title="procedural rewards and survival, one setting", folders=("families",), settings="general",
          environments="procedural/rewards,procedural/survival", steps_scale=0.1707),
    Suite(title="toy text, one setting", folders=("toy-text",), settings="general", environments="toy_text",
          is_unseen=True),
    Suite(title="control and bsuite, one setting", environments=CONTROL, settings="general",
          folders=("control-general", "control-general-unsearched"), is_unseen=True),
    Suite(title="CartPole, 200,000 steps, one setting", environments="classic/CartPole-v1", settings="general",
          steps_scale=0.4, folders=("cartpole-short",)),
    Suite(title="CartPole, 200,000 steps, tuned", environments="classic/CartPole-v1", steps_scale=0.4,
          folders=("cartpole-short-tuned",)),
    Suite(title="control and bsuite, tuned", folders=("control-tuned",), environments=CONTROL),
    Suite(title="MinAtar Breakout, short, tuned", environments="minatar/breakout", steps_scale=0.064,
          folders=("minatar-short", "minatar-short-unsearched")),
    Suite(title="MinAtar, three games, short, one setting", folders=("minatar-general",), environments=MINATAR,
          settings="general", steps_scale=0.064, is_unseen=True),
    Suite(title="MinAtar, three games, one setting", folders=("minatar-general-long",), environments=MINATAR,
          settings="general", steps_scale=0.192, is_unseen=True),
    Suite(title="MinAtar, three games, tuned", folders=("minatar",), environments=MINATAR, steps_scale=0.192),
)  # fmt: skip
LEFT_OUT = {
    "deep-sea-32": "more agents on one of the six environments of control and bsuite",
    "atari": "one agent for each game, after 1/800 of the paper's frames, and in one game no episode ended",
    "atari-breakout": "one agent of each rule, stopped after a part of 10 M frames",
    "pong": "one agent, stopped after 5 M frames without a baseline beside it",
    "minatar-teacher": "`a2c-categorical` with the setting of the rule that was fitted to it",
}
"""Folders of docs/measured with a results.csv that no suite has, and why."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """What one rule reaches on one suite."""

    area: Aggregate | None
    """Normalised return, mean over the learning curve; none where it could not be normalised."""
    apart: Aggregate | None
    """Difference from A2C, paired; none for A2C itself, and where it has no run in common."""
    searched: tuple[str, ...]
    """How the settings were found, in words; one for all environments, or several."""
    environments: tuple[str, ...]
    num_seeds: int
    steps: tuple[int, int]
    """Environment steps of the shortest and of the longest training."""


def cells(suite: Suite, measured: Path = MEASURED) -> dict[str, Cell]:
    """What was measured on a suite, by the name of the rule, in the order of the tables."""
    table, rules = rows(suite, measured), known_rules(measured)
    against = differences(table, BASELINE) if any(row.rule == BASELINE for row in table) else {}
    found = {}
    for label, score in scores(table).items():
        own = [row for row in table if row.rule == label]
        ends = {(row.environment, row.seed): row.steps for row in sorted(own, key=lambda row: row.steps)}
        name = suite.labels.get(label, label)
        found[name] = Cell(
            area=score.area,
            apart=against[label].area if label in against else None,
            searched=searched(suite, rules.get(name), own),
            environments=tuple(score.raw_end),
            num_seeds=len({row.seed for row in own}),
            steps=(min(ends.values()), max(ends.values())),
        )
    return found


def rows(suite: Suite, measured: Path = MEASURED) -> list[Row]:
    """The rows of all tables of a suite, each point of a curve once."""
    found: dict[tuple[str, str, int, int], Row] = {}
    for folder in suite.folders:
        for row in results.read(measured / folder / "results.csv"):
            found.setdefault((row.rule, row.environment, row.seed, row.agent_updates), row)
    return list(found.values())


def known_rules(measured: Path = MEASURED) -> dict[str, NamedRule]:
    """Rules by name: those that ship, those whose files are kept beside their results, hand-written ones.

    A file `NAME-stages/1.safetensors` is `NAME, stage 1`; `rule.safetensors` or `rule-000100.safetensors` has the name
    of its folder.
    """
    files = {name: str(path) for name, path in sorted(shipped().items())}
    for path in sorted(measured.glob(f"*/*{SUFFIX}")):
        folder = path.parent.name
        name = folder.removesuffix("-stages")
        if name != folder:
            name = f"{name if name in shipped() else f'lpg-{name}'}, stage {path.stem}"
        elif not path.stem.startswith(Path(RUN_FILE).stem):
            name = f"{folder}, {path.stem}"
        files[name] = str(path)
    return {name: find_algorithm(spec) for name, spec in
            {**files, **{name: name for name in (*HAND_WRITTEN, *LIBRARY_ALGORITHMS)}}.items()}  # fmt: skip


def searched(suite: Suite, rule: NamedRule | None, own: Sequence[Row]) -> tuple[str, ...]:
    """How the settings of a rule on a suite were found, from the tuning tables.

    Nothing is said of a table whose settings are not those of the measured runs: their updates have other sizes.

    Args:
        rule: none if its label is unknown.
        own: its rows.
    """
    if rule is None:
        return ("rule not kept",)
    ends = {row.environment: row for row in sorted(own, key=lambda row: row.agent_updates)}
    found = []
    for name, end in ends.items():
        plan = make_plan(rule, name, steps_scale=suite.steps_scale, settings=suite.settings)
        if (end.agent_updates, end.steps) != (plan.num_updates, plan.steps_per_agent):
            found.append("setting not recorded any more")
        elif plan.chosen.trials is None:
            found.append("not searched")
        else:
            found.append(f"{plan.chosen.trials} {'tried again' if plan.chosen.is_confirmed else 'trials'}")
    return tuple(dict.fromkeys(found))


def command(suite: Suite, folder: str, measured: Path = MEASURED) -> str:
    """The command that measured a folder of a suite, as its table tells it."""
    table, rules = results.read(measured / folder / "results.csv"), known_rules(measured)
    words = ["lpg", "evaluate"]
    for label in dict.fromkeys(row.rule for row in table if row.rule not in REFERENCES):
        name = suite.labels.get(label, label)
        words += ["--rule", _spec(label, name, rules.get(name), measured.parents[1])]
    names = tuple(dict.fromkeys(row.environment for row in table))
    same = set(names) == set(members(suite.environments))
    words += ["--suite", suite.environments if same else ",".join(names)]
    words += [] if suite.steps_scale == 1 else ["--steps-scale", f"{suite.steps_scale}"]
    words += [] if suite.settings == "tuned" else ["--settings", suite.settings]
    words += ["--seeds", str(len({row.seed for row in table})), "--out", f"results/{folder}"]
    return shlex.join(words)


def unplaced(measured: Path = MEASURED) -> list[str]:
    """Folders with a results.csv that belong to no suite and are not left out on purpose."""
    placed = {folder for suite in SUITES for folder in suite.folders} | set(LEFT_OUT)
    return sorted({path.parent.name for path in measured.glob("*/results.csv")} - placed)


def _spec(label: str, name: str, rule: NamedRule | None, root: Path) -> str:
    """What --rule takes for a label of a table."""
    if rule is not None and rule.path is not None and rule.path.parent != SHIPPED_FOLDER:
        return f"{label}={rule.path.relative_to(root)}"
    return label if name == label else f"{label}={name}"
