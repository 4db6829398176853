"""The API reference builds from the docstrings without a warning, and what is public is in it."""

import subprocess
import sys
from pathlib import Path

import pytest

import lpg

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The folder of the built pages."""
    folder = tmp_path_factory.mktemp("docs")
    command = [sys.executable, "-W", "error", str(ROOT / "docs" / "reference.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return folder


def test_every_public_name_is_explained(pages):
    text = (pages / "lpg.html").read_text()
    assert [name for name in lpg.__all__ if f'id="{name}"' not in text] == []
    # Not only the name: what `lpg.train` takes and refuses, and what a learner does.
    for words in ("num_steps", "Trains a fresh agent on an environment", "ValueError", 'id="Learner.update"'):
        assert words in text
    assert 'id="nonsense"' not in text


def test_every_package_has_its_pages(pages):
    built = {str(page.relative_to(pages)) for page in pages.rglob("*.html")}
    for page in (
        "lpg/types.html",
        "lpg/update_rules/base.html",
        "lpg/environments/base.html",
        "lpg/agents/custom.html",
    ):
        assert page in built
