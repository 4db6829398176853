"""Figure 6: when the distance has fallen to a tenth, the verdicts and the figure."""

import numpy as np
import pytest

from lpg.analysis.convergence.findings import draw, fallen, plot, score
from lpg.analysis.table import make_table


def tables(other=(1.0, 0.3, 0.08, 0.05), new=(0.4, 0.02)):
    rows = [{"pair": "other", "iteration": i, "distance": d} for i, d in zip((0, 50, 100, 200), other, strict=True)]
    rows += [{"pair": "same-seed", "iteration": i, "distance": d / 2} for i, d in zip((0, 100), other, strict=False)]
    rows += [{"pair": "new", "iteration": i, "distance": d} for i, d in zip((200, 400), new, strict=True)]
    rows += [{"pair": "old", "iteration": i, "distance": d} for i, d in zip((200, 400), (0.1, 0.5), strict=True)]
    return {"distances": make_table([{**row, "stderr": 0.01} for row in rows])}


def test_the_distance_is_relative_to_its_start_and_iterations_to_the_pairs_own():
    table = tables()["distances"]
    assert fallen(table, "other", 100.0) == pytest.approx(0.08)
    assert fallen(table, "other", 99.0) == pytest.approx(0.3)
    assert fallen(table, "other") == pytest.approx(0.05)
    assert fallen(table, "new") == pytest.approx(0.05)  # .02 / .4
    assert fallen(table, "old") == pytest.approx(5)


def test_the_verdicts_follow_from_a_tenth_and_a_half():
    assert [claim.verdict for claim in score(tables())] == ["reproduced", "reproduced"]
    first, second = score(tables(other=(1.0, 0.5, 0.3, 0.05), new=(0.4, 0.1)))
    assert (first.verdict, second.verdict) == ("partly", "partly")  # .3 after 100 iterations, and .1 / .4
    first, second = score(tables(other=(1.0, 0.9, 0.8, 0.05), new=(0.4, 0.4)))
    assert (first.verdict, second.verdict) == ("not reproduced", "not reproduced")


def test_left_are_the_beginnings_and_the_papers_curve_right_the_change():
    left, right = draw(tables()).axes
    lines = {line.get_label(): line for line in left.lines}
    np.testing.assert_allclose(lines["ours"].get_xydata()[2], [100, 0.08])
    np.testing.assert_allclose(lines["paper"].get_xydata()[0], [0, 0.41])
    lines = {line.get_label(): line for line in right.lines}
    np.testing.assert_allclose(lines["to predictions of the new policy"].get_ydata(), [0.4, 0.02])
    assert left.get_yscale() == right.get_yscale() == "log"


def test_it_is_saved(tmp_path):
    (path,) = plot(tables(), tmp_path / "figures")
    assert path.read_bytes().startswith(b"\x89PNG")
