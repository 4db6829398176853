"""Trackers, read back by their own readers."""

import json
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lpg.sinks import Sinks
from lpg.trackers import MLflow, TensorBoard, WeightsAndBiases, make_tracker, make_trackers

RUN = "a2c/gymnasium/my:Env(3)-v0/seed-0"
CONFIG = {"command": "train", "config": {"learning_rate": 0.5, "label": None}}


def report_to(tracker, folder):
    """Two trainings that each count from zero, one number that is not finite, a picture of one red pixel of two."""
    Image.fromarray(np.array([[[255, 0, 0], [0, 0, 255]]], np.uint8)).save(folder / "curves.png")
    with Sinks([tracker], pytest.fail) as sinks:
        sinks.start(CONFIG)
        sinks.row(10, {"return": 1.0, "loss": float("nan")}, RUN)
        sinks.row(20, {"return": 2.0}, RUN)
        sinks.row(10, {"return": 5.0})
        sinks.figure(folder / "curves.png")


def wandb_records(content):
    """Records of an offline file: 7 bytes, then the log format of LevelDB, blocks of 32 KiB with parts of records."""
    at, record = 7, b""
    while at + 7 <= len(content):
        if 32768 - at % 32768 < 7:  # no header fits into the rest of a block
            at += 32768 - at % 32768
            continue
        length, kind = int.from_bytes(content[at + 4 : at + 6], "little"), content[at + 6]
        record += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield record
            record = b""


def test_tensorboard_reads_what_was_logged(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    report_to(TensorBoard(tmp_path / "events"), tmp_path)
    training = EventAccumulator(str(tmp_path / "events" / "a2c" / "gymnasium" / "my-Env-3--v0" / "seed-0")).Reload()
    assert [(event.step, event.value) for event in training.Scalars("return")] == [(10, 1.0), (20, 2.0)]
    assert np.isnan(training.Scalars("loss")[0].value)
    whole = EventAccumulator(str(tmp_path / "events"), {"images": 0, "tensors": 0}).Reload()
    assert [(event.step, event.value) for event in whole.Scalars("return")] == [(10, 5.0)]
    assert b'"learning_rate": 0.5' in whole.Tensors("config/text_summary")[0].tensor_proto.string_val[0]
    assert (whole.Images("curves")[0].width, whole.Images("curves")[0].height) == (2, 1)


def test_event_files_of_many_trainings_need_no_thread_and_no_open_file(tmp_path):
    threads, files = threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))
    with Sinks([TensorBoard(tmp_path)], pytest.fail) as sinks:
        for seed in range(50):
            sinks.row(1, {"return": 1.0}, f"seed-{seed}")
        assert threading.active_count() == threads and len(list(Path("/proc/self/fd").iterdir())) == files
    assert len(list(tmp_path.glob("seed-*/events.out.tfevents.*"))) == 50


def test_event_files_that_cannot_be_written_do_not_cost_the_run(tmp_path):
    said = []
    (tmp_path / "seed-0").write_text("a file in the way")
    with Sinks([TensorBoard(tmp_path)], said.append) as sinks:
        for step in range(100):
            sinks.row(step, {"return": 1.0}, "seed-0")
    assert len(said) == 1 and "TensorBoard failed and is left out" in said[0]


@pytest.mark.filterwarnings("default")
def test_wandb_reads_what_was_logged_offline(tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="wandb and its 28 dependencies are not part of the development environment")
    from wandb.proto.wandb_internal_pb2 import Record

    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    report_to(WeightsAndBiases(tmp_path / "run"), tmp_path)
    (file,) = tmp_path.glob("run/wandb/offline-run-*/*.wandb")
    for _ in range(600):  # another process writes it, within a minute
        records = [Record.FromString(content) for content in wandb_records(file.read_bytes())]
        if "exit" in [record.WhichOneof("record_type") for record in records]:
            break
        time.sleep(0.1)
    rows, config = [], {}
    for record in records:
        if record.WhichOneof("record_type") == "history":
            items = {item.key or "/".join(item.nested_key): item.value_json for item in record.history.item}
            rows.append({key: json.loads(value) for key, value in items.items() if key[0] != "_"})
        # The configuration comes with the run, or in a record of its own.
        update = {"run": record.run.config.update, "config": record.config.update}
        for item in update.get(record.WhichOneof("record_type"), ()):
            config[item.key or item.nested_key[0]] = json.loads(item.value_json)
    assert config["config"]["learning_rate"] == 0.5
    assert rows[1] == {f"{RUN}/step": 20, f"{RUN}/return": 2.0} and rows[2] == {"step": 10, "return": 5.0}
    assert rows[3]["figures/curves/_type"] == "image-file"


@pytest.mark.filterwarnings("default")
def test_mlflow_reads_what_was_logged(tmp_path, monkeypatch):
    mlflow = pytest.importorskip(
        "mlflow", reason="mlflow and its dependencies are not part of the development environment"
    )
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/store.db")
    report_to(MLflow(tmp_path / "my run"), tmp_path)
    assert mlflow.active_run() is None
    (run,) = mlflow.search_runs(output_format="list")
    assert run.info.run_name == "my run" and run.info.status == "FINISHED"
    assert run.data.params["config/learning_rate"] == "0.5"
    history = mlflow.MlflowClient().get_metric_history(
        run.info.run_id, "a2c/gymnasium/my-Env-3--v0/seed-0/return"
    )  # fmt: skip
    assert [(metric.step, metric.value) for metric in history] == [(10, 1.0), (20, 2.0)]
    assert run.data.metrics["return"] == 5.0
    listed = mlflow.artifacts.list_artifacts(run_id=run.info.run_id, artifact_path="figures")
    assert [one.path for one in listed] == ["figures/curves.png"]


@pytest.mark.parametrize("name, package", [("tensorboard", "tensorboard"), ("wandb", "wandb"), ("mlflow", "mlflow")])
def test_a_tracker_whose_package_is_missing_says_what_to_install(name, package, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ValueError, match=rf"needs the package {package}, .*pip install 'lpg\[{name}\]'"):
        make_tracker(name, tmp_path)


def test_event_files_need_a_folder_and_a_tracker_is_made_once(tmp_path):
    with pytest.raises(ValueError, match="--log tensorboard given without --out"):
        make_tracker("tensorboard", None)
    assert len(make_trackers(["tensorboard", "tensorboard"], tmp_path)) == 1
