"""Tuning tables: files of recorded training configurations, by environment and general ones."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lpg.evaluation.search_space import KINDS, AgentKind
from lpg.evaluation.train_config import TrainConfig
from lpg.files import write_atomic
from lpg.update_rules.registry import NamedRule

TABLE_FORMAT = 1
TUNED_FOLDER = Path(__file__).parent / "tuned"
ATARI_GAMES = "atari"
GENERAL = (*KINDS, ATARI_GAMES)
"""What a general setting may be for: a kind of agent, or all Atari games, which have networks of their own."""


def in_words(kind: str) -> str:
    """One of `GENERAL`."""
    return f"{kind} games" if kind == ATARI_GAMES else f"{kind} agents"


def steps_of(entry: Mapping[str, Any]) -> int:
    """Environment steps of the trainings behind an entry; one without num_envs and num_steps had 64 × 20 an update."""
    return entry["updates"] * TrainConfig.of_record(entry["setting"]).steps_per_update


def tuned_beside(path: Path) -> Path:
    """The tuning table that belongs to a rule file: `rule.tuned.json` beside `rule.safetensors`."""
    return path.with_suffix(".tuned.json")


def files_of(rule: NamedRule) -> list[Path]:
    """The tables of a rule, the first that counts first: that beside its file, then the package's by its name."""
    beside = [] if rule.path is None else [tuned_beside(rule.path)]
    return [path for path in (*beside, TUNED_FOLDER / f"{rule.name}.json") if path.is_file()]


def read_table(path: Path) -> dict[str, Any]:
    """Reads a tuning table.

    Raises:
        ValueError: it is not one.
    """
    try:
        table = json.loads(path.read_text())
        if table["format_version"] != TABLE_FORMAT:
            raise ValueError(f"format version {table['format_version']}; {TABLE_FORMAT} is needed")
        for entries in table["environments"].values():
            for entry in entries:
                TrainConfig.of_record(entry["setting"])
                if not entry["updates"] > 0:
                    raise ValueError(f"updates is {entry['updates']}")
        for kind, entry in table.get("general", {}).items():
            if kind not in GENERAL:
                raise ValueError(f"general setting for {kind!r}; one of {', '.join(GENERAL)} is needed")
            TrainConfig.of_record(entry["setting"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: not a tuning table ({type(error).__name__}: {error})") from error
    return table


def save_table(path: Path, rule: str, entries: Mapping[str, dict[str, Any]]) -> None:
    """Adds a sweep to a tuning table; an older entry for the same environment, agent and steps goes.

    Raises:
        ValueError: there is a file and it is no tuning table.
    """
    table: dict[str, Any] = (
        read_table(path) if path.is_file() else {"format_version": TABLE_FORMAT, "rule": rule, "environments": {}}
    )
    for name, entry in entries.items():
        others = [e for e in table["environments"].get(name, []) if _sweep_of(e) != _sweep_of(entry)]
        table["environments"][name] = sorted([*others, entry], key=steps_of)
    write_atomic(path, (_dump(table) + "\n").encode())


def save_general(path: Path, rule: str, kind: AgentKind, entry: Mapping[str, Any]) -> None:
    """Puts a sweep over several environments into a tuning table, as the general setting of a kind of agent.

    Raises:
        ValueError: there is a file and it is no tuning table.
    """
    table: dict[str, Any] = (
        read_table(path) if path.is_file() else {"format_version": TABLE_FORMAT, "rule": rule, "environments": {}}
    )
    table["general"] = {**table.get("general", {}), kind: entry}
    write_atomic(path, (_dump(table) + "\n").encode())


def _sweep_of(entry: Mapping[str, Any]) -> tuple[float, str | None]:
    """What an entry of an environment is the only one for: a budget of steps, which whole updates meet to a percent or
    so, and an agent; no agent: the environment's own."""
    return float(f"{steps_of(entry):.2g}"), entry.get("agent")


def _dump(table: dict[str, Any]) -> str:
    """JSON with one trial per line, so that a person can read it and a diff stays small."""
    innermost = re.compile(r"\[([^\[\]{}]*)\]")
    return innermost.sub(lambda found: "[" + " ".join(found[1].split()) + "]", json.dumps(table, indent=1))
