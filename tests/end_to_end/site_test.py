"""The docs site builds without a warning, what is public is in it, and its pages state what the code does."""

import dataclasses
import importlib
import importlib.util
import os
import re
import shlex
import subprocess
import sys

import pytest
from safetensors import safe_open

import lpg
from lpg.checks import assignments
from lpg.cli.main import COMMANDS
from lpg.cli.parsing import parse
from lpg.evaluation.train_config import TrainConfig
from lpg.meta_training.config import MetaConfig
from lpg.meta_training.config_file import load_config
from lpg.update_rules.rule_file import FORMAT_VERSION, INPUTS
from tests.end_to_end.readme_test import ROOT, blocks, is_lpg

PAGES = ("choosing_settings", "which_rule", "discorl", "scores", "rule_file", "tutorial", "troubleshooting")


def text(page: str) -> str:
    return (ROOT / "docs" / f"{page}.md").read_text()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr
    return folder


@pytest.mark.thorough
def test_every_public_name_is_explained(site):
    built = (site / "api.html").read_text() + (site / "configuration.html").read_text()
    names = [*(f"{module}.{name}" for name, module in lpg._WHERE.items()), "lpg.nonsense"]
    assert [name for name in names if f'id="{name}"' not in built] == ["lpg.nonsense"]
    # Not only the name: what `lpg.train` takes and refuses, and what a learner does.
    for words in ("num_steps", "Trains a fresh agent on an environment", "ValueError", "learner.Learner.update"):
        assert words in built


@pytest.mark.thorough
def test_every_package_has_its_page(site):
    built = {page.stem for page in (site / "modules").glob("*.html")}
    packages = {path.name for path in (ROOT / "lpg").iterdir() if (path / "__init__.py").is_file()}
    assert packages - {"cli"} <= built
    assert 'id="lpg.update_rules.base.Rule"' in (site / "modules/update_rules.html").read_text()


@pytest.mark.thorough
@pytest.mark.parametrize("config", [TrainConfig, MetaConfig])
def test_every_field_of_a_configuration_is_on_its_page(site, config):
    built = (site / "configuration.html").read_text()
    names = [field.name for field in dataclasses.fields(config)]
    assert [n for n in names if f'id="{config.__module__}.{config.__qualname__}.{n}"' not in built] == []


@pytest.mark.thorough
def test_nothing_is_loaded_from_elsewhere(site):
    built = (site / "index.html").read_text()
    assert (
        re.findall(r'<(?:script|img)[^>]* src="https?:[^"]*"|<link[^>]*stylesheet[^>]* href="https?:[^"]*"', built)
        == []
    )


def test_links_lead_to_the_place_on_the_site_or_are_text():
    spec = importlib.util.spec_from_file_location("hooks", ROOT / "docs/hooks.py")
    hooks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hooks)
    links = "[a](docs/glossary.md#terms) [b](CHANGELOG.md) [c](lpg/sinks.py) [d](https://x.org) [e](none.md)"
    expected = "[a](glossary.md#terms) [b](changes.md) c [d](https://x.org) [e](none.md)"
    assert hooks.relinked(links, "index.md") == expected
    assert hooks.relinked("[a](../examples/numpy_only.py)", "scores.md") == "[a](examples/numpy_only.md)"


def shell(page: str) -> list[list[str]]:
    """The commands of a page, each as words."""
    lines = "\n".join(blocks("shell", text(page))).replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True) for line in lines if line.strip()]


@pytest.mark.parametrize("page", [page for page in PAGES if shell(page)])
def test_the_commands_of_a_page_have_the_options_that_exist(page):
    for words in shell(page):
        assert is_lpg(words)
        arguments = parse(importlib.import_module(COMMANDS[words[1]][0]).Arguments, words[2:], "lpg")
        if words[1] == "meta-train":
            load_config(words[2], {k: v for k, v in assignments(arguments.set).items() if k != "initial_rule"})
    with pytest.raises(ValueError, match="nonsense"):
        parse(importlib.import_module(COMMANDS["show"][0]).Arguments, ["x", "--nonsense", "1"], "lpg")


def test_settings_that_the_pages_name_are_fields():
    known = {field.name for config in (TrainConfig, MetaConfig) for field in dataclasses.fields(config)}
    pages = text("choosing_settings") + text("tutorial") + text("troubleshooting")
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+|chunk|averaging|gamma|suite)(?:=\S+)?`", pages))
    columns = {"deterministic_resets", "stop_gradient"}
    assert len(named) > 15 and named - known - columns == set()


def test_every_flag_of_the_audit_has_a_heading():
    source = (ROOT / "lpg/meta_training/audit.py").read_text()
    headings = re.findall(r"^### (.*)$", text("troubleshooting"), re.M)
    assert len(headings) == len(re.findall(r"\*self\._\w+\(\)", source)) == 5
    for heading in headings:
        assert heading.strip("… ") in source


def test_the_page_of_rule_files_names_version_kinds_inputs_and_arrays():
    page = text("rule_file")
    assert f"| `format_version` | {FORMAT_VERSION};" in page
    assert [kind for kind in INPUTS if f"`{kind}`" not in page] == []
    for kind in ("lpg", "lpg-v"):
        cells = ", ".join(f"`{name}`" for name in INPUTS[kind]).replace("|", "\\|")
        assert f"| `{kind}` | {cells} |" in page
    with safe_open(ROOT / "lpg/rules/lpg.safetensors", "np") as file:
        shapes = {name: list(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    sizes = {"n": 32, "m": 30, "e": 16, "6 + n": 38, "4 n": 128, "1": 1}
    stated = {}
    for names, dims in re.findall(r"^\| (`\w+\.weight`, `\w+\.bias`) \| (\[.*?\], \[.*?\]) \|", page, re.M):
        for name, shape in zip(re.findall(r"`([\w.]+)`", names), re.findall(r"\[(.*?)\]", dims), strict=True):
            stated[name] = [sizes[size] for size in shape.split(", ")]
    assert stated == shapes
