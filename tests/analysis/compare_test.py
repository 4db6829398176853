"""`lpg.evaluate`: what `lpg evaluate` does, in Python."""

import pytest

import lpg
from lpg.analysis.compare import check_labels
from lpg.cli.main import main
from lpg.evaluation import results
from lpg.update_rules.registry import NamedRule, find_rule
from tests.helpers import Diary


@pytest.mark.thorough
def test_it_measures_what_the_command_line_does(tmp_path):
    argv = ["--rule", "a2c", "--rule", "again=lpg", "--suite", "chain/short,chain/long", "--seeds", "2"]
    assert (
        main(["evaluate", *argv, "--steps-scale", "0.005", "--greedy-episodes", "2", "--out", str(tmp_path / "a")]) == 0
    )
    diary = Diary()
    report = lpg.evaluate(
        {"a2c": "a2c", "again": lpg.load_rule("lpg")}, ["chain/short", "chain/long"], seeds=2, steps_scale=0.005,
        greedy_episodes=2, out=tmp_path / "b", callback=diary,
    )  # fmt: skip
    tables = [(tmp_path / name / "results.csv").read_text() for name in "ab"]
    assert tables[0] == tables[1] == results.to_text(report.rows)
    assert list(report.scores) == ["a2c", "again"] and report.against == "a2c" and "again" in report.differences
    assert len(report.finals) == 8 and {one.episodes for one in report.finals} == {2}
    assert diary.lines[0][1]["again"]["chain/long"]["rule"] == "again"
    assert diary.lines[-2:] == [("figure", tmp_path / "b" / "figures" / "learning_curves.png"), ("close",)]
    with pytest.raises(ValueError, match="holds the results of other rules"):
        lpg.evaluate("a2c", "chain/short", seeds=1, out=tmp_path / "b")


def test_one_rule_and_no_folder_will_do():
    report = lpg.evaluate("a2c", "chain/short", seeds=1, steps_scale=0.001, greedy_episodes=0)
    assert list(report.scores) == ["a2c"] and report.differences == {}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("a2d", "chain/short"), "did you mean 'a2c'"),
        (("a2c", "chain/shrot"), "chain/short"),
        ((["a2c", "a2c"], "chain/short"), "two rules are called 'a2c'"),
        (({"optimum": "a2c"}, "chain/short"), "a rule cannot be called 'optimum'"),
        (([], "chain/short"), "no rule given"),
    ],
)
def test_bad_input_is_refused_in_one_line(arguments, words):
    with pytest.raises(ValueError, match=words) as caught:
        lpg.evaluate(*arguments)
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="seeds is 0"):
        lpg.evaluate("a2c", "chain/short", seeds=0)


def test_labels_must_differ():
    rule = find_rule("a2c")
    check_labels([rule, NamedRule(rule=rule.rule, name="a2c", label="other")])
    with pytest.raises(ValueError, match="two rules are called 'a2c'"):
        check_labels([rule, rule])
