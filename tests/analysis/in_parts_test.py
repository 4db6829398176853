"""`lpg evaluate` and `lpg train` in several processes, and what is left when one of them is gone."""

import json
import signal
import time

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file

from lpg.cli.evaluate import run
from lpg.cli.main import main
from lpg.evaluation import results
from lpg.evaluation.parts import Parts
from lpg.processes import LOST
from tests.several import end, said, start_command, wait_for

ARGV = ["--rule", "a2c", "--rule", "again=a2c", "--suite", "chain/short,chain/long", "--seeds", "3",
        "--steps-scale", "0.005", "--greedy-episodes", "2"]  # fmt: skip


def columns(folder):
    """final.csv without times."""
    return [line.rsplit(",", 2)[0] for line in (folder / "final.csv").read_text().splitlines()]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone") / "out"
    assert run([*ARGV, "--out", str(folder)]) == 0
    return folder


def parts_in(folder):
    return sorted((folder / "parts").rglob("seed-*.json"))


def interrupted(folder, monkeypatch, after: int):
    """An evaluation whose parts are kept, stopped by Ctrl-C when so many trainings of an environment are done."""
    from lpg.analysis import in_parts

    monkeypatch.setattr(Parts, "are_begun", lambda self: True)
    train, done = in_parts.train_plans, []

    def stopped(plans, *args, **more):
        if len(done) == after:
            raise KeyboardInterrupt
        done.append(plans[0].environment)
        return train(plans, *args, **more)

    monkeypatch.setattr(in_parts, "train_plans", stopped)
    assert main(["evaluate", *ARGV, "--out", str(folder)]) == 130
    monkeypatch.undo()
    return done


@pytest.mark.thorough
def test_an_evaluation_with_parts_goes_on_and_is_that_of_one_call(alone, tmp_path, monkeypatch):
    folder = tmp_path / "out"
    assert interrupted(folder, monkeypatch, after=3) == ["chain/short", "chain/long", "chain/short"]
    assert len(parts_in(folder)) == 3 * 3 and not (folder / "results.csv").exists()
    from lpg.analysis import in_parts

    trained, train = [], in_parts.train_plans
    monkeypatch.setattr(
        in_parts, "train_plans", lambda plans, *a, **m: trained.append(plans[0].environment) or train(plans, *a, **m)
    )
    assert main(["evaluate", *ARGV, "--out", str(folder)]) == 0
    assert trained == ["chain/long"]
    assert (folder / "results.csv").read_text() == (alone / "results.csv").read_text()
    assert columns(folder) == columns(alone)
    assert not (folder / "parts").exists()


def test_parts_of_another_evaluation_are_refused(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "out"
    interrupted(folder, monkeypatch, after=4 - 1)
    other = [*ARGV[:-3], "0.01", *ARGV[-2:]]  # twice the steps
    assert main(["evaluate", *other, "--out", str(folder)]) == 2
    said = capsys.readouterr().err
    assert "is a part of another evaluation" in said and str(folder / "parts") in said
    assert len(parts_in(folder)) >= 3 * 3 and not (folder / "results.csv").exists()


@pytest.mark.parametrize(
    "argv, words",
    [
        (["evaluate", *ARGV], "--out: give one"),
        (["evaluate", *ARGV, "--tune", "--out", "there"], "share an Optuna study"),
        (["train", "chain/short", "--rule", "a2c"], "several processes given without --out"),
        (["train", "chain/short", "--rule", "a2c", "--seeds", "1", "--out", "there"], "2 processes for 1 seeds"),
    ],
)
def test_what_several_processes_cannot_do_is_refused_in_one_line(argv, words, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    assert main(argv) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1 and not (tmp_path / "there").exists()


@pytest.mark.slow
def test_two_processes_write_what_one_does(tmp_path):
    folders = [tmp_path / "one", tmp_path / "two"]
    for number, folder in enumerate(folders, 1):
        assert end(start_command(["evaluate", *ARGV], folder, number, 1)) == [0] * number, said(folder, 0).read_text()
    one, two = folders
    assert (two / "results.csv").read_text() == (one / "results.csv").read_text() and columns(two) == columns(one)
    assert sorted(path.name for path in two.iterdir()) == sorted(path.name for path in one.iterdir())
    assert "again" in said(two, 0, "out").read_text() and said(two, 1).read_text() == ""
    assert "again" not in said(two, 1, "out").read_text()


@pytest.mark.slow
def test_two_processes_train_the_agents_of_one_and_go_on_beyond_the_end(tmp_path):
    command = ["train", "chain/short", "--rule", "a2c", "--seeds", "3", "--steps"]
    folders = [tmp_path / "one", tmp_path / "two"]
    for steps, more in (("3200", []), ("6400", ["--resume"])):
        for number, folder in enumerate(folders, 1):
            assert end(start_command([*command, steps, *more], folder, number, 1)) == [0] * number
        one, two = (results.read(folder / "results.csv") for folder in folders)
        assert one == two or str(one) == str(two)  # NaN is not NaN
        assert {row.seed for row in two} == {0, 1, 2} and max(row.steps for row in two) == int(steps)
    for seed in range(3):
        agents = [load_file(folder / "agents" / f"seed-{seed}.safetensors") for folder in folders]
        for name, array in agents[0].items():
            np.testing.assert_allclose(agents[1][name], array, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("killed", [0, 1])
def test_a_killed_process_ends_the_other_with_one_line_and_nothing_that_is_done_is_lost(killed, tmp_path):
    folder, suite = tmp_path / "out", "chain/short,tabular/dense"
    long = ["--rule", "a2c", "--suite", suite, "--seeds", "2", "--steps-scale", "0.2", "--greedy-episodes", "0"]
    both = start_command(["evaluate", *long], folder, 2, 1)
    short = [folder / "parts" / "a2c" / "chain%2Fshort" / f"seed-{seed}.json" for seed in (0, 1)]
    wait_for(lambda: all(path.exists() for path in short) or both[0].poll() is not None)
    both[killed].send_signal(signal.SIGKILL)
    began = time.monotonic()
    assert end([both[1 - killed]], 90) != [0] and time.monotonic() - began < 60
    end(both)
    lines = said(folder, 1 - killed).read_text().splitlines()
    assert lines[-1] == f"lpg: {LOST}" and lines.count(lines[-1]) == 1 and (killed == 1 or len(lines) == 1)
    assert "Traceback" not in "\n".join(lines)
    curve = json.loads(short[0].read_text())["rows"]
    assert curve and not (folder / "results.csv").exists()
    # One process finishes what two began.
    assert end(start_command(["evaluate", *long], folder, 1, 1)) == [0]
    rows = results.read(folder / "results.csv")
    assert {(row.environment, row.seed) for row in rows if row.rule == "a2c"} == {
        (name, seed) for name in suite.split(",") for seed in (0, 1)
    }
    kept = [row for row in rows if (row.rule, row.environment, row.seed) == ("a2c", "chain/short", 0)]
    np.testing.assert_allclose([row.return_mean for row in kept], [row["return_mean"] for row in curve], rtol=1e-4)
