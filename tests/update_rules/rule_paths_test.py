"""Where rule files are found."""

import subprocess
import sys

import pytest

from lpg.update_rules import rule_paths
from lpg.update_rules.rule_paths import find_file, shipped


def test_shipped_names_files_and_run_folders_are_found(tmp_path, monkeypatch):
    mine, run = tmp_path / "mine.safetensors", tmp_path / "run-1"
    run.mkdir()
    for path in (mine, run / "rule.safetensors"):
        path.write_bytes(b"")
    assert find_file(mine) == (mine, "mine")
    assert find_file(run) == find_file(run / "rule.safetensors") == (run / "rule.safetensors", "run-1")
    hub = tmp_path / "hub"
    hub.mkdir()
    (hub / "model.safetensors").write_bytes(b"")
    assert find_file(hub) == find_file(hub / "model.safetensors") == (hub / "model.safetensors", "hub")
    monkeypatch.chdir(run)
    assert find_file(".") == (rule_paths.Path("rule.safetensors"), "run-1")
    assert find_file("lpg") == (shipped()["lpg"], "lpg") and find_file("a2c") is None
    # A shipped name is meant even if there is a folder of this name.
    (run / "lpg").mkdir()
    assert find_file("lpg") == (shipped()["lpg"], "lpg")


def test_what_is_not_there_is_said(tmp_path):
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "config.json").write_text("{}")
    for path, words in {
        tmp_path / "none.safetensors": "no such file or folder",
        "some/folder": "no such file or folder",
        tmp_path: "no run folder",
        tmp_path / "begun": "this run has no rule yet; continue it with",
    }.items():
        with pytest.raises(ValueError, match=words):
            find_file(path)


def test_no_jax_is_needed():
    code = "import sys, lpg.update_rules.rule_paths as p; p.find_file('lpg'); print('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
