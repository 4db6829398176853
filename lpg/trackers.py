"""Sinks for experiment trackers: TensorBoard, Weights & Biases, MLflow (`--log`)."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from lpg.packages import import_optional
from lpg.sinks import BaseSink, Sink

Tracker = Literal["tensorboard", "wandb", "mlflow"]


def make_tracker(name: Tracker, folder: Path | None) -> Sink:
    """A tracker by name.

    Args:
        folder: of the run; none if it has none.

    Raises:
        ValueError: its package is not installed, or it needs a folder.
    """
    if name == "tensorboard":
        if folder is None:
            raise ValueError("--log tensorboard given without --out; its event files are written to OUT/tensorboard")
        return TensorBoard(folder / "tensorboard")
    return WeightsAndBiases(folder) if name == "wandb" else MLflow(folder)


def make_trackers(names: Sequence[Tracker], folder: Path | None) -> list[Sink]:
    """Trackers by name, each once."""
    return [make_tracker(name, folder) for name in dict.fromkeys(names)]


class TensorBoard(BaseSink):
    """Event files for `tensorboard --logdir FOLDER`: each training in a folder of its own, so that curves overlay."""

    def __init__(self, folder: str | Path) -> None:
        """Writes nothing yet.

        Raises:
            ValueError: tensorboardX is not installed.
        """
        self._package = import_optional("tensorboardX", "TensorBoard")
        self._folder, self._writers = Path(folder), {}

    def start(self, config: Mapping[str, Any]) -> None:
        """The configuration as a text."""
        lines = json.dumps(config, indent=2, default=str).splitlines()
        self._writer("").add_text("config", "\n".join(f"    {line}" for line in lines))

    def row(self, step: int, values: Mapping[str, float], run: str) -> None:
        """A scalar for each value."""
        for name, value in values.items():
            self._writer(run).add_scalar(name, value, step)

    def figure(self, path: Path) -> None:
        """An image."""
        import numpy as np
        from PIL import Image

        with Image.open(path) as picture:
            self._writer("").add_image(path.stem, np.asarray(picture.convert("RGB")), dataformats="HWC")

    def close(self) -> None:
        """Flushes."""
        for writer in self._writers.values():
            writer.close()

    def _writer(self, run: str) -> Any:
        if run not in self._writers:
            self._writers[run] = self._package.SummaryWriter(str(self._folder / _allowed(run)), flush_secs=10)
        return self._writers[run]


class WeightsAndBiases(BaseSink):
    """A run of Weights & Biases, configured by its own variables (`WANDB_MODE=offline`, `WANDB_PROJECT`, …)."""

    def __init__(self, folder: str | Path | None = None) -> None:
        """Sends nothing yet.

        Args:
            folder: of the run, where wandb keeps its files; none: where it usually does.

        Raises:
            ValueError: wandb is not installed.
        """
        self._package = import_optional("wandb", "Weights & Biases")
        self._folder = None if folder is None else Path(folder)
        self._run: Any = None
        self._axes: set[str] = set()

    def start(self, config: Mapping[str, Any]) -> None:
        """Begins a run with this configuration."""
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
        name = None if self._folder is None else self._folder.resolve().name
        self._run = self._package.init(dir=self._folder, name=name, config=dict(config))

    def row(self, step: int, values: Mapping[str, float], run: str) -> None:
        """Logs them over an axis of their own, because several trainings count their steps from zero."""
        prefix = f"{run}/" if run else ""
        if run not in self._axes:
            self._axes.add(run)
            self._run.define_metric(f"{prefix}*", step_metric=f"{prefix}step")
        self._run.log({f"{prefix}step": step, **{f"{prefix}{name}": value for name, value in values.items()}})

    def figure(self, path: Path) -> None:
        """An image."""
        self._run.log({f"figures/{path.stem}": self._package.Image(str(path))})

    def close(self) -> None:
        """Ends the run."""
        if self._run is not None:
            self._run.finish()


class MLflow(BaseSink):
    """A run of MLflow, configured by its own variables (`MLFLOW_TRACKING_URI`, `MLFLOW_EXPERIMENT_NAME`, …)."""

    def __init__(self, folder: str | Path | None = None) -> None:
        """Writes nothing yet.

        Args:
            folder: of the run, which gives it its name.

        Raises:
            ValueError: mlflow is not installed.
        """
        self._package = import_optional("mlflow", "MLflow")
        self._name = None if folder is None else Path(folder).resolve().name
        self._id: str | None = None

    def start(self, config: Mapping[str, Any]) -> None:
        """Begins a run with this configuration as its parameters and as config.json."""
        nested = self._package.active_run() is not None  # a run that the user has begun
        self._id = self._package.start_run(run_name=self._name, nested=nested).info.run_id
        self._package.log_dict(json.loads(json.dumps(config, default=str)), "config.json")
        self._package.log_params({name: str(value)[:500] for name, value in _flat(config).items()})

    def row(self, step: int, values: Mapping[str, float], run: str) -> None:
        """A metric for each value."""
        prefix = f"{run}/" if run else ""
        metrics = {_allowed(f"{prefix}{name}"): float(value) for name, value in values.items()}
        self._package.log_metrics(metrics, step=step, run_id=self._id)

    def figure(self, path: Path) -> None:
        """An artifact."""
        self._package.log_artifact(str(path), "figures", run_id=self._id)

    def close(self) -> None:
        """Ends the run."""
        if self._id is not None:
            self._package.end_run()


def _flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values under names with slashes."""
    found: dict[str, Any] = {}
    for key, value in config.items():
        name = _allowed(f"{prefix}{key}")
        found |= _flat(value, f"{name}/") if isinstance(value, Mapping) else {name: value}
    return found


def _allowed(name: str) -> str:
    """A name of characters that folders and trackers take."""
    return re.sub(r"[^\w./ -]", "-", name)
