"""`lpg train` from arguments to files, on a tiny chain."""

import json

from lpg.cli.main import INTERRUPTED, main
from lpg.cli.progress import StepProgress
from lpg.cli.train import run
from lpg.evaluation import results

ARGV = ["chain/short", "--rule", "a2c", "--steps", "400", "--set", "num_envs=4", "--set", "num_steps=10"]


def test_a_training_is_written_and_reported(tmp_path, capsys):
    changed = ["--set", "learning_rate=7", "--out", str(tmp_path), "--json", str(tmp_path / "t.json")]
    assert run([*ARGV, *changed]) == 0
    rows = [row for row in results.read(tmp_path / "results.csv") if row.rule == "a2c"]
    assert len(rows) == 10 and rows[-1].steps == 400
    found = json.loads((tmp_path / "t.json").read_text())
    assert found["chosen"]["a2c"]["chain/short"]["learning_rate"] == 7.0
    assert "changed by --set" in found["chosen"]["a2c"]["chain/short"]["source"]
    assert (tmp_path / "figures" / "learning_curves.png").exists()
    assert "chain/short" in capsys.readouterr().out


def test_environments_of_other_libraries_are_trained_on_alike(tmp_path, capsys):
    assert run(["classic/CartPole-v1", *ARGV[1:], "--out", str(tmp_path), "--json", str(tmp_path / "t.json")]) == 0
    rows = [row for row in results.read(tmp_path / "results.csv") if row.rule == "a2c"]
    assert len(rows) == 10 and rows[-1].steps == 400 and sum(row.episodes for row in rows) > 0
    assert (tmp_path / "figures" / "learning_curves.png").exists()
    assert "classic/CartPole-v1" in capsys.readouterr().out
    # Nobody falls within 8 steps, and every step pays 1.
    assert all(row["return_mean"] > 8 for row in json.loads((tmp_path / "t.json").read_text())["rows"])


def test_without_out_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(ARGV) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_training_that_was_stopped_says_how_it_goes_on_and_does(tmp_path, capsys, monkeypatch):
    calls, advance = [], StepProgress.advance

    def stopping(progress, steps):
        advance(progress, steps)
        calls.append(steps)
        if len(calls) == 4:
            raise KeyboardInterrupt

    argv = ["train", *ARGV, "--out", str(tmp_path / "run")]
    with monkeypatch.context() as patch:
        patch.setattr(StepProgress, "advance", stopping)
        assert main(argv) == INTERRUPTED
    error = capsys.readouterr().err
    assert "go on with: lpg train chain/short" in error and "--resume" in error
    assert main(argv) == 2
    assert "go on with that training by --resume" in capsys.readouterr().err
    assert main([*argv, "--resume"]) == 0
    # Four points of one update each, 40 steps an update.
    assert "160 of 400 steps are done already" in capsys.readouterr().err
    assert main(["train", *ARGV, "--out", str(tmp_path / "straight")]) == 0
    tables = [(tmp_path / name / "results.csv").read_text() for name in ("run", "straight")]
    assert tables[0] == tables[1]
