"""Run folders without a run."""

import dataclasses
import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from lpg.meta_training.checkpoint import path_of
from lpg.meta_training.metrics import MetricsFile
from tests.tiny_run import TINY

NAMES = tuple(TINY.suite.split(","))


def begin(folder: Path, **changes: object) -> None:
    """The folder of a meta-training before its first meta-update."""
    folder.mkdir(exist_ok=True)
    config = dataclasses.asdict(TINY) | changes
    (folder / "config.json").write_text(json.dumps({"config": config, "seed": 7}))


def advance(folder: Path, meta_update: int, names: tuple[str, ...] = NAMES, **values: float) -> None:
    """One row more: ten seconds and 1,000 steps after the one before."""
    file = MetricsFile(folder / "metrics.csv", names, meta_update - 1)
    numbers = dict.fromkeys(file.header, 0.5) | {"meta_update": meta_update, "validation": ""}
    file.append(numbers | {"environment_steps": 1000 * meta_update, "seconds": 10.0 * meta_update} | values)
    file.close()


def write_bandit(folder: Path, meta_update: int, environment: list[int], arm: list[int]) -> None:
    """A checkpoint with the arrays of a bandit alone."""
    path = path_of(folder, meta_update)
    path.parent.mkdir(exist_ok=True)
    arrays = {"environment": environment, "arm": arm, "final_return": list(np.linspace(0, 1, len(arm)))}
    save_file({f"bandit.{name}": np.array(column) for name, column in arrays.items()}, path)
