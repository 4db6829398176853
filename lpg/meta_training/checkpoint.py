"""Checkpoints of a meta-training: written atomically, listed, and refused when truncated or of another run."""

import json
from pathlib import Path
from typing import Any

from lpg.files import FileKind, read_arrays, read_card, write_arrays
from lpg.meta_training.config_file import completed
from lpg.meta_training.state import MetaState, from_arrays, to_arrays
from lpg.processes import is_first

KIND = FileKind("a checkpoint of a meta-training", format="lpg-checkpoint-2", card="lpg")
NUM_KEPT = 2
"""Older checkpoints are removed once a newer one is safely on disk."""


def folder_of(run: Path) -> Path:
    """Where a run keeps its checkpoints."""
    return run / "checkpoints"


def path_of(run: Path, meta_update: int) -> Path:
    """The checkpoint of one meta-update."""
    return folder_of(run) / f"state-{meta_update:08d}.safetensors"


def list_checkpoints(run: Path) -> list[Path]:
    """A run's checkpoints, oldest first."""
    return sorted(folder_of(run).glob("state-*.safetensors"))


def newest_checkpoint(run: Path) -> int:
    """Meta-update of a run's newest checkpoint; −1 if there is none."""
    return max((int(path.stem.removeprefix("state-")) for path in list_checkpoints(run)), default=-1)


def write_checkpoint(run: Path, state: MetaState, config: dict[str, Any], seed: int) -> Path:
    """Writes a checkpoint, then removes all but the newest `NUM_KEPT`; all processes must call it.

    Raises:
        OSError: it could not be written; earlier checkpoints are untouched.
    """
    arrays, counters = to_arrays(state)
    card = {"format": KIND.format, "config": config, "seed": seed, "counters": counters}
    path = path_of(run, state.counters.meta_update)
    if not is_first():
        return path
    write_arrays(path, arrays, {KIND.card: json.dumps(card)})
    for old in list_checkpoints(run)[:-NUM_KEPT]:
        old.unlink()
    return path


def read_checkpoint(path: Path, template: MetaState, config: dict[str, Any], seed: int) -> MetaState:
    """A state from a checkpoint of the same configuration and seed, written on any number of devices and processes.

    Raises:
        ValueError: the file is truncated, not a checkpoint, or of another run; names the last good checkpoint, if any.
    """
    try:
        arrays, card = read_arrays(path, KIND)
        if card["seed"] != seed:
            raise ValueError(f"it belongs to a run with seed {card['seed']}, not {seed}")
        before = completed(card["config"])
        if different := sorted(key for key in config if before[key] != config[key]):
            raise ValueError(f"it belongs to a run with another {', '.join(different)}")
        return from_arrays(template, arrays, card["counters"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = str(error).removeprefix(f"{path}: ") if isinstance(error, ValueError) else f"it is damaged ({error!r})"
        raise ValueError(f"cannot resume from {path}: {reason}; {_way_out(path)}") from error


def _way_out(path: Path) -> str:
    """The last good checkpoint, in words."""
    for other in reversed(list_checkpoints(path.parent.parent)):
        if other != path and _is_whole(other):
            return f"the last good checkpoint is {other}: remove the bad one to resume from it"
    return "there is no other checkpoint: begin again with another --out"


def _is_whole(path: Path) -> bool:
    try:
        read_card(path, KIND)
    except (OSError, ValueError):
        return False
    return True
