"""Checkpoints of a meta-training: written whole or not at all, found again, and refused when torn or foreign."""

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from lpg.arrays import write_atomic
from lpg.meta_training.state import MetaState, from_arrays, to_arrays

FORMAT = "lpg-checkpoint-2"
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


def write_checkpoint(run: Path, state: MetaState, config: dict[str, Any], seed: int) -> Path:
    """Writes a checkpoint, then removes all but the newest `NUM_KEPT`.

    Raises:
        OSError: it could not be written; earlier checkpoints are untouched.
    """
    arrays, counters = to_arrays(state)
    note = {"format": FORMAT, "config": config, "seed": seed, "devices": jax.device_count(), "counters": counters}
    path = path_of(run, state.counters.meta_update)
    # Not `ascontiguousarray`, which makes [1] of [].
    contiguous = {name: np.asarray(a, order="C") for name, a in arrays.items()}
    write_atomic(path, save(contiguous, {"lpg": json.dumps(note)}))
    for old in list_checkpoints(run)[:-NUM_KEPT]:
        old.unlink()
    return path


def read_checkpoint(path: Path, template: MetaState, config: dict[str, Any], seed: int) -> MetaState:
    """A state from a checkpoint of the same configuration and seed.

    Raises:
        ValueError: the file is truncated, no checkpoint, or of another run; names the last good one, if any.
    """
    hint = ""
    try:
        with safe_open(path, framework="numpy") as file:
            note = json.loads((file.metadata() or {}).get("lpg", "null"))
            if not isinstance(note, dict) or note.get("format") != FORMAT:
                raise ValueError(f"it is no checkpoint of format {FORMAT}")
            if note["seed"] != seed:
                raise ValueError(f"it belongs to a run with seed {note['seed']}, not {seed}")
            different = sorted(key for key in config if note["config"].get(key) != config[key])
            if different:
                raise ValueError(f"it belongs to a run with another {', '.join(different)}")
            if note.get("devices") != jax.device_count():
                hint = (
                    f" (it was written on {note.get('devices')} devices and here are {jax.device_count()}, which may "
                    "change how many lifetimes are padding; JAX_NUM_CPU_DEVICES says how many a CPU presents)"
                )
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return from_arrays(template, arrays, note["counters"])
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = str(error) if isinstance(error, ValueError) else f"it is truncated or damaged ({error})"
        raise ValueError(f"cannot resume from {path}: {reason}{hint}; {_way_out(path)}") from error


def unfinished_writes(run: Path) -> list[Path]:
    """Files whose writing was killed; harmless, because a checkpoint gets its name only when it is whole."""
    return sorted(run.rglob("*.tmp"))


def _way_out(path: Path) -> str:
    """The last good checkpoint, in words."""
    for other in reversed(sorted(path.parent.glob("state-*.safetensors"))):
        if other != path and _is_whole(other):
            return f"the last good checkpoint is {other}: remove the bad one to resume from it"
    return "there is no other checkpoint: begin again with another --out"


def _is_whole(path: Path) -> bool:
    try:
        with safe_open(path, framework="numpy") as file:
            return FORMAT in (file.metadata() or {}).get("lpg", "")
    except (SafetensorError, OSError):
        return False
