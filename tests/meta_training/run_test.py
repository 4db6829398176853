"""Run folders: what is written when, what a killed process leaves, and resumed runs that equal uninterrupted ones."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import lpg.meta_training.run as module
from lpg.meta_training.checkpoint import list_checkpoints, path_of
from lpg.meta_training.metrics import read_metrics
from lpg.meta_training.state import to_arrays
from lpg.meta_training.trainer import DivergenceError, provenance_of
from lpg.update_rules.rule_file import read_rule, save_rule
from tests.tiny_run import TINY, trainer

ROOT = Path(__file__).parents[2]


class Watcher:
    """Records its calls, and does something after a meta-update."""

    def __init__(self, after=None):
        self.notes, self.steps, self.after = [], [], after or {}

    def note(self, text: str) -> None:
        self.notes.append(text)

    def step(self, state, values, flags) -> None:
        self.steps.append(values["meta_update"])
        self.after.get(values["meta_update"], lambda: None)()


@pytest.fixture(autouse=True)
def programs_compiled_before(monkeypatch):
    monkeypatch.setattr(module, "Trainer", trainer)


def go(folder, *, watcher=None, scores=None, resume=False, minutes=None, seed=0, **changes):
    """A run of four meta-updates with a checkpoint at every second one."""
    scores = iter(scores or [0.5] * 100)
    return module.run(
        dataclasses.replace(TINY, **changes), folder, seed=seed, resume=resume, minutes=minutes,
        validate=lambda rule: next(scores), listener=watcher or Watcher(),
    )  # fmt: skip


def send(number):
    return lambda: os.kill(os.getpid(), number)


def assert_same(state, other) -> None:
    """All arrays are equal bit for bit, and all counters except the time."""
    (arrays, counters), (expected, expected_counters) = to_arrays(state), to_arrays(other)
    assert arrays.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(arrays[name], value, err_msg=name)
    assert counters | {"seconds": 0} == expected_counters | {"seconds": 0}


def without_clock(folder) -> list[dict[str, str]]:
    clock = ("seconds", "steps_per_second")
    return [{k: v for k, v in line.items() if k not in clock} for line in read_metrics(folder / "metrics.csv")]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "Trainer", trainer)
        return folder, go(folder)


def test_a_run_writes_all_files_of_a_run_folder(uninterrupted):
    folder, result = uninterrupted
    assert (result.is_complete, result.signal, result.state.counters.meta_update) == (True, None, 4)
    assert json.loads((folder / "config.json").read_text()) == {
        "config": json.loads(json.dumps(dataclasses.asdict(TINY))), "seed": 0,
    }  # fmt: skip
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == [
        "rule-000000.safetensors", "rule-000004.safetensors",
        "state-00000002.safetensors", "state-00000004.safetensors",
    ]  # fmt: skip
    assert [line["meta_update"] for line in read_metrics(folder / "metrics.csv")] == ["1", "2", "3", "4"]
    _, card = read_rule(folder / "rule.safetensors")
    # 5 lifetimes · 2 updates · 16 steps · 4 meta-updates = 640.
    assert (card["meta_updates"], card["environment_steps"], card["evaluation"]) == (4, 640, {"validation": 0.5})


KILLED = """
import os, pathlib, signal, sys
from lpg.meta_training.run import run
from tests.tiny_run import TINY
class Killed:
    def note(self, text): pass
    def step(self, state, values, flags):
        if values["meta_update"] == 3:
            os.kill(os.getpid(), signal.SIGKILL)
