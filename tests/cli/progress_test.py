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


def test_the_time_left_follows_from_the_pace_after_the_first_report(monkeypatch, capsys):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", -1.0)
    # 30 s until the first quarter, most of it compiling; then 2 s for a quarter.
    seconds = iter([30.0, 30.0, 32.0, 32.0])
    monkeypatch.setattr(StepProgress, "seconds", property(lambda self: next(seconds)))
    with StepProgress("a2c", 200) as one:
        one.advance(50)
        one.advance(50)
    first, second = capsys.readouterr().err.splitlines()
    assert "left" not in first and second.endswith(", 4 s left")


def test_rates_are_told_in_the_unit_that_shows_something(monkeypatch, capsys):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", -1.0)
    monkeypatch.setattr(StepProgress, "seconds", 2.0)
    with StepProgress("a2c", 4_000_000) as one:
        one.advance(4_000)
        one.advance(2_996_000)
    slow, fast = capsys.readouterr().err.splitlines()
    assert "2,000 steps/s" in slow and "1.50 M steps/s" in fast


def test_short_work_says_nothing(capsys):
    with StepProgress("a2c", 200) as one:
        one.advance(200)
    assert capsys.readouterr().err == ""
