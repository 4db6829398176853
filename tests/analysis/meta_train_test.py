"""`lpg.meta_train`: what `lpg meta-train` does, in Python."""

import dataclasses
import threading

import pytest

import lpg
import lpg.meta_training.run as run_module
from lpg.meta_training.config_file import load_config
from lpg.meta_training.metrics import read_metrics
from tests.tiny_run import TINY, config_file, trainer


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Programs compiled before, and a validation that costs nothing."""
    monkeypatch.setattr(run_module, "Trainer", trainer)
    monkeypatch.setattr("lpg.analysis.meta_train.Validator", lambda config: lambda rule: 0.25)


@pytest.mark.thorough
def test_a_rule_is_discovered_and_used(tmp_path):
    seen = []
    result = lpg.meta_train(
        TINY, tmp_path / "run", changes={"meta_updates": 3}, seed=5, callback=lambda *row: seen.append(row)
    )
    assert (result.meta_updates, result.is_complete, result.folder) == (3, True, tmp_path / "run")
    assert [step for step, _ in seen] == [1, 2, 3] and seen[-1][1]["validation"] == 0.25
    assert {"report.md", "figures", "rule.safetensors"} <= {path.name for path in result.folder.iterdir()}
    agent = lpg.train(result.rule, "chain/short", 400, num_envs=4).agent
    assert agent.card.rule == "run" and agent.card.prediction_size == TINY.prediction_size


def test_it_goes_on_from_a_configuration_file(tmp_path):
    config = config_file(tmp_path / "tiny.json")
    first = lpg.meta_train(config, tmp_path / "run", minutes=1e-9)
    assert (first.meta_updates, first.is_complete) == (0, False)
    with pytest.raises(ValueError, match="already holds a run"):
        lpg.meta_train(config, tmp_path / "run")
    assert lpg.meta_train(config, tmp_path / "run", resume=True).is_complete
    assert len(read_metrics(tmp_path / "run" / "metrics.csv")) == 4


def test_it_runs_outside_the_main_thread(tmp_path):
    done = []
    thread = threading.Thread(
        target=lambda: done.append(lpg.meta_train(TINY, tmp_path / "run", changes={"meta_updates": 1}))
    )
    thread.start()
    thread.join()
    assert done[0].is_complete


def test_changes_are_checked_like_those_of_the_command_line(tmp_path):
    assert load_config("smoke", {"meta_updates": 7}) == dataclasses.replace(load_config("smoke"), meta_updates=7)
    for changes, words in {"meta_update": "did you mean 'meta_updates'", "meta_updates": "meta_updates"}.items():
        with pytest.raises(ValueError, match=words):
            lpg.meta_train("smoke", tmp_path / "run", changes={changes: -3})
    for options, words in (({"minutes": 0}, "minutes is 0"), ({"seed": -1}, "seed is -1")):
        with pytest.raises(ValueError, match=words):
            lpg.meta_train(TINY, tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()
