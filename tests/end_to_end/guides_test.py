"""The guides keep their promises: their file is written to an empty folder, and their commands run there, in small."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.end_to_end.readme_test import ROOT, blocks, commands, in_small

GUIDES = sorted((ROOT / "docs").glob("adding_*.md"))
SMALLEST = {"train": "640", "evaluate": "0.002"}


def smallest(words: list[str]) -> list[str]:
    """A command with so few steps that it only shows that everything fits."""
    program, command, *rest = in_small(words)
    for option in ("--steps", "--steps-scale"):
        if option in rest:
            rest[rest.index(option) + 1] = SMALLEST[command]
    if command == "meta-train":
        rest += ["--set", "suite=chain/short", "--set", "meta_updates=2"]
    return [program, command, *rest]


def test_every_guide_is_short_and_linked():
    assert [path.stem for path in GUIDES] == ["adding_a_rule", "adding_an_agent", "adding_an_environment"]
    readme = (ROOT / "README.md").read_text()
    for path in GUIDES:
        assert len(path.read_text().splitlines()) <= 120 and f"(docs/{path.name})" in readme


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_every_file_that_a_guide_names_is_there(path):
    text = path.read_text()
    named = re.findall(r"`(lpg/[\w/]+\.py)`", text) + re.findall(r"\]\(\.\./([^)]+)\)", text)
    assert named and [name for name in named if not (ROOT / name).is_file()] == []


@pytest.mark.thorough
@pytest.mark.parametrize("path", [*GUIDES, ROOT / "docs/environments.md"], ids=lambda path: path.stem)
def test_the_example_of_a_guide_runs_as_it_stands(path, tmp_path):
    text = path.read_text()
    examples = blocks("python", text)
    names = re.findall(r"This is all of\s`(\w+\.py)`", text)
    todo = commands(text)
    for name, example in zip(names, examples, strict=True):
        (tmp_path / name).write_text(example)
        assert any(f"{Path(name).stem}:" in word for words in todo for word in words)
    assert names
    for words in todo:
        done = subprocess.run(
            smallest(words), cwd=tmp_path, env={**os.environ, "PYTHONPATH": ""}, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}\n{done.stderr}"
        assert done.stdout.strip() and "Traceback" not in done.stderr
