"""`lpg train` from arguments to files, on a tiny chain."""

import json

from lpg.cli.train import run
from lpg.evaluation import results

ARGV = ["chain/short", "--rule", "a2c", "--steps", "400", "--set", "num_streams=4", "--set", "num_steps=10"]


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
