"""`lpg train gymnasium/…` from arguments to files."""

import json

import pytest

from lpg.cli.main import INTERRUPTED, main
from lpg.evaluation import hosted_training, results
from tests.learner.mirror import CONTINUOUS, NAME

ARGV = ["train", NAME, "--rule", "a2c", "--steps", "192", "--set", "num_envs=8", "--set", "num_steps=8"]


def test_a_training_is_written_and_reported_like_any_other(tmp_path, capsys):
    files = ["--seeds", "2", "--out", str(tmp_path), "--json", str(tmp_path / "t.json")]
    assert main([*ARGV, *files, "--set", "learning_rate=7"]) == 0
    rows = results.read(tmp_path / "results.csv")
    assert {(row.rule, row.environment, row.seed) for row in rows} == {("a2c", NAME, 0), ("a2c", NAME, 1)}
    assert [row.steps for row in rows] == [64, 128, 192] * 2
    found = json.loads((tmp_path / "t.json").read_text())
    assert found["chosen"]["a2c"][NAME]["learning_rate"] == 7.0
    # Nothing is known to measure it by.
    assert found["normalised"] == {"a2c": {"end": None, "area": None}}
    assert (tmp_path / "figures" / "learning_curves.png").exists()
    assert NAME in capsys.readouterr().out


def test_a_training_that_was_stopped_says_how_it_goes_on_and_does(tmp_path, capsys, monkeypatch):
    real, calls = hosted_training.train_hosted, []

    def stopped(task, seed, **options):
        def progress(steps):
            calls.append(steps)
            if len(calls) == 2:
                raise KeyboardInterrupt

        return real(task, seed, **(options | {"progress": progress}))

    monkeypatch.setattr(hosted_training, "train_hosted", stopped)
    argv = [*ARGV, "--out", str(tmp_path)]
    assert main(argv) == INTERRUPTED
    error = capsys.readouterr().err
    assert f"go on with: lpg train {NAME}" in error and "--resume" in error
    monkeypatch.setattr(hosted_training, "train_hosted", real)
    assert main(argv) == 2
    assert "go on with that training by --resume" in capsys.readouterr().err
    assert main([*argv, "--resume"]) == 0
    captured = capsys.readouterr()
    assert "seed-0: goes on at update 2 of 3" in captured.err
    assert [row.steps for row in results.read(tmp_path / "results.csv")] == [64, 128, 192]


BAD_INPUT = {
    f"train {CONTINUOUS} --rule a2c": "has actions Box",
    "train gymnasium/CartPol-v1 --rule a2c": "Did you mean: `CartPole`",
    "train atari/brekout --rule a2c": "did you mean atari/breakout",
    f"train {NAME} --rule a2c --resume": "--resume given without --out",
    f"train {NAME} --rule a2c --set num_actions=9": "only grids come in two",
    f"train {NAME} --rule a2c --set sticky_actions=0.25": "is no Atari game",
    f"train {NAME} --rule a2c --agent D(3)": "observations here are state indices",
    "train chain/short --rule a2c --resume": "--resume given without --out",
    "train chain/short --rule a2c --set overlap=true": "--set overlap given; it is for gymnasium/* and atari/*",
}


@pytest.mark.parametrize("command", BAD_INPUT)
def test_bad_input_is_one_line_and_status_2(command, capsys):
    assert main(command.split()) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith("lpg: ")
    assert BAD_INPUT[command] in err


def test_without_out_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(ARGV) == 0
    assert list(tmp_path.iterdir()) == []
