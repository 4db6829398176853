"""Several meta-trainings that differ in a few values, one after the other; each is a run folder that can be resumed.

The ablation and the diversity of training environments use them.
"""

import dataclasses
import json
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lpg.analysis.table import Table, make_table
from lpg.evaluation.validation import Validator
from lpg.meta_training.config import MetaConfig
from lpg.meta_training.config_file import make_config
from lpg.meta_training.metrics import read_metrics
from lpg.meta_training.run import run
from lpg.meta_training.run_folder import Listener
from lpg.meta_training.trainer import DivergenceError
from lpg.update_rules.base import Rule

Validate = Callable[[Rule], float]


@dataclasses.dataclass(frozen=True)
class Variant:
    """A named change of a configuration."""

    name: str
    about: str
    changes: Mapping[str, Any]

    def of(self, config: MetaConfig) -> MetaConfig:
        """The changed configuration.

        Raises:
            ValueError: it is none.
        """
        return make_config({**dataclasses.asdict(config), **self.changes})


def train_variants(
    variants: Mapping[str, MetaConfig],
    folder: Path,
    *,
    seeds: Sequence[int],
    minutes: float | None,
    listener: Callable[[str, MetaConfig], Listener],
    validator: Callable[[MetaConfig], Validate] = Validator,
) -> bool:
    """Meta-trains each variant with each seed, in one run folder each; runs are resumed, finished ones are skipped.

    A run that diverges is given up, the listener is notified, and the next one starts.

    Args:
        folder: of all runs; each is at `run_folder`.
        seeds: all variants are trained with the first one before any is with the next.
        minutes: for all of them together; none: no limit.
        listener: makes the listener of each run.
        validator: makes the validation; curves can be compared only if it does not depend on the variant.

    Returns:
        Whether all are finished.

    Raises:
        ValueError: a folder holds a run with another configuration or seed.
        KeyboardInterrupt, SystemExit: a signal ended it; the running variant has its checkpoint.
    """
    deadline = None if minutes is None else time.monotonic() + 60 * minutes
    are_finished = True
    for (name, changed), seed in ((item, seed) for seed in seeds for item in variants.items()):
        left = None if deadline is None else (deadline - time.monotonic()) / 60
        own = run_folder(folder, name, seed)
        if is_finished(own, changed):
            continue
        if left is not None and left <= 0:
            return False
        own_listener = listener(name, changed)
        try:
            result = run(
                changed, own, seed=seed, resume=(own / "config.json").exists(), minutes=left,
                validate=validator(changed), listener=own_listener,
            )  # fmt: skip
        except DivergenceError as error:
            own_listener.note(f"{name}, seed {seed}, is given up: {error}")
            are_finished = False
            continue
        if result.signal is not None:
            # Its checkpoint is written; the command ends by the same signal.
            raise KeyboardInterrupt if result.signal == signal.SIGINT else SystemExit(128 + result.signal)
        if not result.is_complete:
            return False
    return are_finished


def run_folder(folder: Path, name: str, seed: int) -> Path:
    """Where the run of a variant with a seed is."""
    return folder / name / f"seed-{seed}"


def is_finished(run: Path, config: MetaConfig) -> bool:
    """Whether a run folder has all the meta-updates of a configuration."""
    try:
        stored = json.loads((run / "config.json").read_text())["config"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    rows = read_metrics(run / "metrics.csv")
    is_same = stored == json.loads(json.dumps(dataclasses.asdict(config)))
    return is_same and bool(rows) and float(rows[-1]["meta_update"]) >= config.meta_updates


def validations(folder: Path, names: Sequence[str], seeds: Sequence[int]) -> Table:
    """Validation scores of the runs so far.

    Returns:
        Columns `variant`, `seed`, `meta_update`, `score`; runs without any validation have no row.
    """
    rows: list[dict[str, Any]] = []
    for name, seed in ((name, seed) for name in names for seed in seeds):
        for line in read_metrics(run_folder(folder, name, seed) / "metrics.csv"):
            if line["validation"] and np.isfinite(float(line["validation"])):
                row = {"meta_update": float(line["meta_update"]), "score": float(line["validation"])}
                rows.append({"variant": name, "seed": float(seed), **row})
    return make_table(rows) if rows else {n: np.zeros(0) for n in ("variant", "seed", "meta_update", "score")}
