"""Notebooks run from top to bottom in a kernel, and what is stored of them is what such a run gives."""

import json
import os
import subprocess
import sys

import pytest

from tests.end_to_end.readme_test import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
RUN = """
import sys, nbclient, nbformat
book = nbformat.read(sys.argv[1], 4)
nbclient.NotebookClient(book, timeout=500, kernel_name="python3").execute()
nbformat.write(book, sys.argv[2])
"""


def outputs(path) -> list[list[str]]:
    """Kinds of what each code cell printed and drew; prints that follow each other come in one piece or in several."""
    cells = json.loads(path.read_text())["cells"]
    return [
        sorted({kind for output in cell["outputs"] for kind in output.get("data", {output["output_type"]: None})})
        for cell in cells if cell["cell_type"] == "code"
    ]  # fmt: skip


@pytest.mark.thorough
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(path, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(path), str(tmp_path / "run.ipynb")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = outputs(tmp_path / "run.ipynb")
    assert found == outputs(path) and sum("image/png" in kinds for kinds in found) >= 2
    assert "error" not in str(found)


def test_there_is_one_and_it_is_small():
    assert NOTEBOOKS and max(path.stat().st_size for path in NOTEBOOKS) < 500_000
