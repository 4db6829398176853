"""Bars."""

from lpg.cli.progress import StepProgress
from lpg.evaluation.progress import Bar, Silent


def test_those_of_the_command_line_and_the_silent_one_are_bars(capsys):
    assert isinstance(StepProgress("work", 10), Bar)
    with Silent("work", 10) as bar:
        assert isinstance(bar, Bar)
        bar.advance(10)
    assert capsys.readouterr() == ("", "")
