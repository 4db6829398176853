"""Each flag is raised by a run that is broken in this one way, and by no healthy one."""

import math

import numpy as np
import pytest

from lpg.meta_training.audit import PATIENCE, WINDOW, Audit
from tests.tiny_run import TINY, report, trainer

LEAVES = ["w_lstm", "pi_head"]


def flags(*reports, times: int = PATIENCE, prediction_size: int = 3) -> list[str]:
    """What the audit says after these meta-updates, the last one repeated."""
    audit = Audit(LEAVES, prediction_size)
    for one in (*reports[:-1], *[reports[-1]] * times):
        audit.observe(one)
    return audit.flags()


def test_a_healthy_run_raises_no_flag():
    assert flags(report(lifetimes=3)) == []


BROKEN = {
    # Squared error 0.96 of a variance of 1: more than 95 %.
    "outer critic of b: squared error 0.96 is 96%": ({"error": {"a": 0.2, "b": 0.96, "c": 0.2}}, {"error": 0.94}),
    "no gradient reaches pi_head": ({"leaf_norms": (1.0, 0.0)}, {"leaf_norms": (1.0, 1e-9)}),
    # log 3 = 1.098612; 98 % of it is 1.076640.
    "predictions stay uniform (entropy 98.3%": ({"prediction_entropy": 1.08}, {"prediction_entropy": 1.07}),
    # Squares 9, 1, 1: 9/11 = 82 %. The twin's 4, 1, 1: 67 %.
    "a owns 82% of the meta-gradient": (
        {"environment_norms": {"a": 3.0, "b": 1.0, "c": 1.0}},
        {"environment_norms": {"a": 2.0, "b": 1.0, "c": 1.0}},
    ),
    # Mean square 1 and mean 0.9999: variance 1 − 0.9998 = 2e-4 of it. The twin's mean 0.999: 2e-3.
    "π̂ is saturated: 1 whatever happens": ({"pi_hat_mean": 0.9999}, {"pi_hat_mean": 0.999}),
}


@pytest.mark.parametrize("words", BROKEN)
def test_a_broken_run_is_flagged_and_its_nearly_broken_twin_is_not(words):
    broken, twin = BROKEN[words]
    (flag,) = flags(report(**broken))
    assert flag.startswith(words)
    assert flags(report(**twin)) == []


def test_it_takes_time_before_anything_is_said():
    sick = report(leaf_norms=(0.0, 0.0))
    assert flags(sick, times=PATIENCE - 1) == []
    assert len(flags(sick, times=PATIENCE)) == 2


def test_only_the_last_meta_updates_count():
    sick, healthy = report(prediction_entropy=math.log(3)), report()
    assert flags(*[sick] * 500, healthy, times=WINDOW) == []
    assert flags(*[healthy] * 500, sick, times=WINDOW) != []


def test_a_leaf_that_was_reached_once_in_the_window_is_no_fault():
    assert flags(report(leaf_norms=(1.0, 0.5)), report(leaf_norms=(1.0, 0.0))) == []


def test_a_rule_without_predictions_is_not_asked_about_them():
    assert flags(report(prediction_entropy=0.0), prediction_size=1) == []


def test_two_environments_may_share_unequally():
    norms = {"environment_norms": {"a": 9.0, "b": 1.0}}
    assert flags(report(("a", "b"), **norms)) == []
    assert len(flags(report(**{"environment_norms": {"a": 9.0, "b": 1.0, "c": 1.0}}))) == 1


def test_dropped_lifetimes_do_not_blind_it():
    # One of two lifetimes measured nothing: the other one still says that the critic of b knows nothing.
    broken = report(error={"a": 0.2, "b": np.nan, "c": 0.2}, is_finite={"a": True, "b": [False, False], "c": True})
    sick = report(error={"a": 0.2, "b": 0.99, "c": 0.2})
    (flag,) = flags(broken, sick)
    assert flag.startswith("outer critic of b")
    assert flags(broken) == []  # nothing is known of b at all: no flag and no warning


def test_a_real_run_is_watched_from_end_to_end():
    one = trainer()
    state = one.init()
    reports = [one.meta_update(state) for _ in range(3)]
    audit = Audit([str(n) for n in range(len(reports[0].step.leaf_norms))], TINY.prediction_size)
    for index in range(PATIENCE):
        audit.observe(reports[index % 3])
    assert all(isinstance(flag, str) for flag in audit.flags())
