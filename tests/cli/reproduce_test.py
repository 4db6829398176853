"""`lpg reproduce`: figures and the report, measured once."""

import jax
import pytest

from lpg.analysis.study import SETTINGS
from lpg.cli import reproduce, studies
from lpg.cli.main import main
from lpg.evaluation import results
from lpg.update_rules.lpg import init_lpg
from lpg.update_rules.rule_file import save_rule
from tests.analysis.ablation_test import tables as ablation_tables
from tests.analysis.atari_test import tables as atari_tables
from tests.analysis.training_environments_test import tables as training_tables


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def rule(tmp_path):
    path = tmp_path / "mine.safetensors"
    save_rule(path, init_lpg(jax.random.key(0), lstm_size=2, prediction_size=3), {})
    return str(path)


def write(path, table):
    from lpg.analysis.table import write_table

    write_table(path, table)
    return str(path)


def test_figure_3_is_drawn_from_a_results_table_without_any_rule(tmp_path, capsys):
    table = write(tmp_path / "r.csv", training_tables(mine=3.0, a2c=2.0)["results"])
    assert main(["reproduce", "figure-3", "--results", table, "--out", "o"]) == 0
    out = capsys.readouterr().out
    assert "REPRODUCED: Agents end at higher returns under LPG than under A2C" in out
    report = (tmp_path / "o" / "figure-3.html").read_text()
    assert "10.43" in report and "data:image/png;base64," in report and "http" not in report


def test_what_was_never_measured_is_said_in_a_line(capsys):
    for name in ("figure-7", "figure-8", "figure-9", "figure-10"):
        assert main(["reproduce", name, "--out", "o"]) == 0
        assert "found: no results yet" in capsys.readouterr().out


def test_figures_of_runs_and_games_are_drawn_from_what_is_there(tmp_path, capsys):
    write(tmp_path / "a" / "validations.csv", ablation_tables(lpg=0.8)["validations"])
    (tmp_path / "a" / SETTINGS).write_text('{"question": "ablation", "seed": 3}')
    assert main(["reproduce", "figure-7", "--ablation", "a", "--out", "o"]) == 0
    assert "LPG is above 5 of 5" in capsys.readouterr().out
    games = write(tmp_path / "g.csv", atari_tables(breakout=160)["results"])
    assert main(["reproduce", "figure-8", "--atari", games, "--out", "o"]) == 0
    assert "breakout 160 (paper 300)" in capsys.readouterr().out


@pytest.mark.thorough
def test_a_figure_about_a_rule_is_measured_once(rule, monkeypatch, tmp_path, capsys):
    quick = reproduce.measurement_of("convergence").quick
    monkeypatch.setitem(quick, "iterations", 1)
    command = ["reproduce", "figure-6", "--rule", rule, "--quick", "--out", "o"]
    assert main(command) == 0
    first = (tmp_path / "o" / "figure-6" / "distances.csv").read_bytes()
    assert "report: o/figure-6.html" in capsys.readouterr().out
    monkeypatch.setattr(studies, "StepProgress", None)  # every measurement would show its progress
    assert main(command) == 0
    assert (tmp_path / "o" / "figure-6" / "distances.csv").read_bytes() == first
    assert "nothing can be concluded" in (tmp_path / "o" / "figure-6.html").read_text()


def test_a_report_of_all_is_made_though_a_rule_cannot_be_asked_everything(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(reproduce, "TITLES", {"ablated-inputs": reproduce.TITLES["ablated-inputs"]})
    assert main(["reproduce", "all", "--rule", "a2c", "--quick", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("found: the rule is A2C; a full LPG is needed") == 2
    assert "a full LPG is needed" in (tmp_path / "report.html").read_text()
    # Who asks for this alone has made a mistake.
    assert main(["reproduce", "ablated-inputs", "--rule", "a2c", "--quick", "--out", str(tmp_path)]) == 2


def test_figure_3_makes_its_own_table_once(tmp_path, monkeypatch, capsys):
    calls = []

    def evaluate(plans, seeds, **options):
        label, names = plans[0].rule.label, [plan.environment for plan in plans]
        calls.append(label)
        return [results.Row(label, n, s, at, at, 1.0, 0.0, 64) for n in names for s in seeds for at in (1, 2)]

    monkeypatch.setattr(reproduce, "evaluate_plans", evaluate)
    command = ["reproduce", "figure-3", "--rule", "lpg=a2c", "--rule", "a2c", "--quick", "--out", "o"]
    assert main(command) == 0 and main(command) == 0
    assert calls == ["lpg", "a2c"]
    assert main([*command, "--seed", "1"]) == 2
    assert "other rules or settings" in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv, words",
    [
        (["figure-11"], "did you mean 'figure-1"),
        (["figure-4"], "--rule names the discovered rule"),
        (["figure-3", "--results", "nowhere.csv"], "no such file"),
        (["figure-7", "--seeds", "0"], "must be positive"),
        (["figure-7", "--seed", "-1"], "--seed is -1"),
    ],
)
def test_every_mistake_is_one_clear_line(argv, words, capsys):
    assert main(["reproduce", *argv]) == 2
    err = capsys.readouterr().err
    assert words in err and err.count("\n") == 1
