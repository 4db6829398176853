"""A meta-training in a run folder: start or resume, checkpoints, validation, metrics, and a clean stop."""

import contextlib
import dataclasses
import json
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from lpg.arrays import leaf_names
from lpg.environments.registry import suite
from lpg.meta_training.audit import Audit
from lpg.meta_training.checkpoint import (
    path_of,
    read_checkpoint,
    write_checkpoint,
)
from lpg.meta_training.config import MetaConfig
from lpg.meta_training.metrics import MetricsFile, row, terms_of
from lpg.meta_training.run_folder import AUDIT_FILE, Listener, open_folder, save_average, write_flags
from lpg.meta_training.state import MetaState, init_bandit
from lpg.meta_training.trainer import (
    Provenance,
    Trainer,
    check_own_parts,
    initial_rule,
    provenance_of,
    random_rule,
)
from lpg.processes import fetch, is_first, largest
from lpg.update_rules.base import Rule
from lpg.update_rules.rule_file import read_rule
from lpg.update_rules.ta_lpg import TIME_LEAVES

GO_ON, OUT_OF_TIME = 0, 1
"""What processes agree on before every meta-update; or the number of a signal, all of which are above 1."""


@dataclasses.dataclass(frozen=True)
class RunResult:
    """State at the end of a call of `run`, and why it ended."""

    state: MetaState
    signal: int | None
    """The signal that stopped the run, or none."""
    is_complete: bool
    """Whether all meta-updates of the configuration are done."""
    flags: list[str]
    """Flags of the audit at the end."""


def run(
    config: MetaConfig,
    folder: Path,
    *,
    seed: int,
    resume: bool,
    minutes: float | None,
    validate: Callable[[Rule], float],
    listener: Listener,
) -> RunResult:
    """Meta-trains into a run folder; of several processes, which must all see it, the first one writes.

    Args:
        config: the meta-training.
        folder: created if it does not exist; a folder that holds a run is refused without `resume`.
        seed: of everything random.
        resume: continue from the newest checkpoint, with the same result as an uninterrupted run, bit for bit.
        minutes: stop cleanly after this wall-clock time, compilation included; none: no limit.
        validate: η → score on validation environments; the best η becomes `rule.safetensors`.
        listener: callbacks.

    Raises:
        ValueError: the folder holds another run, or its newest checkpoint is damaged or of another run.
        DivergenceError: η is not finite, or too many lifetimes diverged; the newest checkpoint is from before.
        OSError: a file could not be written; files written before are complete.
    """
    deadline = None if minutes is None else time.monotonic() + 60 * minutes
    stored = json.loads(json.dumps(dataclasses.asdict(config)))
    init_bandit(config, suite(config.suite))  # raises an error before anything is written, as all of this does
    rule = random_rule(config, seed) if (folder / "config.json").exists() else initial_rule(config, seed)
    check_own_parts(config, rule)
    newest = largest(open_folder(folder, stored, seed, resume, listener) if is_first() else -1)
    listener.note("compiling")
    trainer = Trainer(config, seed)
    first = folder / "checkpoints" / "rule-000000.safetensors"
    if newest >= 0:
        # The initial rule may have moved since.
        trainer.provenance = Provenance.of_card(read_rule(first)[1]) if first.is_file() else Provenance()
        state = read_checkpoint(path_of(folder, newest), trainer.template(), stored, seed)
        listener.note(f"resumed from {path_of(folder, newest)} at meta-update {newest}")
    else:
        trainer.provenance = provenance_of(config)
        state = trainer.init()
        save_average(first, state, trainer, stored, None)
        save_average(folder / "rule.safetensors", state, trainer, stored, None)
        write_checkpoint(folder, state, stored, seed)
    metrics = None
    if is_first():
        metrics = MetricsFile(folder / "metrics.csv", trainer.names, max(newest, 0), terms_of(config))
    has_entropy = rule.discovers_predictions and config.rule != "lpg-no-softmax"
    trained = TIME_LEAVES if config.trained_weights == "time" else None
    audit = Audit(leaf_names(state.rule), rule.prediction_size if has_entropy else 1, trained=trained)
    flags: list[str] = []
    stop = GO_ON
    try:
        with _signals() as received:
            while True:
                is_over = deadline is not None and time.monotonic() > deadline
                stop = largest(received[0] if received else OUT_OF_TIME if is_over else GO_ON)
                if stop != GO_ON or state.counters.meta_update >= config.meta_updates:
                    break
                flags = _one_update(trainer, state, config, stored, folder, metrics, audit, validate, listener)
    finally:
        if metrics is not None:
            metrics.close()
    if largest(is_first() and not path_of(folder, state.counters.meta_update).exists()):
        write_checkpoint(folder, state, stored, seed)
    return RunResult(
        state=state,
        signal=stop if stop not in (GO_ON, OUT_OF_TIME) else None,
        is_complete=state.counters.meta_update >= config.meta_updates,
        flags=flags,
    )


