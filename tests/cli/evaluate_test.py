"""`lpg evaluate` from arguments to files, on two tiny chains and on Gymnasium environments."""

import io
import json
import sys

import pytest

from lpg.cli.evaluate import run
from lpg.cli.main import main
from lpg.evaluation import results
from tests.helpers import Diary
from tests.learner.mirror import NAME as MIRROR

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
    lines = (folder / "final.csv").read_text().splitlines()
    assert lines[0].startswith("rule,environment,seed,greedy_mean") and len(lines) == 1 + 2 * 2 * 2


def test_one_rule_under_two_names_does_the_same(folder):
    found = json.loads((folder / "e.json").read_text())
    measured = ("environment", "seed", "greedy_mean", "greedy_stderr", "episodes", "steps_to_threshold")
    a2c, again = ([[one[name] for name in measured] for one in found["final"] if one["rule"] == rule]
                  for rule in ("a2c", "again"))  # fmt: skip
    assert a2c == again and all(abs(values[2]) <= 1 and values[4] == 20 for values in a2c)
    assert found["differences"]["against"] == "a2c"
    for what in ("end", "area"):
        values = found["differences"]["again"][what]
        assert [values[name] for name in ("iqm", "low", "high")] == [0.0] * 3
    assert found["normalised"]["a2c"] == found["normalised"]["again"]
    assert found["chosen"]["a2c"]["chain/short"]["learning_rate"] > 0


def test_the_same_evaluation_may_be_repeated_and_another_one_may_not_overwrite_it(folder, capsys):
    before = (folder / "results.csv").read_bytes()
    assert main(["evaluate", *ARGV, "--out", str(folder)]) == 0
    assert main(["evaluate", *ARGV[:-2], "--seeds", "1", "--steps-scale", "0.005", "--out", str(folder)]) == 2
    assert "--out, or remove the file" in capsys.readouterr().err
    assert main(["evaluate", *ARGV, "--settings", "general", "--out", str(folder)]) == 2
    said = capsys.readouterr()
    assert (
        "results.csv exists, with " in said.err and said.err.count("\n") == 1 and "steps/s" not in said.out + said.err
    )
    assert (folder / "results.csv").read_bytes() == before


def test_output_that_cannot_show_every_character_loses_no_result(tmp_path, monkeypatch):
    # As with PYTHONIOENCODING=ascii. Files come first; ±, – and the like are printed as ?.
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, encoding="ascii"))
    argv = ["--rule", "a2c", "--suite", "chain/short", "--seeds", "2", "--steps-scale", "0.005"]
    assert main(["evaluate", *argv, "--out", str(tmp_path)]) == 0
    sys.stdout.flush()
    text = printed.getvalue().decode("ascii")
    assert "chain/short" in text and " ? " in text and "wrote " in text
    assert (tmp_path / "results.csv").is_file() and (tmp_path / "final.csv").is_file()


@pytest.mark.thorough
def test_a_sweep_is_recorded_and_its_best_setting_is_used(tmp_path, capsys):
    argv = ["--rule", "a2c", "--suite", "chain/short", "--seeds", "1", "--steps-scale", "0.005", "--tune"]
    assert run([*argv, "--trials", "3", "--out", str(tmp_path), "--json", str(tmp_path / "e.json")]) == 0
    entry = json.loads((tmp_path / "tuned" / "a2c.json").read_text())["environments"]["chain/short"][0]
    used = json.loads((tmp_path / "e.json").read_text())["chosen"]["a2c"]["chain/short"]
    assert entry["trials"] == 3 and used.pop("source") == "tuned now by 3 trials"
    assert used == {**entry["setting"], "time_limit_is_termination": False}


WITH_GYMNASIUM = ["--rule", "a2c", "--suite", f"{MIRROR},chain/short,gymnasium/FrozenLake8x8-v1", "--seeds", "2"]


@pytest.mark.thorough
def test_gymnasium_environments_are_evaluated_beside_those_in_jax(tmp_path, capsys):
    files = ["--out", str(tmp_path), "--json", str(tmp_path / "e.json")]
    assert main(["evaluate", *WITH_GYMNASIUM, "--steps-scale", "0.02", *files]) == 0
    rows = results.read(tmp_path / "results.csv")
    names = list(dict.fromkeys(row.environment for row in rows if row.rule == "a2c"))
    assert names == [MIRROR, "chain/short", "gymnasium/FrozenLake8x8-v1"]  # as they were asked for
    # 2 % of 500,000 steps are 31 updates of 16 × 20.
    assert [row.steps for row in rows if (row.environment, row.seed, row.rule) == (MIRROR, 1, "a2c")] == [
        320 * n for n in range(1, 32)
    ]
    found = json.loads((tmp_path / "e.json").read_text())
    assert set(found["chosen"]["a2c"]) == set(names) and len(found["rows"]) == 6
    end = found["normalised"]["a2c"]["end"]
    assert end["per_environment"].pop(MIRROR) is None and end["low"] <= end["iqm"] <= end["high"]
    assert (
        all(isinstance(value, float) for value in end["per_environment"].values()) and len(end["per_environment"]) == 2
    )
    assert f"Not normalised, as no returns are known to compare with: {MIRROR}." in capsys.readouterr().out
    assert (tmp_path / "figures" / "learning_curves.png").stat().st_size > 10_000


