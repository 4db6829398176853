"""The folder of a meta-training: begun or found again, its rules and its audit's flags; and who is told of a run."""

import json
import math
import re
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import jax

from lpg.files import LOCK, unfinished_writes, write_atomic
from lpg.meta_training.checkpoint import newest_checkpoint
from lpg.meta_training.config_file import completed
from lpg.meta_training.state import MetaState
from lpg.meta_training.trainer import Trainer, rule_sizes
from lpg.processes import fetch, is_first
from lpg.update_rules.rule_file import save_rule

AUDIT_FILE = "audit.json"
"""Flags of the audit in a run folder; absent where there are none."""


@runtime_checkable
class Listener(Protocol):
    """Callbacks of a run."""

    def note(self, text: str) -> None:
        """Called with a message of one line."""
        ...

    def step(self, state: MetaState, values: dict[str, Any], flags: list[str]) -> None:
        """Called after every meta-update with the row of metrics.csv and the flags of the audit."""
        ...


def open_folder(folder: Path, stored: dict[str, Any], seed: int, resume: bool, listener: Listener) -> int:
    """Creates a run folder, or looks for the newest checkpoint of the run in it.

    Returns:
        Its meta-update; −1 if there is none.

    Raises:
        ValueError: it holds a run and `resume` is false, or the run has another configuration or seed.
    """
    content = {"config": stored, "seed": seed}
    file = folder / "config.json"
    if not file.exists():
        if folder.exists() and not folder.is_dir():
            raise ValueError(f"{folder} is a file; choose another --out")
        if folder.exists() and any(path.name != LOCK for path in folder.iterdir()):
            raise ValueError(f"{folder} is not empty and holds no run; choose another --out")
        write_atomic(file, json.dumps(content, indent=2).encode())
        return -1
    if not resume:
        raise ValueError(
            f"{folder} already holds a run; continue it with --resume, or start a new one with another --out"
        )
    try:
        old = json.loads(file.read_text())
        before = completed(old["config"])
        different = sorted(key for key in stored if before[key] != stored[key])
        old_seed = old["seed"]
    except (json.JSONDecodeError, KeyError, AttributeError, TypeError) as error:
        raise ValueError(f"{file} is damaged ({error}); restore it, or start again with another --out") from error
    if different or old_seed != seed:
        key = different[0] if different else "seed"
        old_value, value = (before[key], stored[key]) if different else (old_seed, seed)
        raise ValueError(
            f"{folder} holds a run with {key} = {old_value}, not {value}; resume it with its own configuration"
        )
    for path in unfinished_writes(folder):
        listener.note(f"removed {path}, an unfinished write of a killed process; no other file depends on it")
        path.unlink()
    return newest_checkpoint(folder)


def save_average(
    path: Path, state: MetaState, trainer: Trainer, stored: dict[str, Any], validation: float | None
) -> None:
    """Writes the running mean of η with its card; of several processes the first one does."""
    if not is_first():
        return
    counters = state.counters
    card = {
        "kind": trainer.config.rule,
        "sizes": rule_sizes(trainer.config),
        "config": stored,
        "seed": trainer.seed,
        "origin": trainer.provenance.origin,
        "environments": list(trainer.names),
        "meta_updates": counters.meta_update,
        "environment_steps": trainer.provenance.environment_steps + counters.environment_steps,
        "evaluation": {"validation": None if validation is None or math.isnan(validation) else validation},
        "jax": jax.__version__,
    }
    save_rule(path, fetch(state.average), card)


def write_flags(path: Path, flags: list[str]) -> None:
    """Keeps the flags of now in the folder; none: no file. Not written anew where only numbers in them changed."""

    def kinds(lines: list[str]) -> list[str]:
        return [re.sub(r"[\d.]+", "#", line) for line in lines]

    before = json.loads(path.read_text()) if path.exists() else []
    if kinds(flags) != kinds(before):
        if flags:
            write_atomic(path, json.dumps(flags, ensure_ascii=False).encode())
        else:
            path.unlink()