run(TINY, pathlib.Path(sys.argv[1]), seed=0, resume=False, minutes=None, validate=lambda rule: 0.5, listener=Killed())
"""


def test_a_killed_run_that_is_resumed_equals_an_uninterrupted_one_bit_for_bit(uninterrupted, tmp_path):
    folder = tmp_path / "run"
    process = subprocess.run([sys.executable, "-c", KILLED, str(folder)], cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == -signal.SIGKILL, process.stderr
    # Killed after meta-update 3: the checkpoint is of 2, and the third row is of lost work.
    assert list_checkpoints(folder)[-1] == path_of(folder, 2)
    assert len(read_metrics(folder / "metrics.csv")) == 3
    watcher = Watcher()
    result = go(folder, resume=True, watcher=watcher)
    assert watcher.steps == [3, 4]
    assert any("resumed from" in note and "meta-update 2" in note for note in watcher.notes)
    expected_folder, expected = uninterrupted
    assert_same(result.state, expected.state)
    assert without_clock(folder) == without_clock(expected_folder)
    for name in ("rule.safetensors", "checkpoints/rule-000004.safetensors"):
        assert (folder / name).read_bytes() == (expected_folder / name).read_bytes()
    # The twin: another seed gives another run.
    other = go(tmp_path / "other", seed=1)
    with pytest.raises(AssertionError):
        assert_same(other.state, expected.state)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("at", [1, 2])
def test_a_signal_leaves_a_checkpoint_of_the_last_meta_update_and_nothing_is_repeated(
    number, at, uninterrupted, tmp_path
):
    watcher = Watcher({at: send(number)})
    result = go(tmp_path, watcher=watcher)
    assert (result.signal, result.is_complete, watcher.steps[-1]) == (number, False, at)
    assert list_checkpoints(tmp_path)[-1] == path_of(tmp_path, at)
    watcher = Watcher()
    result = go(tmp_path, resume=True, watcher=watcher)
    assert (result.signal, result.is_complete, watcher.steps[0]) == (None, True, at + 1)
    assert_same(result.state, uninterrupted[1].state)
    assert without_clock(tmp_path) == without_clock(uninterrupted[0])


def test_a_second_signal_stops_at_once_and_the_old_handlers_are_restored(tmp_path):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    def twice():
        send(signal.SIGTERM)()
        send(signal.SIGTERM)()

    with pytest.raises(KeyboardInterrupt):
        go(tmp_path, watcher=Watcher({1: twice}))
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_at_the_time_limit_it_stops_cleanly_and_can_be_resumed(uninterrupted, tmp_path):
    result = go(tmp_path, minutes=1e-9)
    assert (result.is_complete, result.signal, result.state.counters.meta_update) == (False, None, 0)
    assert list_checkpoints(tmp_path) == [path_of(tmp_path, 0)]
    assert_same(go(tmp_path, resume=True, minutes=60.0).state, uninterrupted[1].state)


def test_a_complete_run_that_is_resumed_has_nothing_to_do(uninterrupted):
    watcher = Watcher()
    folder, expected = uninterrupted
    before = (folder / "metrics.csv").read_bytes()
    result = go(folder, resume=True, watcher=watcher)
    assert (result.is_complete, watcher.steps) == (True, [])
    assert_same(result.state, expected.state)
    assert (folder / "metrics.csv").read_bytes() == before


def test_a_run_from_before_a_field_was_added_goes_on_with_its_default(uninterrupted, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(uninterrupted[0], folder)
    content = json.loads((folder / "config.json").read_text())
    del content["config"]["es_std"]
    (folder / "config.json").write_text(json.dumps(content))
    assert go(folder, resume=True).is_complete
    # The twin: another value than the default is another run's.
    with pytest.raises(ValueError, match="es_std = 0.1, not 0.2"):
        go(folder, resume=True, es_std=0.2)


def test_a_folder_that_holds_a_run_is_refused_with_both_solutions(uninterrupted):
    with pytest.raises(
        ValueError, match="already holds a run; continue it with --resume, or start a new one with another --out"
    ):
        go(uninterrupted[0])


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"seed": 1}, "seed = 0, not 1; resume it with its own configuration"),
        ({"checkpoint_every": 3}, "checkpoint_every = 2, not 3"),
    ],
)
def test_a_run_with_another_configuration_or_seed_is_not_resumed(changes, words, uninterrupted):
    with pytest.raises(ValueError, match=words):
        go(uninterrupted[0], resume=True, **changes)


def test_a_folder_without_a_run_is_refused_and_not_changed(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    for resume in (False, True):
        with pytest.raises(ValueError, match="is not empty and holds no run; choose another --out"):
            go(tmp_path, resume=resume)
    with pytest.raises(ValueError, match="is a file; choose another --out"):
        go(tmp_path / "thesis.txt")
    assert os.listdir(tmp_path) == ["thesis.txt"]


def test_an_inconsistent_configuration_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match="share_bandit needs normalise_bandit"):
        go(tmp_path / "run", share_bandit=True)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"config": 3, "seed": 0}'])
def test_a_damaged_config_is_refused(content, tmp_path):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(ValueError, match="config.json is damaged"):
        go(tmp_path, resume=True)


def test_an_unfinished_write_is_reported_and_removed(uninterrupted, tmp_path):
    go(tmp_path, watcher=Watcher({2: send(signal.SIGTERM)}))
    torn = path_of(tmp_path, 3).with_name("state-00000003.safetensors.17-abcd.tmp")
    torn.write_bytes(b"half")
    watcher = Watcher()
    result = go(tmp_path, resume=True, watcher=watcher)
    assert any("state-00000003.safetensors.17-abcd.tmp, an unfinished write" in note for note in watcher.notes)
    assert not torn.exists()
    assert_same(result.state, uninterrupted[1].state)


def test_a_damaged_checkpoint_is_refused_and_the_last_good_one_works(uninterrupted, tmp_path):
    go(tmp_path)
    newest = path_of(tmp_path, 4)
    newest.write_bytes(newest.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"state-00000004.*the last good checkpoint is .*state-00000002.*: remove"):
        go(tmp_path, resume=True)
    newest.unlink()
    assert_same(go(tmp_path, resume=True).state, uninterrupted[1].state)


def test_a_run_that_was_killed_before_its_first_checkpoint_starts_again(uninterrupted, tmp_path):
    (tmp_path / "config.json").write_bytes((uninterrupted[0] / "config.json").read_bytes())
    assert_same(go(tmp_path, resume=True).state, uninterrupted[1].state)


def test_a_diverged_run_keeps_the_checkpoint_from_before(tmp_path, monkeypatch):
    def diverging(config, seed):
        one = trainer(config, seed)
        healthy = one.meta_update

        def meta_update(state):
            if state.counters.meta_update == 3:
                raise DivergenceError("η is not finite")
            return healthy(state)

        one.meta_update = meta_update
        return one

    monkeypatch.setattr(module, "Trainer", diverging)
    with pytest.raises(DivergenceError):
        go(tmp_path)
    assert list_checkpoints(tmp_path)[-1] == path_of(tmp_path, 2)
    assert len(read_metrics(tmp_path / "metrics.csv")) == 3


@pytest.mark.parametrize(
    "scores, best, score",
    [
        ([0.1, 0.9, 0.4, 0.5], 2, 0.9),
        ([0.1, 0.2, 0.3, 0.4], 4, 0.4),
        ([0.5, 0.5, 0.5, 0.5], 1, 0.5),  # the first of equal scores
        ([0.1, np.nan, 0.3, np.nan], 3, 0.3),  # NaN never replaces a number
        ([np.nan, 0.1, np.nan, np.nan], 2, 0.1),
        ([np.nan] * 4, 4, -np.inf),  # only NaN: the newest
    ],
)
def test_the_best_validated_eta_becomes_the_rule(scores, best, score, tmp_path):
    result = go(tmp_path, scores=scores, validation_every=1)
    assert (result.state.counters.best_update, result.state.counters.best_score) == (best, score)
    assert read_rule(tmp_path / "rule.safetensors")[1]["meta_updates"] == best
    kept = sorted(path.name for path in (tmp_path / "checkpoints").glob("rule-*"))
    assert kept == [f"rule-{number:06d}.safetensors" for number in range(5)]


def test_the_best_score_is_kept_when_a_run_is_resumed(tmp_path):
    go(tmp_path, scores=[0.9, 0.1], validation_every=1, watcher=Watcher({2: send(signal.SIGTERM)}))
    result = go(tmp_path, resume=True, scores=[0.2, 0.8], validation_every=1)
    assert (result.state.counters.best_update, result.state.counters.best_score) == (1, 0.9)
    assert [line["validation"] for line in read_metrics(tmp_path / "metrics.csv")] == ["0.9", "0.1", "0.2", "0.8"]


@pytest.mark.parametrize("resume", [False, True])
def test_a_missing_initial_rule_is_refused_before_anything_is_written(resume, tmp_path):
    with pytest.raises(ValueError, match="nowhere.safetensors: no such file"):
        go(tmp_path / "run", resume=resume, initial_rule="nowhere.safetensors")
    assert not (tmp_path / "run").exists()


def test_the_card_keeps_from_what_a_rule_began_through_runs_and_resumes(uninterrupted, tmp_path):
    assert read_rule(uninterrupted[0] / "rule.safetensors")[1]["origin"] == "random initialisation"
    # A rule that says that it was fitted, as one of the objective "imitate" does.
    rule, card = read_rule(uninterrupted[0] / "rule.safetensors")
    fitted = tmp_path / "fitted.safetensors"
    save_rule(fitted, rule, card | {"origin": "fitted to a2c-categorical"})
    go(tmp_path / "run", meta_updates=2, initial_rule=str(fitted), validation_every=1)
    each = card["environment_steps"] // card["meta_updates"]
    for name, steps in (("rule-000000", 0), ("rule-000002", 2 * each)):
        after = read_rule(tmp_path / "run" / "checkpoints" / f"{name}.safetensors")[1]
        assert after["origin"] == "fitted to a2c-categorical"
        # Steps are all that η ever saw, not only those of the last run.
        assert after["environment_steps"] == card["environment_steps"] + steps
    # A rule that was meta-trained from that one; and the file may go before the run is resumed.
    second = {"initial_rule": str(tmp_path / "run"), "validation_every": 2}
    go(tmp_path / "again", minutes=0.0, **second)
    (tmp_path / "run" / "checkpoints" / "rule-000000.safetensors").unlink()
    go(tmp_path / "again", resume=True, **second)
    found = read_rule(tmp_path / "again" / "rule.safetensors")[1]
    assert found["origin"] == "fitted to a2c-categorical"
    before = read_rule(tmp_path / "run" / "rule.safetensors")[1]["environment_steps"]
    assert found["environment_steps"] == before + each * found["meta_updates"]


def test_the_objective_to_imitate_is_the_origin_of_its_rule(uninterrupted):
    fit = dataclasses.replace(TINY, objective="imitate", num_updates=1)
    assert provenance_of(fit).origin == "fitted to a2c-categorical"
    assert provenance_of(TINY).origin == "random initialisation"
    # A rule from random weights that is then fitted is a fitted one.
    later = dataclasses.replace(fit, initial_rule=str(uninterrupted[0]))
    assert provenance_of(later).origin == "fitted to a2c-categorical" and provenance_of(later).environment_steps > 0
