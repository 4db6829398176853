"""Rows of metrics.csv for sinks."""

import dataclasses

import pytest

import lpg.meta_training.run as module
from lpg.meta_training.logging import LoggingListener
from lpg.meta_training.metrics import read_metrics
from lpg.sinks import Sinks
from tests.helpers import Diary
from tests.tiny_run import TINY, trainer


class Watcher:
    def __init__(self):
        self.notes, self.steps = [], []

    def note(self, text):
        self.notes.append(text)

    def step(self, state, values, flags):
        self.steps.append(values["meta_update"])


def go(folder, diary, resume=False, **changes):
    watcher, config = Watcher(), dataclasses.replace(TINY, validation_every=2, **changes)
    with Sinks([diary], pytest.fail) as sinks:
        listener = LoggingListener(watcher, sinks, {"suite": config.suite})
        module.run(config, folder, seed=0, resume=resume, minutes=None, validate=lambda rule: 0.5, listener=listener)
    return watcher


def test_sinks_get_what_metrics_csv_holds(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "Trainer", trainer)
    diary = Diary()
    watcher = go(tmp_path, diary)
    assert watcher.steps == [1, 2, 3, 4] and "compiling" in watcher.notes
    assert diary.lines[0] == ("start", {"suite": TINY.suite}) and diary.lines[-1] == ("close",)
    rows = [line for line in diary.lines if line[0] == "row"]
    table = read_metrics(tmp_path / "metrics.csv")
    assert [step for _, step, _, _ in rows] == [1, 2, 3, 4] == [int(line["meta_update"]) for line in table]
    for (_, _, values, run), line in zip(rows, table, strict=True):
        assert run == "" and values.pop("audit_flags") >= 0
        written = {name: float(cell) for name, cell in line.items() if cell and name != "meta_update"}
        # The file has eight significant digits.
        assert values == pytest.approx(written, rel=1e-6, nan_ok=True)
    assert "validation" in rows[1][2] and "validation" not in rows[0][2]


def test_a_run_that_is_refused_leaves_no_trace(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "Trainer", trainer)
    (tmp_path / "config.json").write_text("{}")
    diary = Diary()
    with pytest.raises(ValueError, match="already holds a run"):
        go(tmp_path, diary)
    assert diary.lines == [("close",)]