def test_where_nothing_can_be_normalised_raw_returns_are_reported(tmp_path, capsys):
    argv = ["--rule", "a2c", "--suite", MIRROR, "--seeds", "1", "--steps-scale", "0.003", "--greedy-episodes", "0"]
    assert run([*argv, "--threshold-return", "-1", "--json", str(tmp_path / "e.json")]) == 0
    found = json.loads((tmp_path / "e.json").read_text())
    assert found["normalised"] == {"a2c": {"end": None, "area": None}}
    (final,) = found["final"]
    assert final["steps_to_threshold"] == 320 and final["greedy_mean"] is None and final["episodes"] == 0
    # Four guesses among three.
    assert 0 < found["rows"][0]["return_mean"] < 4
    assert "IQM" not in capsys.readouterr().out.split("Return in")[0]


BAD_INPUT = {
    "--suite gymnasium/Taxi-v4 --num-actions 9": "--num-actions given; gymnasium/Taxi-v4 has its own actions",
    "--suite chain --greedy-episodes -1": "--greedy-episodes is -1; it must be 0 or more",
    "--suite chain,atari/brekout": "did you mean atari/breakout",
    "--suite toy_txt": "did you mean 'toy_text'",
}


@pytest.mark.parametrize("command", BAD_INPUT)
def test_bad_input_is_one_line_and_status_2(command, capsys):
    assert main(["evaluate", "--rule", "a2c", *command.split()]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and BAD_INPUT[command] in err


@pytest.mark.parametrize(
    ("suite", "package", "extra"),
    [("gymnasium/Taxi-v4", "gymnasium", "gym"), ("atari", "ale_py.vector_env", "atari"), ("bsuite", "gymnax", "envs")],
)
def test_a_missing_extra_is_one_line_and_status_2(suite, package, extra, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    assert main(["evaluate", "--rule", "a2c", "--suite", suite]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and f"pip install 'lpg[{extra}]'" in err


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of tensorflow-probability, which rejax imports
def test_an_algorithm_of_another_library_is_evaluated_beside_a_rule(tmp_path, capsys):
    pytest.importorskip("rejax")
    argv = ["evaluate", "--rule", "rejax/ppo", *ARGV[:2], "--suite", "chain/short", "--seeds", "2"]
    assert main([*argv, "--steps-scale", "0.005", "--out", str(tmp_path), "--json", str(tmp_path / "e.json")]) == 0
    rows = [row for row in results.read(tmp_path / "results.csv") if row.rule == "rejax/ppo"]
    assert {row.seed for row in rows} == {0, 1} and sum(row.episodes for row in rows) > 0
    found = json.loads((tmp_path / "e.json").read_text())
    assert set(found["normalised"]) == {"rejax/ppo", "a2c"}
    assert "rejax-ppo.json" in found["chosen"]["rejax/ppo"]["chain/short"]["source"]
    # A sweep trains by rules.
    capsys.readouterr()
    assert main([*argv, "--tune"]) == 2
    assert "without --tune" in capsys.readouterr().err


def test_a_tracker_gets_every_row_rule_by_rule(tmp_path, monkeypatch):
    diary = Diary()
    monkeypatch.setattr("lpg.cli.evaluate.make_trackers", lambda names, folder: [diary])
    assert run([*ARGV, "--out", str(tmp_path), "--log", "mlflow"]) == 0
    (_, config), *lines = diary.lines
    assert config["again"]["chain/long"]["rule"] == "again"
    rows = [
        (step, f"{values['episodes']:.0f}", name) for kind, step, values, name in lines[:-2] if "episodes" in values
    ]
    table = results.read(tmp_path / "results.csv")
    assert sorted(rows) == sorted(
        (row.steps, str(row.episodes), f"{row.rule}/{row.environment}/seed-{row.seed}") for row in table
    )
    assert sum("final/seconds" in values for _, _, values, _ in lines[:-2]) == 2 * 2 * 2
    assert lines[-2:] == [("figure", tmp_path / "figures" / "learning_curves.png"), ("close",)]
