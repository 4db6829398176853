"""A study measures once and is scored and drawn from its tables afterwards; verdicts follow from numbers and bounds."""

import json

import numpy as np
import pytest

from lpg.analysis.study import Claim, Question, is_measured, judge, missing, read_study, run_study


def test_more_is_better_if_the_better_bound_is_the_higher_one():
    assert [judge(x, reproduced=0.8, partly=0.5) for x in (0.9, 0.8, 0.6, 0.4)] == [
        "reproduced", "reproduced", "partly", "not reproduced",
    ]  # fmt: skip


def test_less_is_better_if_the_better_bound_is_the_lower_one():
    assert [judge(x, reproduced=2.0, partly=4.0) for x in (1.0, 3.0, 5.0)] == [
        "reproduced", "partly", "not reproduced",
    ]  # fmt: skip


def test_no_number_is_never_a_success():
    assert judge(float("nan"), reproduced=1.0, partly=0.5) == "not reproduced"
    assert judge(float("nan"), reproduced=0.5, partly=1.0) == "not reproduced"


def test_a_claim_without_a_measurement_has_no_results_yet():
    assert missing("Figure 8", "s", "c", "no results yet").verdict == "no results yet"


def score(tables):
    mean = float(tables["points"]["x"].mean())
    return [Claim(figure="ours", statement="s", criterion="c", found=f"{mean:g}", verdict="partly")]


def plot(tables, folder):
    folder.mkdir(exist_ok=True)
    (folder / "f.png").write_bytes(b"x")
    return [folder / "f.png"]


QUESTION = Question("toy", "a toy", score, plot)


def counting():
    calls = []

    def measure():
        calls.append(1)
        return {"points": {"x": np.array([1.0, 3.0])}}

    return measure, calls


def test_the_same_question_is_measured_once(tmp_path):
    measure, calls = counting()
    first = run_study(QUESTION, {"seed": 0}, tmp_path / "s", measure)
    again = run_study(QUESTION, {"seed": 0}, tmp_path / "s", measure)
    assert len(calls) == 1 and (first.is_new, again.is_new) == (True, False)
    assert first.claims == again.claims and first.claims[0].found == "2"
    assert json.loads((tmp_path / "s" / "findings.json").read_text())[0]["verdict"] == "partly"
    # The twin: what is found follows the table, not the measurement.
    (tmp_path / "s" / "points.csv").write_text("x\n5\n")
    assert read_study(QUESTION, tmp_path / "s").claims[0].found == "5"


def test_another_question_does_not_overwrite_it(tmp_path):
    measure, calls = counting()
    run_study(QUESTION, {"seed": 0}, tmp_path / "s", measure)
    with pytest.raises(ValueError, match="seed = 0, not 1"):
        run_study(QUESTION, {"seed": 1}, tmp_path / "s", measure)
    with pytest.raises(ValueError, match="a study of 'toy'"):
        read_study(Question("other", "", score, plot), tmp_path / "s")
    assert len(calls) == 1


def test_a_measurement_that_was_interrupted_is_made_again(tmp_path):
    def dies():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(QUESTION, {"seed": 0}, tmp_path / "s", dies)
    assert not is_measured(tmp_path / "s", {"question": "toy", "seed": 0})
    with pytest.raises(ValueError, match="no finished study"):
        read_study(QUESTION, tmp_path / "s")
    assert run_study(QUESTION, {"seed": 0}, tmp_path / "s", counting()[0]).is_new


def test_a_damaged_folder_is_refused_in_one_line(tmp_path):
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(ValueError, match="damaged"):
        is_measured(tmp_path, {})
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is a file"):
        is_measured(tmp_path / "file", {})
