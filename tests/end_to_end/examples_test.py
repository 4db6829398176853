"""Every example script runs as a user would run it, from an empty directory."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from lpg.update_rules.lpg import init_lpg
from lpg.update_rules.rule_file import save_rule

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


@pytest.fixture
def rule(tmp_path) -> str:
    """A rule that nobody has trained."""
    save_rule(tmp_path / "rule.safetensors", init_lpg(jax.random.key(0), lstm_size=8, prediction_size=6), {})
    return str(tmp_path / "rule.safetensors")


def run(folder: Path, *argv: str, quick: tuple[str, ...] = ("--quick",)) -> str:
    """What an example prints; a warning is an error."""
    command = [sys.executable, "-W", "error", str(EXAMPLES / argv[0]), *argv[1:], *quick]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": ""})
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.thorough
def test_an_environment_of_ones_own_is_learned(tmp_path):
    first, last = map(float, re.findall(r"-?\d+\.\d+", run(tmp_path, "custom_environment.py")))
    # A walk without a goal finds the end of the corridor in one episode of five; who has learned, in most of them.
    assert first < 0.4 and last > 0.7


@pytest.mark.thorough
@pytest.mark.parametrize("is_learned", [False, True])
def test_an_agent_in_flax_learns_in_a_loop_of_ones_own(is_learned, tmp_path, rule):
    out = run(tmp_path, "gymnasium_flax.py", "--rule", rule if is_learned else "a2c")
    assert re.fullmatch(r"update 0: \d+ steps an episode, entropy 0\.6\d\n", out)


def test_a_rule_is_used_without_jax(tmp_path, rule):
    assert re.fullmatch(r"update 0: 0\.\d\d ends a environment in 20 steps, at best 4\.00\n",
                        run(tmp_path, "numpy_only.py", rule))  # fmt: skip


def test_cartpole_is_learned_in_torch(tmp_path):
    pytest.importorskip("torch", reason="PyTorch has an environment of its own, see `make test-torch`")
    out = run(tmp_path, "torch_cartpole.py", quick=("--steps", "60000"))
    first, *_, last = map(float, re.findall(r"return ([\d.]+)", out))
    # Three seeds ended at 228 to 484; an agent that learns nothing stays where it began.
    assert first < 40 and last > 100


def test_of_a_list_of_trainings_a_killed_one_is_lost_alone_and_done_again(tmp_path):
    def python(code: str) -> str:
        return shlex.join([sys.executable, "-c", code])

    # The second one is killed once, the third one counts how often it runs; the last one has begun before.
    dies = python("import os, pathlib; p = pathlib.Path('died'); p.exists() or (p.touch(), os.kill(os.getpid(), 9))")
    counts = python("open('count', 'a').write('x')")
    (tmp_path / "lpg").write_text(f"#!{sys.executable}\nimport sys; open('argv', 'w').write(' '.join(sys.argv[1:]))\n")
    (tmp_path / "lpg").chmod(0o755)
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    trains = "lpg train chain/short --rule a2c --out run"
    (tmp_path / "list.txt").write_text("\n".join(["# a comment", dies, counts, trains, ""]))

    def called() -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, str(EXAMPLES / "many_trainings.py"), "list.txt"], cwd=tmp_path, capture_output=True,
            text=True, env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        )  # fmt: skip

    first = called()
    assert first.returncode == 1 and "failed (-9)" in first.stdout and first.stdout.count("done: ") == 2
    assert (tmp_path / "argv").read_text() == f"{trains.removeprefix('lpg ')} --resume"
    again = called()
    assert again.returncode == 0 and again.stdout == f"done: {dies}\n"
    assert (tmp_path / "count").read_text() == "x"


def test_examples_are_short():
    lengths = {path.name: len(path.read_text().splitlines()) for path in EXAMPLES.glob("*.py")}
    assert len(lengths) == 5 and lengths.pop("torch_cartpole.py") < 100 and max(lengths.values()) < 60
