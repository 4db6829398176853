"""`lpg.meta_train`: discovers a rule into a run folder, with figure and report."""

import contextlib
import dataclasses
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lpg.analysis.meta_run import save_figure, write_report
from lpg.evaluation.validation import Validator
from lpg.files import claimed
from lpg.meta_training.config import MetaConfig
from lpg.meta_training.config_file import load_config, make_config
from lpg.meta_training.logging import LoggingListener
from lpg.meta_training.run import RunResult, run
from lpg.meta_training.run_folder import Listener
from lpg.processes import is_first
from lpg.sinks import Callback, Sinks, as_sink
from lpg.update_rules.base import Rule
from lpg.update_rules.registry import load_rule


@dataclasses.dataclass(frozen=True)
class MetaTrainingResult:
    """A run folder after a call of `meta_train`."""

    rule: Rule
    """The best rule so far by validation; `lpg.train` and `lpg.evaluate` take it."""
    folder: Path
    """config.json, metrics.csv, checkpoints, rule.safetensors, report.md, figures."""
    meta_updates: int
    """How many are done."""
    is_complete: bool
    """Whether these are all of the configuration; if not, `resume=True` goes on."""
    flags: list[str]
    """What the audit has to say."""


def meta_train(
    config: str | Path | MetaConfig,
    out: str | Path,
    *,
    changes: Mapping[str, Any] | None = None,
    seed: int = 0,
    resume: bool = False,
    minutes: int | float | None = None,
    callback: Callback | None = None,
) -> MetaTrainingResult:
    """Meta-trains a rule.

    Args:
        config: the name of a shipped configuration (`lpg.list_configs()`), a JSON file, or a `MetaConfig`.
        out: the run folder.
        changes: values of the configuration to change, by name.
        seed: of everything random.
        resume: go on with the run in the folder, with the same result as an uninterrupted run, bit for bit.
        minutes: stop cleanly after this wall-clock time, compilation included.
        callback: a function of (meta-update, values), called with each row of metrics.csv; or a sink, see `lpg.train`.

    Returns:
        The rule and how far the run is; Ctrl-C stops it cleanly, too.

    Raises:
        ValueError: there is no such configuration, a value is out of range, or the folder holds another run, or this
            one and `resume` is not given.
        RuntimeError: the meta-training diverged; the newest checkpoint is from before.
        OSError: a file could not be written.
    """
    if isinstance(config, MetaConfig):
        made = make_config({**dataclasses.asdict(config), **(changes or {})})
    else:
        made = load_config(str(config), changes or {})
    with Sinks([] if callback is None else [as_sink(callback)], _warn) as sinks:
        result = run_in_folder(
            made, Path(out), seed=seed, resume=resume, minutes=minutes, listener=_Silent(), sinks=sinks
        )  # fmt: skip
    return MetaTrainingResult(
        rule=load_rule(out),
        folder=Path(out),
        meta_updates=result.state.counters.meta_update,
        is_complete=result.is_complete,
        flags=result.flags,
    )


def run_in_folder(
    config: MetaConfig, folder: Path, *, seed: int, resume: bool, minutes: int | float | None, listener: Listener,
    sinks: Sinks,
) -> RunResult:  # fmt: skip
    """`lpg.meta_training.run.run` with validation; and, of the first process, sinks, figure and report."""
    if minutes is not None and not minutes > 0:
        raise ValueError(f"minutes is {minutes}; it must be positive")
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed is {seed}; it must lie in [0, 2**32)")
    if not is_first():
        listener, sinks = _Silent(), Sinks([], _warn)
    about = {"seed": seed, **dataclasses.asdict(config)}
    with claimed(folder) if is_first() else contextlib.nullcontext():
        result = run(
            config, folder, seed=seed, resume=resume, minutes=minutes, validate=Validator(config),
            listener=LoggingListener(listener, sinks, about),
        )  # fmt: skip
        if is_first():
            if result.state.counters.meta_update > 0:
                sinks.figure(save_figure(folder))
            write_report(folder, result.flags)
    return result


class _Silent:
    """A listener that shows nothing."""

    def note(self, text: str) -> None:
        """Nothing."""

    def step(self, state: Any, values: dict[str, Any], flags: list[str]) -> None:
        """Nothing."""


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=2)
