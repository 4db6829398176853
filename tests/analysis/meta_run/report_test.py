import json

import pytest

from lpg.analysis.meta_run.plot import save_figure
from lpg.analysis.meta_run.report import describe, write_report
from lpg.meta_training.metrics import MetricsFile, row
from tests.tiny_run import report

CONFIG = {"rule": "lpg", "suite": "a,b", "meta_updates": 1500}


@pytest.fixture
def run(tmp_path):
    """A run of thirty meta-updates: returns 1 … 30 in a, none in b; validated at 10 and 20."""
    folder = tmp_path / "my-run"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"config": CONFIG, "seed": 3}))
    file = MetricsFile(folder / "metrics.csv", ("a", "b"), 0)
    for number in range(1, 31):
        one = report(("a", "b"), final_returns={"a": [float(number)]}, environment_norms={"a": 2.0, "b": 0.5})
        known = {"environment_steps": 10**5 * number, "seconds": 2.0 * number, "steps_per_second": 5e4}
        values = row(one, meta_update=number, deterministic_resets=4, dropped=1, **known)
        if number in (10, 20):
            values["validation"] = {10: 0.75, 20: 0.5}[number]
        file.append(values)
    file.close()
    return folder


def test_a_run_is_described_by_its_numbers(run):
    text = describe(run)
    assert text.startswith("# Run my-run\n\nRule `lpg` on `a,b`, seed 3.\n")
    # 30 · 100,000 steps; 30 · 2 s.
    assert "30 of 1,500 meta-updates, 3.0 M environment steps in 60 s (median 50,000 steps/s)" in text
    assert "4 deterministic, 1 diverged" in text
    assert "best validation 0.750, at meta-update 10" in text
    # The last ten returns 21 … 30 have mean 25.5.
    assert "| a | 25.50 | 2 |" in text and "| b | none ended yet | 0.5 |" in text


def test_the_audit_is_there_where_it_is_known(run):
    assert "Audit" not in describe(run)
    assert "## Audit\n\nNothing stands out." in describe(run, [])
    assert "## Audit\n\n- one thing\n- another" in describe(run, ["one thing", "another"])


def test_the_figure_is_shown_where_there_is_one(run):
    assert "![" not in describe(run)
    save_figure(run)
    assert "(figures/meta_training.png)" in describe(run)


def test_the_report_is_the_description(run):
    path = write_report(run, [])
    assert path == run / "report.md"
    assert path.read_text() == describe(run, [])


def test_a_run_without_a_meta_update_says_so(run):
    (run / "metrics.csv").unlink()
    assert describe(run).endswith("No meta-update yet.\n")


@pytest.mark.parametrize("content", [None, "{", "[]", "{}", '{"config": {}, "seed": 0}', '{"config": 3, "seed": 0}'])
def test_a_folder_that_holds_no_run_is_refused(content, tmp_path):
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(ValueError, match="holds no run: its config.json cannot be read"):
        describe(tmp_path)
