"""Progress off a terminal: plain lines now and then, on standard error."""

from lpg.cli import progress
from lpg.cli.progress import StepProgress


def test_lines_come_now_and_then_and_say_how_far(monkeypatch, capsys):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", -1.0)
    with StepProgress("a2c", 200) as one:
        one.advance(50)
        one.advance(50)
    out, err = capsys.readouterr()
    assert out == "" and [line.split(",")[0] for line in err.splitlines()] == ["a2c: 25%", "a2c: 50%"]
    assert one.done == 100 and one.seconds >= 0


def test_short_work_says_nothing(capsys):
    with StepProgress("a2c", 200) as one:
        one.advance(200)
    assert capsys.readouterr().err == ""
