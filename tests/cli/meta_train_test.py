"""`lpg meta-train`: what it prints and leaves, how it stops, and one line for every mistake."""

import errno
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import lpg.meta_training.run as run_module
from lpg.cli.main import main
from lpg.cli.meta_train import LEGEND, MetaProgress
from lpg.meta_training.checkpoint import list_checkpoints, path_of
from lpg.meta_training.metrics import read_metrics, row
from tests.tiny_run import config_file, report, trainer

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path):
    """Programs compiled before, a validation that costs nothing, and a folder of one's own."""
    monkeypatch.setattr(run_module, "Trainer", trainer)
    monkeypatch.setattr("lpg.analysis.meta_train.Validator", lambda config: validate)
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    validate.calls.clear()


def validate(rule) -> float:
    validate.calls.append(rule)
    validate.after.get(len(validate.calls), lambda: None)()
    return 0.25


validate.calls, validate.after = [], {}


@pytest.fixture
def config(tmp_path):
    return config_file(tmp_path / "tiny.json", validation_every=1)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_it_leaves_a_run_folder_and_says_what_came_of_it(config, tmp_path, capsys):
    assert main(["meta-train", config, "--json", "summary.json"]) == 0
    out, err = capsys.readouterr()
    folder = tmp_path / "runs" / "tiny"
    assert {"config.json", "metrics.csv", "rule.safetensors", "report.md", "figures/meta_training.png"} <= set(
        files(folder)
    )
    assert "4 of 4 meta-updates" in out and "best validation 0.250, at meta-update 1" in out
    assert (folder / "report.md").read_text() in out
    assert "go on with" not in out
    assert "compiling" in err and "meta-update 4/4" in err
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert (summary["meta_update"], summary["best_score"], summary["run"]) == (4, 0.25, "runs/tiny")


