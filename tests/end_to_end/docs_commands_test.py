"""Every command that a page shows has options that exist, and `--set` names fields that exist."""

import dataclasses
import re
import shlex

import pytest

from lpg.cli.main import COMMANDS, main
from lpg.evaluation.train_config import TrainConfig
from lpg.meta_training.config import MetaConfig
from tests.end_to_end.readme_test import ROOT, blocks

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
OF_META_TRAINING = ("meta-train", "analyse")
"""Commands whose `--set` changes the configuration of a meta-training; elsewhere it is that of a training."""


def shown() -> list[tuple[str, list[str]]]:
    """Page and words of each command of `lpg` and of `benchmarks`, with the shell's variables put in."""
    found = []
    for page in PAGES:
        text = "\n".join(blocks("shell", page.read_text()))
        variables = dict(re.findall(r'^(\w+)="(.*?)"$', text, re.M | re.S))
        whole = re.sub(r'^\w+="(.*?)"$', "", text, flags=re.M | re.S).replace("\\\n", " ")
        for name in sorted(variables, key=len, reverse=True):
            whole = whole.replace(f"${name}", variables[name].replace("\n", " "))
        for line in whole.splitlines():
            words = shlex.split(line, comments=True)
            if words[:2] == ["python", "-m"] and words[2].startswith("benchmarks."):
                found.append((page.name, words))
            elif words and words[0].split("/")[-1] == "lpg":
                found.append((page.name, words))
    return found


def options_of(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What says which options a command has: the help of `lpg`, the code of a benchmark."""
    if words[0] == "python":
        return (ROOT / words[2].replace(".", "/")).with_suffix(".py").read_text()
    question = words[2:3] if words[1] == "analyse" else []
    assert main([words[1], *question, "--help"]) == 0
    return capsys.readouterr().out


def unknown(words: list[str], options: str) -> list[str]:
    """Options and fields of a command that are not there."""
    names = [word.split("=")[0] for word in words if word.startswith("--")]
    fields = {field.name for field in dataclasses.fields(MetaConfig if words[1] in OF_META_TRAINING else TrainConfig)}
    changed = [after.split("=")[0] for word, after in zip(words, words[1:], strict=False) if word == "--set"]
    return [name for name in names if not re.search(rf"{name}(?![\w-])", options)] + [
        name for name in changed if name not in fields
    ]


def test_every_command_of_the_pages_has_options_that_exist(capsys):
    commands = shown()
    assert len(commands) > 60 and {words[1] for _, words in commands} >= set(COMMANDS) - {"list", "watch"}
    helps: dict[tuple[str, ...], str] = {}
    wrong = []
    for page, words in commands:
        kind = tuple(words[: 3 if words[0] == "python" or words[1] == "analyse" else 2])
        helps[kind] = helps.get(kind) or options_of(words, capsys)
        wrong += [(page, shlex.join(words[:4]), name) for name in unknown(words, helps[kind])]
    assert wrong == []


def test_a_wrong_option_or_field_is_found():
    words = ["lpg", "meta-train", "laptop", "--seed", "1", "--set", "meta_updates=1", "--sed", "2", "--set", "meta=1"]
    assert unknown(words, "--seed INT --set KEY=VALUE") == ["--sed", "meta"]
    assert unknown(["lpg", "train", "x", "--set", "meta_updates=1"], "--set KEY=VALUE") == ["meta_updates"]
