"""`lpg evaluate RUN`: trained agents play episodes."""

import json

import pytest

import lpg
from lpg.cli.main import main

CONFIG = lpg.TrainConfig(learning_rate=20.0, num_envs=4, num_steps=20, table_step="samples")


@pytest.mark.thorough
def test_each_agent_of_a_folder_is_reported(tmp_path, capsys):
    for seed in (0, 2):
        lpg.train("a2c", "chain/short", 16_000, seed=seed, config=CONFIG, out=tmp_path, resume=True)
    file = tmp_path / "e.json"
    assert main(["evaluate", str(tmp_path), "--greedy-episodes", "5", "--json", str(file)]) == 0
    out = capsys.readouterr().out
    assert "chain/short, rule a2c, agent tabular: returns of 5 episodes" in out
    assert "seed 2, trained for 16,000 steps: 1 ± 0" in out and "all agents: 1 ± 0" in out
    assert "random 0, optimum 1" in out
    line = {"steps": 16_000, "mean": 1.0, "stderr": 0.0, "episodes": 5}
    assert json.loads(file.read_text()) == {
        "environment": "chain/short", "rule": "a2c", "agents": [{"seed": 0, **line}, {"seed": 2, **line}],
    }  # fmt: skip


def test_bad_input_is_one_line_and_status_2(tmp_path, capsys):
    for argv, words in {
        (str(tmp_path),): "no trained agent in it",
        (str(tmp_path), "--rule", "a2c"): "--rule given with the folder",
        (str(tmp_path), "--seeds", "3"): "--seeds given with the folder",
        ("--rule", "a2c"): "no --suite given",
    }.items():
        assert main(["evaluate", *argv]) == 2
        err = capsys.readouterr().err
        assert err.count("\n") == 1 and words in err
