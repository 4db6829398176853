"""The registry has every question of the command, and quick configurations are quick."""

import pytest

from lpg.analysis.questions import QUESTIONS


def test_the_questions_are_those_of_the_command():
    assert list(QUESTIONS) == [
        "predictions",
        "value-regression",
        "convergence",
        "probe",
        "ablated-inputs",
        "ablation",
        "diversity",
    ]
    assert all(question.name == name and question.about.endswith(")") for name, question in QUESTIONS.items())


@pytest.mark.parametrize("name", [name for name, question in QUESTIONS.items() if question.measurement])
def test_quick_settings_fit_and_are_quicker(name):
    one = QUESTIONS[name].measurement
    assert one.config(**one.quick).steps < one.config().steps / 20
