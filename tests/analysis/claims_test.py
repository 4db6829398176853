"""Verdicts follow from numbers and bounds alone."""

from lpg.analysis.claims import judge, missing


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


def test_what_was_not_measured_says_so():
    assert missing("Figure 8", "s", "c", "no results yet").verdict == "no results yet"
