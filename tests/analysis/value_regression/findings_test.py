"""Figure 5: ratios of errors, the two claims and the figure."""

import numpy as np
import pytest

from lpg.analysis.table import make_table
from lpg.analysis.value_regression.findings import draw, plot, ratios, score


def tables(**ours):
    """Errors of TD are 1; those of y as given for γ = 0.995, 0.99, 0.95, 0.9 after the last iteration."""
    rows = []
    for iteration in (0, 300):
        for method in ("y", "td"):
            for gamma in (0.995, 0.99, 0.95, 0.9):
                mse = ours[f"g{gamma}".replace(".", "_")] if method == "y" and iteration == 300 else 1.0
                rows.append({"method": method, "iteration": iteration, "gamma": gamma, "mse": mse, "variance": 40.0})
    return {"errors": make_table(rows)}


GOOD = {"g0_995": 1.5, "g0_99": 1.9, "g0_95": 0.25, "g0_9": 0.1}


def test_ratios_are_of_y_to_td_at_the_last_iteration():
    assert ratios(tables(**GOOD)["errors"]) == {0.995: 1.5, 0.99: 1.9, 0.95: 0.25, 0.9: pytest.approx(0.1)}
    assert set(ratios(tables(**GOOD)["errors"], iteration=0.0).values()) == {1.0}


def test_both_claims_are_judged_by_their_criteria():
    assert [claim.verdict for claim in score(tables(**GOOD))] == ["reproduced", "reproduced"]
    same, short = score(tables(**{**GOOD, "g0_99": 3.0, "g0_9": 0.8}))
    assert (same.verdict, short.verdict) == ("partly", "partly")
    same, short = score(tables(**{**GOOD, "g0_995": 30.0, "g0_9": 1.2}))
    assert (same.verdict, short.verdict) == ("not reproduced", "not reproduced")
    # y explains 1 − 30/40 of the variance, and the finding says so.
    assert "0.25 at 0.995" in same.found


def test_a_rule_must_be_better_than_an_untrained_one():
    for height, verdict in ((0.5, "reproduced"), (0.05, "partly")):
        table = tables(**GOOD)["errors"]
        one = {"method": "untrained", "iteration": 300.0, "gamma": 0.9, "mse": height, "variance": 40.0}
        table = {name: np.append(column.astype(type(one[name]) if name != "method" else "U9"), one[name])
                 for name, column in table.items()}  # fmt: skip
        claim = score({"errors": table})[1]
        assert claim.verdict == verdict
    assert "0.5 times y's" in claim.found  # 0.05 / 0.1


def test_being_as_bad_as_td_is_no_success():
    # 1.5 times TD's error, but 1 − 1.5/2 is less than half of the variance.
    table = tables(**GOOD)["errors"]
    table["variance"] = table["variance"] / 20
    assert score({"errors": table})[0].verdict == "not reproduced"


def test_there_is_a_panel_per_discount_with_ours_and_the_papers():
    figure = draw(tables(**GOOD))
    assert [ax.get_title() for ax in figure.axes] == [f"values at γ = {g}" for g in (0.995, 0.99, 0.95, 0.9)]
    lines = {line.get_label(): line for line in figure.axes[3].lines}
    np.testing.assert_allclose(lines["predictions y, ours"].get_ydata(), [1, 0.1])
    np.testing.assert_allclose(lines["TD(λ) value, ours"].get_ydata(), [1, 1])
    np.testing.assert_allclose(lines["predictions y, paper"].get_ydata()[-1], 8.7e-5)
    assert set(np.atleast_1d(lines["best constant, ours"].get_ydata())) == {40.0}


def test_it_is_saved(tmp_path):
    (path,) = plot(tables(**GOOD), tmp_path / "figures")
    assert path.read_bytes().startswith(b"\x89PNG")
