"""A study: one question asked of one rule, in a folder of tables, figures and findings that is whole or absent.

settings.json   what was asked: question, rule, seed, sizes
*.csv           what was measured
figures/        drawn from the tables alone
findings.json   claims and verdicts, computed from the tables alone
"""

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lpg.analysis.claims import Claim
from lpg.analysis.table import Table, read_table, write_table
from lpg.files import write_atomic

Tables = dict[str, Table]
SETTINGS, FINDINGS = "settings.json", "findings.json"


@dataclasses.dataclass(frozen=True)
class Question:
    """How a question is answered, in three steps that share nothing but tables."""

    name: str
    about: str
    score: Callable[[Tables], list[Claim]]
    plot: Callable[[Tables, Path], list[Path]]
    """Tables and a folder → files drawn."""


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
    """False: the tables had been there."""


def conduct(question: Question, settings: Mapping[str, Any], folder: Path, measure: Callable[[], Tables]) -> Study:
    """Measures unless that has been done, then scores and draws from the tables.

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
    return review(question, folder, is_new)


def review(question: Question, folder: Path, is_new: bool = False) -> Study:
    """Scores and draws what a folder holds.

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
