"""The commands of the README run from an empty directory, with small sizes, and its Python prints what it shows."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()
SMALLER = {
    "train": ["--steps", "6400"],
    "evaluate": ["--steps-scale", "0.002", "--seeds", "2"],
}
"""Options that shorten a command of the README to seconds."""


def blocks(language: str, text: str = README) -> list[str]:
    """Contents of the fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def commands(text: str = README) -> list[list[str]]:
    """The commands of the shell blocks as lists of words, without comments."""
    whole = "\n".join(blocks("shell", text)).replace("\\\n", " ")
    lines = [shlex.split(line, comments=True) for line in whole.splitlines()]
    return [words for words in lines if words]


def in_small(words: list[str]) -> list[str]:
    """The same command with the `smoke` configuration in place of `laptop`, and few steps."""
    program, command, *rest = [word.replace("laptop", "smoke") for word in words]
    for option, value in zip(SMALLER.get(command, [])[::2], SMALLER.get(command, [])[1::2], strict=True):
        if option in rest:
            rest[rest.index(option) + 1] = value
        else:
            rest += [option, value]
    return [str(Path(sys.executable).with_name(Path(program).name)), command, *rest]


def is_lpg(words: list[str]) -> bool:
    return Path(words[0]).name == "lpg"


def test_the_readme_has_what_these_tests_look_for():
    assert sum(map(is_lpg, commands())) >= 4
    assert len(blocks("python")) == 1
    assert len(blocks("python")[0].strip().splitlines()) <= 10
    assert len(blocks("text")) == 1


@pytest.mark.thorough
def test_the_python_of_the_readme_prints_what_the_readme_shows(tmp_path):
    # Programs are compiled as for a user, not as in tests. Processors round differently, so early returns may differ.
    done = subprocess.run(
        [sys.executable, "-c", blocks("python")[0]],
        cwd=tmp_path,
        env={**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": ""},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    shown, printed = blocks("text")[0], done.stdout
    words = r"[^\d.,]+"
    assert re.findall(words, printed) == re.findall(words, shown)
    numbers = [
        [float(number.replace(",", "")) for number in re.findall(r"\d[\d.,]*", text)] for text in (printed, shown)
    ]
    assert numbers[0] == pytest.approx(numbers[1], abs=0.1)


def test_every_command_of_the_readme_is_lpg_or_make():
    assert [words for words in commands() if not is_lpg(words) and words[0] != "make"] == []


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_every_target_named_is_in_the_makefile(page):
    makefile = (ROOT / "Makefile").read_text()
    targets = [words[1] for words in commands((ROOT / page).read_text()) if words[0] == "make"]
    assert targets
    assert [target for target in targets if not re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE)] == []


def test_every_page_that_the_readme_points_to_is_there():
    pages = [target for target in re.findall(r"\]\(([^)]+)\)", README) if not target.startswith("http")]
    assert pages
    assert [page for page in pages if not (ROOT / page.partition("#")[0]).is_file()] == []


def test_every_command_in_the_table_exists():
    from lpg.cli.main import COMMANDS

    named = re.findall(r"^\| `lpg ([a-z-]+)", README, flags=re.MULTILINE)
    assert named
    assert [name for name in named if name not in COMMANDS] == []


@pytest.mark.slow
def test_the_commands_of_the_readme_run_from_an_empty_directory(tmp_path):
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    todo = [in_small(words) for words in commands() if is_lpg(words)]
    for words in todo:
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        assert done.stdout.strip()
    assert (tmp_path / "runs" / "smoke" / "rule.safetensors").is_file()
