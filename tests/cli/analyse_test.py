"""`lpg analyse`: questions about rules and about meta-training, from the command line."""

import json

import jax
import pytest

from lpg.analysis.table import read_table
from lpg.cli.main import main
from lpg.update_rules.lpg import init_lpg
from lpg.update_rules.rule_file import save_rule
from tests.tiny_run import config_file


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def rule(tmp_path):
    path = tmp_path / "mine.safetensors"
    save_rule(path, init_lpg(jax.random.key(0), lstm_size=2, prediction_size=3), {})
    return str(path)


@pytest.mark.thorough
def test_a_question_about_a_rule_is_answered_once(rule, tmp_path, capsys):
    command = ["analyse", "predictions", "--rule", rule, "--iterations", "2", "--frames", "1", "--out", "p"]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "Figure 4" in out and "figure: p/figures/predictions.gif" in out and "had been measured" not in out
    settings = json.loads((tmp_path / "p" / "settings.json").read_text())
    assert (settings["rule"], settings["seed"], settings["iterations"]) == ("mine", 0, 2)
    assert str(tmp_path) not in json.dumps(settings)
    assert len(read_table(tmp_path / "p" / "cells.csv")["row"]) == 86
    assert main(command) == 0
    assert "where it had been measured" in capsys.readouterr().out
    # The twin: another seed is another study, and does not overwrite it.
    assert main([*command, "--seed", "1"]) == 2
    assert "seed = 0, not 1" in capsys.readouterr().err


@pytest.mark.thorough
def test_the_ablation_trains_a_variant_and_says_what_is_missing(tmp_path, capsys):
    config = config_file(
        tmp_path / "tiny.json", suite="chain/short", num_lifetimes=2, meta_updates=2, validation_every=2,
        validation_updates=10, validation_seeds=1, validation_learning_rates=[20.0],
    )  # fmt: skip
    command = ["analyse", "ablation", "--config", config, "--only", "no-recurrence", "--out", "a"]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "NO RESULTS YET" in out and "no results yet for lpg, lpg-v" in out
    assert (tmp_path / "a" / "runs" / "no-recurrence" / "seed-0" / "rule.safetensors").is_file()
    assert read_table(tmp_path / "a" / "validations.csv")["meta_update"].tolist() == [2]
    # Another configuration does not mix with it.
    assert main([*command, "--set", "meta_updates=3"]) == 2
    assert "config" in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv, words",
    [
        (["predictons"], "did you mean 'predictions'"),
        (["predictions"], "--rule"),
        (["predictions", "--rule", "a2c", "--gamma", "1.5"], "gamma is 1.5"),
        (["predictions", "--rule", "a2c", "--seed", "-1"], "--seed is -1"),
        (["ablation", "--only", "no-softmx"], "did you mean 'no-softmax'"),
        (["ablation", "--minutes", "0"], "--minutes is 0"),
        (["ablation", "--meta-seeds", "0"], "--meta-seeds is 0"),
        (["diversity", "--suite", "chain/short"], "chain/short is trained on"),
    ],
)
def test_every_mistake_is_one_clear_line(argv, words, capsys):
    assert main(["analyse", *argv]) == 2
    err = capsys.readouterr().err
    assert words in err and err.count("\n") == 1


def test_without_a_question_they_are_listed(capsys):
    assert main(["analyse"]) == 2
    assert "value-regression" in capsys.readouterr().out
    assert main(["analyse", "--help"]) == 0
