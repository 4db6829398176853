"""`lpg train` from arguments to files, on a tiny chain and on a Gymnasium environment."""

import json

import pytest

from lpg.cli.main import INTERRUPTED, main
from lpg.cli.progress import StepProgress
from lpg.cli.train import run
from lpg.evaluation import results
from tests.helpers import Diary
from tests.learner.mirror import CONTINUOUS, NAME

ARGV = ["chain/short", "--rule", "a2c", "--steps", "400", "--set", "num_envs=4", "--set", "num_steps=10"]
GYMNASIUM = ["train", NAME, "--rule", "a2c", "--steps", "192", "--set", "num_envs=8", "--set", "num_steps=8"]


@pytest.fixture
def stop_after(monkeypatch):
    """Stops a training like a signal, after so many reports of progress."""

    def stop(num_calls):
        calls, advance = [], StepProgress.advance

        def stopping(progress, steps):
            advance(progress, steps)
            calls.append(steps)
            if len(calls) == num_calls:
                raise KeyboardInterrupt

        monkeypatch.setattr(StepProgress, "advance", stopping)

    return stop


def test_a_training_is_written_and_reported(tmp_path, capsys):
    changed = ["--set", "learning_rate=7", "--out", str(tmp_path), "--json", str(tmp_path / "t.json")]
    assert run([*ARGV, *changed]) == 0
    rows = [row for row in results.read(tmp_path / "results.csv") if row.rule == "a2c"]
    assert len(rows) == 10 and rows[-1].steps == 400
    found = json.loads((tmp_path / "t.json").read_text())
    assert found["chosen"]["a2c"]["chain/short"]["learning_rate"] == 7.0
    assert "changed" in found["chosen"]["a2c"]["chain/short"]["source"]
    assert (tmp_path / "figures" / "learning_curves.png").exists()
    (final,) = found["final"]
    assert (final["seed"], final["episodes"]) == (0, 20) and final["steps_per_second"] > 0
    assert (tmp_path / "final.csv").is_file()
    out, err = capsys.readouterr()
    assert "chain/short" in out
    # What is trained is said before the training, too.
    line = next(line for line in err.splitlines() if line.startswith("a2c on chain/short (10 updates): agent tabular;"))
    assert "learning_rate 7 " in line and "4 environments × 10 steps per update" in line


def test_the_general_settings_may_be_asked_for(tmp_path):
    sources = []
    for settings in ("tuned", "general"):
        file = tmp_path / f"{settings}.json"
        assert run([*ARGV[:5], "--settings", settings, "--json", str(file)]) == 0
        sources.append(json.loads(file.read_text())["chosen"]["a2c"]["chain/short"]["source"])
    assert sources[0].startswith("tuned at ") and sources[1] == "general setting for table agents (a2c.json)"


@pytest.mark.thorough
def test_environments_of_other_libraries_are_trained_on_alike(tmp_path, capsys):
    assert run(["classic/CartPole-v1", *ARGV[1:], "--out", str(tmp_path), "--json", str(tmp_path / "t.json")]) == 0
    rows = [row for row in results.read(tmp_path / "results.csv") if row.rule == "a2c"]
    assert len(rows) == 10 and rows[-1].steps == 400 and sum(row.episodes for row in rows) > 0
    assert (tmp_path / "figures" / "learning_curves.png").exists()
    assert "classic/CartPole-v1" in capsys.readouterr().out
    # Nobody falls within 8 steps, and every step pays 1.
    assert all(row["return_mean"] > 8 for row in json.loads((tmp_path / "t.json").read_text())["rows"])


