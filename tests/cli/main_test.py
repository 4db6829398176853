"""The command line as a whole: every mistake is one line and a status, never a traceback."""

import os
import signal
import subprocess
import sys

import pytest

from lpg.cli import main as module
from lpg.cli.main import COMMANDS, main

BAD_INPUT = {
    "evalate": "did you mean 'evaluate'",
    "list": "Missing",
    "list enviroments": "did you mean 'environments'",
    "list agents more": "more",
    "evaluate --rule a2c": "--suite",
    "evaluate --suite chain": "no rule given; at least one is needed",
    "evaluate --rule a2d --suite chain": "did you mean 'a2c'",
    "evaluate --rule a2c --suite chains": "did you mean 'chain'",
    "evaluate --rule a2c --suite chain --seedz 3": "did you mean --seeds",
    "evaluate --rule a2c --suite chain --seeds three": "three",
    "evaluate --rule a2c --suite chain --seeds 0": "--seeds is 0",
    "evaluate --rule a2c --suite chain --steps-scale nan": "--steps-scale is nan",
    "evaluate --rule a2c --suite chain --num-actions 9": "a delayed chain has 2",
    "evaluate --rule a2c --rule a2c --suite chain": "two rules are called 'a2c'",
    "evaluate --rule optimum=a2c --suite chain": "cannot be called 'optimum'",
    "evaluate --rule nowhere/rule.safetensors --suite chain": "no such file",
    "evaluate --rule lpg.nothing:here --suite chain": "importable",
    "train": "Missing",
    "train chain/shrot --rule a2c": "did you mean 'chain/short'",
    "train chain/short": "--rule",
    "train chain/short --rule a2c --agent mlp": "agent 'mlp' given; 'tabular', or a network",
    "train chain/short --rule a2c --steps 0": "--steps is 0",
    "train chain/short --rule a2c --seeds 0": "--seeds is 0",
    "train chain/short --rule a2c --set gama=.9": "did you mean 'gamma'",
    "train chain/short --rule a2c --set gamma": "key=value",
    "train chain/short --rule a2c --set gamma=high": 'gamma is "high"; expected float | null, got str',
    "train chain/short --rule a2c --set gamma=1.5": "gamma is 1.5; expected float <= 1.0",
    "train chain/short --rule a2c --set num_steps=1": "num_steps is 1; expected int >= 2 (a target looks one",
    "train chain/short --rule a2c --set num_envs=2.5": "num_envs is 2.5; expected int | null, got float",
    "train chain/short --rule a2c --set time_limit_is_termination=3": "is 3; expected bool | null, got int",
}


@pytest.mark.parametrize("command", BAD_INPUT)
def test_bad_input_is_one_line_and_status_2(command, capsys):
    assert main(command.split()) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith("lpg: ")
    assert BAD_INPUT[command] in err


@pytest.mark.parametrize("argv", [["--help"], ["list", "--help"], ["evaluate", "--help"], ["train", "--help"]])
def test_help_is_no_failure(argv, capsys):
    assert main(argv) == 0
    assert "usage: lpg" in capsys.readouterr().out


@pytest.mark.parametrize("code", ["import lpg", "from lpg.cli.main import main; main(['--help'])"])
def test_neither_importing_lpg_nor_its_help_imports_anything_slow(code):
    seen = f"import sys; {code}; print({{'jax', 'numpy', 'equinox', 'tyro', 'rich', 'matplotlib'}} & {{*sys.modules}})"
    run = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True)
    assert run.stdout.endswith("set()\n")


def test_without_a_command_the_usage_is_shown_with_status_2(capsys):
    assert main([]) == 2
    out = capsys.readouterr().out
    assert all(f"lpg {name}" in out for name in COMMANDS)


def test_the_version_is_that_of_the_package(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "lpg 0.1.0\n"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("a\nb"), 2),
        (OSError(28, "No space left on device"), 1),
        (RuntimeError("η is not finite"), 1),
        (KeyboardInterrupt(), 130),
        (SystemExit(143), 143),
        (SystemExit(None), 0),
    ],
)
def test_failures_have_their_status_and_at_most_one_line(error, status, monkeypatch, capsys):
    def fail(command, argv):
        raise error

    monkeypatch.setattr(module, "_run", fail)
    assert main(["list", "rules"]) == status
    assert capsys.readouterr().err.count("\n") <= 1


def test_our_own_mistakes_keep_their_traceback(monkeypatch):
    def fail(command, argv):
        raise AssertionError("a bug")

    monkeypatch.setattr(module, "_run", fail)
    with pytest.raises(AssertionError, match="a bug"):
        main(["list", "rules"])


def test_sigterm_ends_a_command_with_143_and_the_handler_is_put_back(monkeypatch):
    monkeypatch.setattr(module, "_run", lambda command, argv: os.kill(os.getpid(), signal.SIGTERM))
    before = signal.getsignal(signal.SIGTERM)
    assert main(["list", "rules"]) == 143
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_reader_that_has_gone_is_no_traceback():
    code = "import sys; from lpg.cli.main import main; sys.exit(main(['list', 'environments']))"
    run = subprocess.run(f"{sys.executable} -c {code!r} | true", shell=True, capture_output=True, text=True)
    assert "Traceback" not in run.stderr


def test_a_command_that_is_not_built_yet_is_one_line(monkeypatch, capsys):
    monkeypatch.setitem(module.COMMANDS, "dream", ("lpg.cli.dream", "not there"))
    assert main(["dream"]) == 2
    assert "not part of this version" in capsys.readouterr().err
