"""Figure 6: when the distance has fallen to a tenth, the verdicts and the figure."""

import numpy as np
import pytest

from lpg.analysis.convergence.findings import convergence, distance_at, draw, following, plot, score
from lpg.analysis.table import make_table


def pair(method, name, iterations, distances):
    return [
        {"method": method, "pair": name, "iteration": i, "distance": d, "stderr": 0.01}
        for i, d in zip(iterations, distances, strict=True)
    ]


def rows_of(method, other, cells, new, old):
    """Distances at 0, 50, 100 and 200 iterations, between cells at 100, and after the change at 200 and 400."""
    return [
        *pair(method, "other", (0, 50, 100, 200), other),
        *pair(method, "same-seed", (0, 100), (other[0] / 2, other[1] / 2)),
        *pair(method, "cells", (0, 100), (1.0, cells)),
        *pair(method, "new", (200, 400), new),
        *pair(method, "old", (200, 400), (0.1, old)),
    ]


SLOW = ((1.0, 0.9, 0.9, 0.9), 2.0, (0.4, 0.4), 0.5)


def tables(other=(1.0, 0.3, 0.08, 0.05), cells=2.0, new=(0.4, 0.02), old=0.5, untrained=SLOW, constant=SLOW):
    rows = rows_of("y", other, cells, new, old)
    for name, distances in (("untrained 1", untrained), ("constant", constant)):
        rows += rows_of(name, *distances) if distances else []
    return {"distances": make_table(rows)}


def verdicts(**changes):
    return [claim.verdict for claim in score(tables(**changes))]


def test_distances_are_counted_from_the_first_of_the_pair():
    table = tables()["distances"]
    assert distance_at(table, "y", "other", 100.0) == 0.08 and distance_at(table, "y", "other", 99.0) == 0.3
    assert distance_at(table, "y", "other") == 0.05
    assert distance_at(table, "y", "new", 0.0) == 0.4 and distance_at(table, "y", "old") == 0.5
    assert convergence(table, "y") == pytest.approx((0.08, 0.04))  # .08 / 1, .08 / 2
    assert following(table, "y") == pytest.approx((0.05, 0.04))  # .02 / .4, .02 / .5


def test_the_verdicts_follow_from_a_tenth_and_a_half():
    assert verdicts() == ["reproduced", "reproduced"]
    assert verdicts(other=(1.0, 0.5, 0.3, 0.05), new=(0.4, 0.1)) == ["partly", "partly"]  # .3, and .1 / .4
    assert verdicts(other=(1.0, 0.9, 0.8, 0.05), new=(0.4, 0.4)) == ["not reproduced", "not reproduced"]


def test_predictions_that_become_alike_everywhere_have_not_converged_to_anything():
    # The two initial predictions meet, but so do those of all cells, and those of both policies.
    assert verdicts(cells=0.08, old=0.02) == ["not reproduced", "not reproduced"]
    assert verdicts(cells=0.4, old=0.1) == ["partly", "partly"]  # a fifth


def test_what_a_control_does_as_well_is_no_evidence():
    quick = ((1.0, 0.3, 0.2, 0.1), 1.0, (0.4, 0.08), 0.4)  # a fifth of each
    assert verdicts(untrained=quick) == ["partly", "partly"]
    assert verdicts(constant=quick) == ["partly", "partly"]
    assert verdicts(constant=((1.0, 0.3, 0.0, 0.0), 0.0, (0.4, 0.0), 0.0)) == ["reproduced", "reproduced"]  # 0 / 0
    assert verdicts(untrained=None) == ["partly", "partly"]
    assert "untrained 1 0.2 and 0.2" in score(tables(untrained=quick))[0].found


def test_left_are_the_beginnings_and_the_papers_curve_right_the_change():
    left, right = draw(tables()).axes
    lines = {line.get_label(): line for line in left.lines}
    np.testing.assert_allclose(lines["ours"].get_xydata()[2], [100, 0.08])
    np.testing.assert_allclose(lines["paper"].get_xydata()[0], [0, 0.41])
    lines = {line.get_label(): line for line in right.lines}
    np.testing.assert_allclose(lines["to predictions of the new policy"].get_ydata(), [0.4, 0.02])
    assert left.get_yscale() == right.get_yscale() == "log"


@pytest.mark.thorough
def test_it_is_saved(tmp_path):
    (path,) = plot(tables(), tmp_path / "figures")
    assert path.read_bytes().startswith(b"\x89PNG")
