"""A study: one question, measured once, in a folder of tables, figures and findings that is complete or absent.

settings.json   what was measured: question, rule, seed, sizes
*.csv           the tables of the measurement
figures/        drawn from the tables alone
findings.json   claims and verdicts, computed from the tables alone
"""

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from lpg.analysis.table import Table, read_table, write_table
from lpg.files import write_atomic

Tables = dict[str, Table]
Verdict = Literal["reproduced", "partly", "not reproduced", "no results yet"]
SETTINGS, FINDINGS = "settings.json", "findings.json"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim of the paper, or one of ours, and its verdict."""

    figure: str
    """Where it is from: a figure of the paper, or `ours`."""
    statement: str
    """What the paper claims, or what we ask."""
    criterion: str
    """What counts as reproduced and what as partly; fixed before the rules it judges were measured."""
    found: str
    """The measurement in words and numbers."""
    verdict: Verdict


def judge(value: float | int, *, reproduced: float | int, partly: float | int) -> Verdict:
    """A verdict from a number and two bounds; NaN is not reproduced.

    Args:
        reproduced: a lower bound if it lies above `partly`, an upper bound if below.
        partly: the same for `partly`.
    """
    sign = 1.0 if reproduced >= partly else -1.0
    if sign * value >= sign * reproduced:
        return "reproduced"
    return "partly" if sign * value >= sign * partly else "not reproduced"


def worst(*verdicts: Verdict) -> Verdict:
    """The verdict of a claim whose conditions must all hold."""
    return next(one for one in ("not reproduced", "partly", "reproduced") if one in verdicts)


def missing(figure: str, statement: str, criterion: str, why: str) -> Claim:
    """A claim that nothing has been measured for."""
    return Claim(figure=figure, statement=statement, criterion=criterion, found=why, verdict="no results yet")


@dataclasses.dataclass(frozen=True)
class Measurement:
    """How a question about one rule is measured."""

    config: type
    """A dataclass of numbers; its property `steps` is the number of environment steps."""
    measure: Callable[..., Tables]
    """(rule, config, train_config, seed, progress) → tables."""
    quick: dict[str, Any]
    """Values of a configuration that takes seconds, to see that everything runs."""
    trained_updates: Callable[[Any], int] | None = None
    """Config → updates of the agents that are trained with the rule's own hyper-parameters. `measure` then takes
    `config_for`, a function from environment to `TrainConfig`. None: no such agents are trained."""


@dataclasses.dataclass(frozen=True)
class Question:
    """How a question is answered: the measurement makes tables, the rest reads only tables."""

    name: str
    about: str
    score: Callable[[Tables], list[Claim]]
    plot: Callable[[Tables, Path], list[Path]]
    """Tables and a folder → files drawn."""
    measurement: Measurement | None = None
    """None: the question is about meta-trainings."""


@dataclasses.dataclass(frozen=True)
class Study:
    """A question answered."""

    question: str
    folder: Path
    settings: dict[str, Any]
    tables: Tables
    claims: list[Claim]
    figures: list[Path]
    is_new: bool
    """False: the tables were read from the folder."""


def run_study(question: Question, settings: Mapping[str, Any], folder: Path, measure: Callable[[], Tables]) -> Study:
    """Measures unless the folder holds the measurement, then scores and draws from the tables.

    Args:
        settings: all that the measurement depends on, as JSON.
        measure: is called only if the folder has no finished measurement.

    Raises:
        ValueError: the folder holds a measurement with other settings.
        OSError: nothing could be written.
    """
    wanted = json.loads(json.dumps({"question": question.name, **settings}))
    is_new = not is_measured(folder, wanted)
    if is_new:
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in measure().items():
            write_table(folder / f"{name}.csv", table)
        write_atomic(folder / SETTINGS, (json.dumps(wanted, indent=1) + "\n").encode())
    return read_study(question, folder, is_new)


def read_study(question: Question, folder: Path, is_new: bool = False) -> Study:
    """Scores and draws the tables of a folder.

    Raises:
        ValueError: it holds no finished measurement of this question.
    """
    try:
        settings = json.loads((folder / SETTINGS).read_text())
        found = settings["question"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{folder} holds no finished study ({type(error).__name__})") from error
    if found != question.name:
        raise ValueError(f"{folder} holds a study of {found!r}, not of {question.name!r}")
    tables = {path.stem: read_table(path) for path in sorted(folder.glob("*.csv"))}
    claims = question.score(tables)
    content = json.dumps([dataclasses.asdict(claim) for claim in claims], indent=1, ensure_ascii=False)
    write_atomic(folder / FINDINGS, (content + "\n").encode())
    figures = question.plot(tables, folder / "figures")
    return Study(question.name, folder, settings, tables, claims, figures, is_new)


def is_measured(folder: Path, wanted: Mapping[str, Any]) -> bool:
    """Whether the folder holds exactly this measurement, finished.

    Raises:
        ValueError: it holds another one, or the path is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; give a folder with --out")
    file = folder / SETTINGS
    if not file.exists():
        return False
    try:
        found = json.loads(file.read_text())
    except ValueError as error:
        raise ValueError(f"{file} is damaged ({error}); remove the folder, or give another one with --out") from error
    different = sorted(key for key in {*wanted, *found} if found.get(key) != wanted.get(key))
    if different:
        key = different[0]
        raise ValueError(
            f"{folder} holds a study with {key} = {found.get(key)!r}, not {wanted.get(key)!r}; give another folder "
            "with --out, or remove this one first"
        )
    return True
