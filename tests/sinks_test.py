"""Sinks: what reaches them, and that one that fails costs nothing."""

import pytest

from lpg.sinks import Sink, Sinks, as_sink
from tests.helpers import Diary


def report_to(sinks, tmp_path):
    sinks.start({"rule": "a2c"})
    sinks.row(10, {"return": 1.0}, "a2c/seed-0")
    sinks.row(20, {"return": 2.0})
    sinks.figure(tmp_path / "a.png")


def test_every_sink_is_told_everything_in_order(tmp_path):
    one, other = Diary(), Diary()
    with Sinks([one, other], pytest.fail) as sinks:
        report_to(sinks, tmp_path)
    assert one.lines == other.lines == [
        ("start", {"rule": "a2c"}), ("row", 10, {"return": 1.0}, "a2c/seed-0"), ("row", 20, {"return": 2.0}, ""),
        ("figure", tmp_path / "a.png"), ("close",),
    ]  # fmt: skip


@pytest.mark.parametrize("method, calls", [("start", 1), ("row", 2), ("figure", 4), ("close", 5)])
def test_a_sink_that_fails_is_reported_once_and_left_out(method, calls, tmp_path):
    failing, other, said = Diary(fails_in=method), Diary(), []
    with Sinks([failing, other], said.append) as sinks:
        report_to(sinks, tmp_path)
    assert said == ["Diary failed and is left out from here on; the run goes on (OSError: no space)"]
    assert len(failing.lines) == calls and len(other.lines) == 5
    # With the last one gone nobody listens.
    alone = Sinks([Diary(fails_in=method)], said.append)
    assert not alone.is_empty
    report_to(alone, tmp_path)
    alone.close()
    assert alone.is_empty and Sinks([], pytest.fail).is_empty


def test_a_signal_goes_through_and_the_sinks_are_closed(tmp_path):
    stopping, other = Diary(fails_in="row", error=KeyboardInterrupt), Diary()
    with pytest.raises(KeyboardInterrupt), Sinks([stopping, other], pytest.fail) as sinks:
        report_to(sinks, tmp_path)
    assert stopping.lines[-1] == other.lines[-1] == ("close",)


def test_a_function_is_a_sink_of_rows():
    seen = []
    sink = as_sink(lambda step, values: seen.append((step, values)))
    assert isinstance(sink, Sink)
    with Sinks([sink], pytest.fail) as sinks:
        sinks.start({})
        sinks.row(3, {"x": 1.0}, "somewhere")
    assert seen == [(3, {"x": 1.0})]
    diary = Diary()
    assert as_sink(diary) is diary


@pytest.mark.parametrize("given", [3, "tensorboard", Diary])
def test_what_is_no_sink_is_refused(given):
    with pytest.raises(ValueError, match=r"callback is .*; a function of \(step, values\) is needed, or an object"):
        as_sink(given)
