"""Sinks for experiment trackers: TensorBoard, Weights & Biases, MLflow (`--log`)."""

import json
import os
import re
import time
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
    """Event files for `tensorboard --logdir FOLDER`: each training in a folder of its own, so that curves overlay.

    Every row is appended to its file at once, and no file stays open: an evaluation may have hundreds of trainings, and
    the usual writers have a thread and an open file for each, and notice late or never that a disk is full.
    """

    def __init__(self, folder: str | Path) -> None:
        """Writes nothing yet.

        Raises:
            ValueError: tensorboard is not installed.
        """
        import_optional("tensorboard", "TensorBoard")
        self._events, self._summaries, self._records = (
            import_optional(f"tensorboard.{name}", "TensorBoard")
            for name in ("compat.proto.event_pb2", "compat.proto.summary_pb2", "summary.writer.record_writer")
        )
        # No other process, and none that went before, has a file of this name.
        self._folder, self._name = Path(folder), f"events.out.tfevents.{time.time_ns() // 10**9}.{os.getpid()}.lpg"

    def start(self, config: Mapping[str, Any]) -> None:
        """The configuration as a text."""
        lines = json.dumps(config, indent=2, default=str).splitlines()
        text = "\n".join(f"    {line}" for line in lines).encode()
        kind = {"plugin_data": {"plugin_name": "text"}}
        tensor = {"dtype": "DT_STRING", "string_val": [text], "tensor_shape": {"dim": [{"size": 1}]}}
        self._append("", 0, {"tag": "config/text_summary", "metadata": kind, "tensor": tensor})

    def row(self, step: int, values: Mapping[str, float], run: str) -> None:
        """A scalar for each value."""
        self._append(run, step, *({"tag": name, "simple_value": float(value)} for name, value in values.items()))

    def figure(self, path: Path) -> None:
        """An image."""
        from PIL import Image

        with Image.open(path) as picture:
            width, height = picture.size
        image = {"width": width, "height": height, "colorspace": 3, "encoded_image_string": path.read_bytes()}
        self._append("", 0, {"tag": path.stem, "image": image})

    def _append(self, run: str, step: int, *values: dict[str, Any]) -> None:
        path = self._folder / _allowed(run) / self._name
        path.parent.mkdir(parents=True, exist_ok=True)
        summary = self._summaries.Summary(value=[self._summaries.Summary.Value(**value) for value in values])
        events = [self._events.Event(wall_time=time.time(), step=step, summary=summary)]
        with open(path, "ab") as file:
            if file.tell() == 0:
                events.insert(0, self._events.Event(wall_time=time.time(), file_version="brain.Event:2"))
            for event in events:
                self._records.RecordWriter(file).write(event.SerializeToString())


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
