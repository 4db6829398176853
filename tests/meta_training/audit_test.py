"""Each flag is raised by a run with this one failure, and not by a healthy run; every flag ends with advice."""

import dataclasses
import math
import re

import numpy as np
import pytest

from lpg.meta_training.audit import PATIENCE, WINDOW, Audit
from lpg.meta_training.config import MetaConfig
from tests.tiny_run import TINY, report, trainer

LEAVES = ["w_lstm", "pi_head"]


def flags(*reports, times: int = PATIENCE, prediction_size: int = 3) -> list[str]:
    """Flags after these meta-updates, of which the last is repeated."""
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
    "a has 82% of the squared meta-gradient": (
        {"environment_norms": {"a": 3.0, "b": 1.0, "c": 1.0}},
        {"environment_norms": {"a": 2.0, "b": 1.0, "c": 1.0}},
    ),
    # Mean square 1 and mean 0.9999: variance 1 − 0.9998 = 2e-4 of it. The twin's mean 0.999: 2e-3.
    "π̂ is constant (1 at every step)": ({"pi_hat_mean": 0.9999}, {"pi_hat_mean": 0.999}),
}


@pytest.mark.parametrize("words", BROKEN)
def test_a_broken_run_is_flagged_and_its_nearly_broken_twin_is_not(words):
    broken, twin = BROKEN[words]
    (flag,) = flags(report(**broken))
    assert flag.startswith(words)
    what_to_change = ("stop_gradient", *(field.name for field in dataclasses.fields(MetaConfig)))
    assert any(re.search(rf"\b{name}\b", flag.rsplit("; ", 1)[1]) for name in what_to_change)
    assert flags(report(**twin)) == []


def test_there_are_no_flags_before_enough_meta_updates():
    broken = report(leaf_norms=(0.0, 0.0))
    assert flags(broken, times=PATIENCE - 1) == []
    assert len(flags(broken, times=PATIENCE)) == 2


def test_only_the_last_meta_updates_count():
    broken, healthy = report(prediction_entropy=math.log(3)), report()
    assert flags(*[broken] * 500, healthy, times=WINDOW) == []
    assert flags(*[healthy] * 500, broken, times=WINDOW) != []


def test_a_leaf_with_one_gradient_in_the_window_raises_no_flag():
    assert flags(report(leaf_norms=(1.0, 0.5)), report(leaf_norms=(1.0, 0.0))) == []


def test_a_rule_that_discovers_no_predictions_raises_no_flag_about_them():
    assert flags(report(prediction_entropy=0.0), prediction_size=1) == []


def test_with_two_environments_one_may_dominate():
    norms = {"environment_norms": {"a": 9.0, "b": 1.0}}
    assert flags(report(("a", "b"), **norms)) == []
    assert len(flags(report(**{"environment_norms": {"a": 9.0, "b": 1.0, "c": 1.0}}))) == 1


def test_diverged_lifetimes_are_left_out_of_the_means():
    # Both lifetimes of b diverged in the first report; later reports show that its critic is poor.
    broken = report(error={"a": 0.2, "b": np.nan, "c": 0.2}, is_finite={"a": True, "b": [False, False], "c": True})
    poor_critic = report(error={"a": 0.2, "b": 0.99, "c": 0.2})
    (flag,) = flags(broken, poor_critic)
    assert flag.startswith("outer critic of b")
    assert flags(broken) == []  # without any finite number of b: no flag, and no NumPy warning


def test_the_audit_of_real_meta_updates_runs():
    one = trainer()
    state = one.init()
    reports = [one.meta_update(state) for _ in range(3)]
    audit = Audit([str(n) for n in range(len(reports[0].step.leaf_norms))], TINY.prediction_size)
    for index in range(PATIENCE):
        audit.observe(reports[index % 3])
    assert all(isinstance(flag, str) for flag in audit.flags())
