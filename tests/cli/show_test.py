"""`lpg show`: a run, a rule or an environment, as text and figures."""

import dataclasses
import json

import jax
import pytest

from lpg.cli.main import main
from lpg.meta_training.metrics import MetricsFile, row
from lpg.update_rules.lpg import init_lpg
from lpg.update_rules.rule_file import save_rule
from tests.tiny_run import TINY, report


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def run(tmp_path):
    """A run folder that has not got further than its table's header."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"config": dataclasses.asdict(TINY), "seed": 0}))
    MetricsFile(folder / "metrics.csv", ("a", "b", "c"), 0).close()
    return folder


def test_a_run_is_described_and_its_figure_drawn_again(run, capsys):
    file = MetricsFile(run / "metrics.csv", ("a", "b", "c"), 0)
    known = {"environment_steps": 10, "seconds": 1.0, "steps_per_second": 10.0, "deterministic_resets": 0, "dropped": 0}
    file.append(row(report(final_returns={"a": [1.0]}), meta_update=1, **known))
    file.close()
    assert main(["show", str(run)]) == 0
    out = capsys.readouterr().out
    assert "# Run run" in out and "1 of 4 meta-updates" in out
    assert f"figure: {run / 'figures' / 'meta_training.png'}" in out
    assert (run / "figures" / "meta_training.png").is_file()


def test_a_run_that_has_just_begun_is_no_failure(run, capsys):
    assert main(["show", str(run)]) == 0
    out, err = capsys.readouterr()
    assert "No meta-update yet." in out and "figure" not in out and err == ""


def test_a_rule_is_described_by_its_card(tmp_path, capsys):
    rule = init_lpg(jax.random.key(0), lstm_size=4, prediction_size=3)
    count = sum(leaf.size for leaf in jax.tree.leaves(rule))
    save_rule(tmp_path / "mine.safetensors", rule, {"seed": 7, "config": {"suite": "chain"}})
    assert main(["show", str(tmp_path / "mine.safetensors")]) == 0
    out = capsys.readouterr().out
    assert f"LPG, {count:,} parameters" in out
    assert "seed: 7" in out and "config: suite chain" in out


def test_a_hand_written_rule_has_no_parameters(capsys):
    assert main(["show", "a2c"]) == 0
    assert "a2c: A2C, 0 parameters" in capsys.readouterr().out


def test_a_shipped_rule_is_meant_even_where_a_folder_has_its_name(tmp_path, monkeypatch, capsys):
    (tmp_path / "lpg").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(["show", "lpg"]) == 0
    assert "lpg: LPG, " in capsys.readouterr().out


def test_an_environment_is_drawn_as_text_and_into_a_file(tmp_path, capsys):
    assert main(["show", "tabular/sparse", "--out", str(tmp_path / "sparse.png")]) == 0
    out = capsys.readouterr().out
    assert out.startswith("tabular/sparse: one reward, one penalty, both end the episode\n")
    assert len(out.splitlines()) > 5
    assert (tmp_path / "sparse.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "what, words",
    [("nothing", "nothing"), ("tabular/sprase", "tabular/sprase"), ("lgp", "did you mean"), ("", "")],
)
def test_what_there_is_not_is_one_line_and_status_2(what, words, capsys):
    assert main(["show", what]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and words in err


@pytest.mark.parametrize("content", ["{", "{}", '{"config": {}, "seed": 0}'])
def test_a_damaged_run_is_one_line_and_status_2(content, run, capsys):
    (run / "config.json").write_text(content)
    assert main(["show", str(run)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and "holds no run" in err
