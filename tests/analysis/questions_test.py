"""Every question can be asked, and a glance at one takes no more than it says."""

import pytest

from lpg.analysis.questions import MEASUREMENTS, QUESTIONS


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


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_quick_settings_fit_and_are_quicker(name):
    one = MEASUREMENTS[name]
    assert one.settings(**one.quick).steps < one.settings().steps / 20