@pytest.mark.thorough
@pytest.mark.parametrize("number, status", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_leaves_a_checkpoint_and_the_command_that_goes_on(
    number, status, config, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(validate, "after", {3: lambda: os.kill(os.getpid(), number)})
    assert main(["meta-train", config, "--set", "checkpoint_every=100", "--out", "my run"]) == status
    assert list_checkpoints(tmp_path / "my run")[-1] == path_of(tmp_path / "my run", 3)
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "go on with" in line]
    assert line.startswith("stopped at meta-update 3 of 4; go on with: lpg meta-train ")
    # What it says is what works, spaces and all.
    assert main(shlex.split(line.split("go on with: ")[1])[1:]) == 0
    out, err = capsys.readouterr()
    assert "4 of 4 meta-updates" in out and "resumed from" in err
    assert [line["meta_update"] for line in read_metrics(tmp_path / "my run" / "metrics.csv")] == ["1", "2", "3", "4"]


@pytest.mark.thorough
def test_a_plan_is_printed_and_no_folder_is_made(config, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("lpg.meta_training.plan.Trainer", trainer)
    monkeypatch.setattr("lpg.evaluation.validation.Validator", lambda config: validate)
    before = files(tmp_path)
    assert main(["meta-train", config, "--plan", "--memory-gb", "64", "--json", "plan.json"]) == 0
    out, err = capsys.readouterr()
    assert "programs: 3 for 1 group, on 2 devices (cpu)" in out and "it fits into 64 GB" in out
    assert " for 4 meta-updates and 4 validations of " in out and "lpg: measuring" in err
    assert set(files(tmp_path)) - set(before) - {"cache"} == {"plan.json"}
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert (plan["updates_left"], plan["steps_per_update"]) == (4, 160)
    # Of a run that has begun, what is left.
    assert main(["meta-train", config, "--minutes", "1e-9"]) == 0
    monkeypatch.setattr(validate, "after", {len(validate.calls) + 2: lambda: os.kill(os.getpid(), signal.SIGTERM)})
    assert main(["meta-train", config, "--resume"]) == 143
    capsys.readouterr()
    assert main(["meta-train", config, "--resume", "--plan"]) == 0
    assert " for 2 meta-updates and 2 validations of " in capsys.readouterr().out


def test_when_the_minutes_are_over_that_is_no_failure(config, capsys):
    assert main(["meta-train", config, "--out", "run", "--minutes", "1e-9"]) == 0
    assert "stopped at meta-update 0 of 4; go on with" in capsys.readouterr().out
    assert main(["meta-train", config, "--out", "run", "--resume"]) == 0
    assert "4 of 4" in capsys.readouterr().out


BAD_INPUT = {
    "smok": "unknown configuration 'smok'; did you mean 'smoke'?",
    "nothing.json": "there is no configuration file nothing.json",
    "broken.json": "broken.json is not valid JSON",
    "list.json": "holds a JSON list",
    "wrong.json": 'lstm_size is "8"; expected int, got str',
    "": "Missing",
    "tiny.json --set lstm_sise=8": "unknown key 'lstm_sise'; did you mean 'lstm_size'?",
    "tiny.json --set lstm_size": "key=value is needed",
    "tiny.json --set lstm_size=0": "lstm_size is 0; expected int >= 1",
    "tiny.json --set gammas=[2]": "gammas is [2]; expected float < 1.0 - at $[0] (0 ≤ γ < 1, because",
    "tiny.json --set suite=chian": "did you mean 'chain'",
    "tiny.json --set meta_learning_rate=NaN": 'meta_learning_rate is "NaN"; expected float, got str',
    "tiny.json --set share_bandit=true": "share_bandit needs normalise_bandit",
    "tiny.json --minutes 0": "minutes is 0.0; it must be positive",
    "tiny.json --minutes nan": "minutes is nan",
    "tiny.json --minutes soon": "soon",
    "tiny.json --seed -1": "seed is -1; it must lie in",
    "tiny.json --seed 4294967296": "seed is 4294967296; it must lie in",
    "tiny.json --memory-gb 3": "memory-gb is 3.0; it must be positive, and belongs to --plan",
    "tiny.json --plan --memory-gb 0": "memory-gb is 0.0; it must be positive",
    "tiny.json --plan --set suite=chian": "did you mean 'chain'",
    "tiny.json --seeds 3": "did you mean --seed",
    "tiny.json --out list.json": "list.json is a file",
    "tiny.json --out full": "full is not empty and holds no run",
    "tiny.json --out full --resume": "full is not empty and holds no run",
}


@pytest.mark.parametrize("command", BAD_INPUT)
def test_bad_input_is_one_line_and_status_2_and_nothing_is_written(command, config, tmp_path, capsys):
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "wrong.json").write_text('{"lstm_size": "8"}')
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    before = files(tmp_path)
    assert main(["meta-train", *command.split()]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith("lpg: ")
    assert BAD_INPUT[command] in err
    assert files(tmp_path) == before


def test_a_folder_that_holds_a_run_is_refused_with_both_ways_out(config, tmp_path, capsys):
    assert main(["meta-train", config]) == 0
    before = {name: (tmp_path / name).read_bytes() for name in files(tmp_path) if (tmp_path / name).is_file()}
    capsys.readouterr()
    for more, words in (
        ([], "already holds a run; continue it with --resume, or start a new one with another --out"),
        (["--resume", "--seed", "1"], "holds a run with seed = 0, not 1"),
        (["--resume", "--set", "checkpoint_every=3"], "checkpoint_every = 2, not 3"),
    ):
        assert main(["meta-train", config, *more]) == 2
        out, err = capsys.readouterr()
        assert out == "" and err.count("\n") == 1 and words in err
    assert {name: (tmp_path / name).read_bytes() for name in before} == before


@pytest.mark.thorough
def test_a_full_disk_is_one_line_and_status_1_and_the_earlier_checkpoint_works(config, tmp_path, capsys, monkeypatch):
    replace = os.replace

    def full(source, target):
        if "state-00000004" in str(target):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        assert main(["meta-train", config, "--out", "run"]) == 1
    err = capsys.readouterr().err
    assert re.search(r"^lpg: .*No space left on device: .*state-00000004\.safetensors'$", err.splitlines()[-1])
    assert err.count("lpg: ") == 1 and "Traceback" not in err
    assert list_checkpoints(tmp_path / "run")[-1] == path_of(tmp_path / "run", 2)
    assert main(["meta-train", config, "--out", "run", "--resume"]) == 0


def test_a_run_without_a_future_is_one_line_and_status_1(config, capsys, monkeypatch):
    from lpg.meta_training.trainer import DivergenceError

    def diverging(configuration, seed):
        one = trainer(configuration, seed)

        def meta_update(state):
            raise DivergenceError("η is not finite at meta-update 1: chain/short (policy_gradient)")

        one.meta_update = meta_update
        return one

    monkeypatch.setattr(run_module, "Trainer", diverging)
    assert main(["meta-train", config]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        "lpg: η is not finite at meta-update 1: chain/short (policy_gradient)"
    )


def values(meta_update: int):
    known = {"seconds": 1.0, "steps_per_second": 5e4, "deterministic_resets": 0, "dropped": 0}
    return row(report(), meta_update=meta_update, environment_steps=2_000_000, **known)


def test_progress_off_a_terminal_is_a_legend_and_plain_lines(capsys):
    with MetaProgress(3) as progress:
        for number in (1, 2, 3):
            progress.step(None, values(number), [])
    legend, first, last = capsys.readouterr().err.splitlines()  # the second update follows too soon for a line
    assert legend == LEGEND
    figures = "2.0 M steps, 50 k steps/s, H(π) 0.60, H(y) 0.70, critic error 20%, gradient 0.5"
    assert first.startswith(f"meta-update 1/3: {figures}")
    assert last.startswith("meta-update 3/3: ") and last.endswith("0 s left")


def test_a_flag_is_shown_once_whatever_its_numbers(capsys):
    with MetaProgress(100) as progress:
        for number, flag in (
            (21, "a has 81% of the squared meta-gradient"), (22, "a has 82.5% of the squared meta-gradient"),
            (23, "outer critic of a: squared error 3"), (24, "outer critic of b: squared error 3"),
        ):  # fmt: skip
            progress.step(None, values(number), [flag])
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("audit")]
    assert said == [
        "audit, meta-update 21: a has 81% of the squared meta-gradient",
        "audit, meta-update 23: outer critic of a: squared error 3",
        "audit, meta-update 24: outer critic of b: squared error 3",
    ]


@pytest.mark.thorough
def test_a_process_that_is_told_to_stop_does(tmp_path):
    # The real command from outside, with nothing replaced.
    config = config_file(tmp_path / "long.json", meta_updates=10**6, checkpoint_every=10**6, validation_every=10**6)
    command = [sys.executable, "-m", "lpg.cli.main", "meta-train", config, "--out", str(tmp_path / "run")]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if line.startswith("meta-update "):
            process.send_signal(signal.SIGTERM)
            break
    out, err = process.communicate(timeout=120)
    assert process.returncode == 143, err
    assert "Traceback" not in err
    done = int(re.search(r"stopped at meta-update (\d+) of 1000000; go on with: lpg meta-train .* --resume", out)[1])
    assert done >= 1
    assert list_checkpoints(tmp_path / "run")[-1] == path_of(tmp_path / "run", done)
    assert len(read_metrics(tmp_path / "run" / "metrics.csv")) == done


@pytest.mark.thorough
def test_a_tracker_gets_rows_configuration_and_figure(config, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert main(["meta-train", config, "--out", "run", "--log", "tensorboard"]) == 0
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    assert [one.step for one in events.Scalars("validation")] == [1, 2, 3, 4]
    assert [one.value for one in events.Scalars("validation")] == [0.25] * 4
    assert events.Tags()["images"] == ["meta_training"] and events.Tags()["tensors"] == ["config/text_summary"]
