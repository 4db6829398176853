"""A study measures once, and is scored and drawn from its tables ever after."""

import json

import numpy as np
import pytest

from lpg.analysis.claims import Claim
from lpg.analysis.study import Question, conduct, is_measured, review


def score(tables):
    mean = float(tables["points"]["x"].mean())
    return [Claim(figure="ours", says="s", criterion="c", found=f"{mean:g}", verdict="partly")]


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
    first = conduct(QUESTION, {"seed": 0}, tmp_path / "s", measure)
    again = conduct(QUESTION, {"seed": 0}, tmp_path / "s", measure)
    assert len(calls) == 1 and (first.is_new, again.is_new) == (True, False)
    assert first.claims == again.claims and first.claims[0].found == "2"
    assert json.loads((tmp_path / "s" / "findings.json").read_text())[0]["verdict"] == "partly"
    # The twin: what is found follows the table, not the measurement.
    (tmp_path / "s" / "points.csv").write_text("x\n5\n")
    assert review(QUESTION, tmp_path / "s").claims[0].found == "5"


def test_another_question_does_not_overwrite_it(tmp_path):
    measure, calls = counting()
    conduct(QUESTION, {"seed": 0}, tmp_path / "s", measure)
    with pytest.raises(ValueError, match="seed = 0, not 1"):
        conduct(QUESTION, {"seed": 1}, tmp_path / "s", measure)
    with pytest.raises(ValueError, match="a study of 'toy'"):
        review(Question("other", "", score, plot), tmp_path / "s")
    assert len(calls) == 1


def test_a_measurement_that_was_interrupted_is_made_again(tmp_path):
    def dies():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        conduct(QUESTION, {"seed": 0}, tmp_path / "s", dies)
    assert not is_measured(tmp_path / "s", {"question": "toy", "seed": 0})
    with pytest.raises(ValueError, match="no finished study"):
        review(QUESTION, tmp_path / "s")
    assert conduct(QUESTION, {"seed": 0}, tmp_path / "s", counting()[0]).is_new


def test_a_damaged_folder_is_refused_in_one_line(tmp_path):
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(ValueError, match="damaged"):
        is_measured(tmp_path, {})
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is a file"):
        is_measured(tmp_path / "file", {})
