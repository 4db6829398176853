"""`lpg evaluate` from arguments to files, on two tiny chains."""

import json

import pytest

from lpg.cli.evaluate import run
from lpg.cli.main import main
from lpg.evaluation import results

ARGV = ["--rule", "a2c", "--rule", "again=a2c", "--suite", "chain/short,chain/long", "--seeds", "2",
        "--steps-scale", "0.005"]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluation") / "out"
    assert run([*ARGV, "--out", str(folder), "--json", str(folder / "e.json")]) == 0
    return folder


def test_everything_is_written(folder):
    rows = results.read(folder / "results.csv")
    assert {(r.rule, r.environment, r.seed) for r in rows} == {
        (rule, name, seed)
        for rule in ("a2c", "again", "random", "optimum")
        for name in ("chain/short", "chain/long")
        for seed in (0, 1)
    }
    assert (folder / "figures" / "learning_curves.png").stat().st_size > 10_000


def test_one_rule_under_two_names_does_the_same(folder):
    found = json.loads((folder / "e.json").read_text())
    assert found["normalised"]["a2c"] == found["normalised"]["again"]
    assert found["chosen"]["a2c"]["chain/short"]["learning_rate"] > 0


def test_the_same_evaluation_may_be_repeated_and_another_one_may_not_overwrite_it(folder, capsys):
    before = (folder / "results.csv").read_bytes()
    assert main(["evaluate", *ARGV, "--out", str(folder)]) == 0
    assert main(["evaluate", *ARGV[:-2], "--seeds", "1", "--steps-scale", "0.005", "--out", str(folder)]) == 2
    assert "--out, or remove the file" in capsys.readouterr().err
    assert (folder / "results.csv").read_bytes() == before


def test_a_sweep_is_recorded_and_its_best_setting_is_used(tmp_path, capsys):
    argv = ["--rule", "a2c", "--suite", "chain/short", "--seeds", "1", "--steps-scale", "0.005", "--tune"]
    assert run([*argv, "--trials", "3", "--out", str(tmp_path), "--json", str(tmp_path / "e.json")]) == 0
    entry = json.loads((tmp_path / "tuned" / "a2c.json").read_text())["environments"]["chain/short"][0]
    used = json.loads((tmp_path / "e.json").read_text())["chosen"]["a2c"]["chain/short"]
    assert entry["trials"] == 3 and used.pop("source") == "tuned now at 4 updates" and used == entry["setting"]