def _one_update(
    trainer: Trainer,
    state: MetaState,
    config: MetaConfig,
    stored: dict[str, Any],
    folder: Path,
    metrics: MetricsFile | None,
    audit: Audit,
    validate: Callable[[Rule], float],
    listener: Listener,
) -> list[str]:
    """One meta-update, with metrics, validation and checkpoint if due; returns the flags of the audit."""
    start, steps_before = time.monotonic(), state.counters.environment_steps
    report = trainer.meta_update(state)
    counters = state.counters
    duration = time.monotonic() - start
    counters.seconds += duration
    audit.observe(report)
    values = row(
        report,
        terms_of(config),
        meta_update=counters.meta_update,
        environment_steps=counters.environment_steps,
        seconds=counters.seconds,
        steps_per_second=(counters.environment_steps - steps_before) / duration,
        deterministic_resets=counters.deterministic,
        dropped=counters.dropped,
    )
    is_end = counters.meta_update == config.meta_updates
    if is_validation_due(config, counters.meta_update):
        values["validation"] = _validate(trainer, state, stored, folder, validate, listener)
    if metrics is not None:
        metrics.append(values)
    if is_end or counters.meta_update % config.checkpoint_every == 0:
        write_checkpoint(folder, state, stored, trainer.seed)
    flags = audit.flags()
    if is_first():
        write_flags(folder / AUDIT_FILE, flags)
    listener.step(state, values, flags)
    return flags


def is_validation_due(config: MetaConfig, meta_update: int) -> bool:
    """Whether a run validates after this meta-update."""
    return meta_update == config.meta_updates or meta_update % config.validation_every == 0


def _validate(
    trainer: Trainer,
    state: MetaState,
    stored: dict[str, Any],
    folder: Path,
    validate: Callable[[Rule], float],
    listener: Listener,
) -> float:
    """Scores the running mean of η and saves it; the best so far is the run's rule."""
    start = time.monotonic()
    counters = state.counters
    # Every process has to, because none may wait long for another; the score of the first one counts.
    score = validate(jax.tree.map(jnp.asarray, fetch(state.average)))
    # A score of NaN (no episode ended) never replaces a number.
    is_best = score > counters.best_score or counters.best_score == float("-inf")
    if is_best:
        counters.best_score = float("-inf") if math.isnan(score) else score
        counters.best_update = counters.meta_update
    save_average(folder / "checkpoints" / f"rule-{counters.meta_update:06d}.safetensors", state, trainer, stored, score)
    if is_best:
        save_average(folder / "rule.safetensors", state, trainer, stored, score)
    counters.seconds += time.monotonic() - start
    listener.note(f"meta-update {counters.meta_update}: validation {score:.3f}{' (best so far)' if is_best else ''}")
    return score


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """Records SIGINT and SIGTERM instead of stopping at once; a second signal raises KeyboardInterrupt.

    Outside the main thread Python allows no handlers, and signals go where they went.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    def record(number: int, frame: object) -> None:
        received.append(number)
        if len(received) > 1:
            raise KeyboardInterrupt

    old = {number: signal.signal(number, record) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