@pytest.mark.parametrize("argv", [["train", *ARGV], GYMNASIUM], ids=["jax", "gymnasium"])
def test_without_out_nothing_is_written(argv, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(argv) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_training_that_was_stopped_says_how_it_goes_on_and_does(tmp_path, capsys, stop_after):
    stop_after(4)
    argv = ["train", *ARGV, "--out", str(tmp_path / "run")]
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


def test_a_training_that_is_done_goes_on_with_more_steps(tmp_path, capsys):
    files = ["--out", str(tmp_path), "--json", str(tmp_path / "t.json")]
    assert main(["train", *ARGV, *files]) == 0
    before = (tmp_path / "results.csv").read_text()
    # Neither what was set nor the steps need be said again.
    again = ["train", *ARGV[:3], *files, "--resume"]
    assert main(again) == 0 and (tmp_path / "results.csv").read_text() == before
    assert main([*again, "--steps", "600"]) == 0
    assert "400 of 600 steps are done already" in capsys.readouterr().err
    rows = [row for row in results.read(tmp_path / "results.csv") if row.rule == "a2c"]
    assert [row.steps for row in rows] == [*range(40, 601, 40)]
    assert before.splitlines()[:11] == (tmp_path / "results.csv").read_text().splitlines()[:11]
    assert json.loads((tmp_path / "t.json").read_text())["chosen"]["a2c"]["chain/short"]["num_envs"] == 4
    assert main([*again, "--steps", "300"]) == 2
    assert "can go on with more, not with fewer" in capsys.readouterr().err


def test_a_gymnasium_training_is_written_and_reported_alike(tmp_path, capsys):
    files = ["--seeds", "2", "--out", str(tmp_path), "--json", str(tmp_path / "t.json")]
    assert main([*GYMNASIUM, *files, "--set", "learning_rate=7"]) == 0
    rows = results.read(tmp_path / "results.csv")
    assert {(row.rule, row.environment, row.seed) for row in rows} == {("a2c", NAME, 0), ("a2c", NAME, 1)}
    assert [row.steps for row in rows] == [64, 128, 192] * 2
    found = json.loads((tmp_path / "t.json").read_text())
    assert found["chosen"]["a2c"][NAME]["learning_rate"] == 7.0
    # Nothing is known to measure it by.
    assert found["normalised"] == {"a2c": {"end": None, "area": None}}
    assert (tmp_path / "figures" / "learning_curves.png").exists()
    assert NAME in capsys.readouterr().out


def test_a_gymnasium_training_that_was_stopped_goes_on_with_new_episodes(tmp_path, capsys, stop_after):
    stop_after(2)
    argv = [*GYMNASIUM, "--out", str(tmp_path)]
    assert main(argv) == INTERRUPTED
    error = capsys.readouterr().err
    assert f"go on with: lpg train {NAME}" in error and "--resume" in error
    assert main(argv) == 2
    assert "go on with that training by --resume" in capsys.readouterr().err
    assert main([*argv, "--resume"]) == 0
    assert "128 of 192 steps are done already" in capsys.readouterr().err
    assert [row.steps for row in results.read(tmp_path / "results.csv")] == [64, 128, 192]


BAD_INPUT = {
    "train chain/short --rule a2c --log tensorboard": "--log tensorboard given without --out",
    "train chain/short --rule rejax/ppo --steps 9 --set final_learning_rate=0.5": "rejax/ppo has 1.0 and no other",
    f"train {CONTINUOUS} --rule a2c": "has actions Box",
    "train gymnasium/CartPol-v1 --rule a2c": "Did you mean: `CartPole`",
    "train atari/brekout --rule a2c": "did you mean atari/breakout",
    f"train {NAME} --rule a2c --resume": "--resume given without --out",
    f"train {NAME} --rule a2c --set num_actions=9": "only grids come in two",
    f"train {NAME} --rule a2c --set sticky_actions=0.25": "is no Atari game",
    f"train {NAME} --rule a2c --agent D(3)": "observations here are state indices",
    "train chain/short --rule a2c --resume": "--resume given without --out",
    "train chain/short --rule a2c --set overlap=true": "options of gymnasium/* and atari/* given, and chain/short is",
}


@pytest.mark.parametrize("command", BAD_INPUT)
def test_bad_input_is_one_line_and_status_2(command, capsys):
    assert main(command.split()) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith("lpg: ")
    assert BAD_INPUT[command] in err


def test_a_tracker_gets_curve_scores_configuration_and_figure(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert main(["train", *ARGV, "--out", str(tmp_path), "--log", "tensorboard"]) == 0
    events = EventAccumulator(str(tmp_path / "tensorboard" / "a2c" / "chain" / "short" / "seed-0")).Reload()
    rows = [row for row in results.read(tmp_path / "results.csv") if row.rule == "a2c"]
    assert [(one.step, one.value) for one in events.Scalars("episodes")] == [(row.steps, row.episodes) for row in rows]
    assert events.Scalars("final/episodes")[0].step == 400
    whole = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert whole.Tags()["images"] == ["learning_curves"] and whole.Tags()["tensors"] == ["config/text_summary"]


def test_a_tracker_that_fails_does_not_cost_the_training(tmp_path, monkeypatch, capsys):
    diary = Diary(fails_in="row")
    monkeypatch.setattr("lpg.cli.train.make_trackers", lambda names, folder: [diary])
    assert main(["train", *ARGV, "--out", str(tmp_path), "--log", "wandb"]) == 0
    assert (tmp_path / "final.csv").is_file() and [line[0] for line in diary.lines] == ["start", "row"]
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "failed" in line]
    assert line == "lpg: Diary failed and is left out from here on; the run goes on (OSError: no space)"
