"""Figure 3: which rule ends above which, and the paper's returns beside ours."""

import numpy as np
import pytest

from lpg.analysis.table import make_table
from lpg.analysis.training_environments import beside_paper, discovered, draw, ends, plot, rows_of, score

NAMES = ("tabular/dense", "chain/short", "chain/long", "tabular/sparse", "procedural/grid")


def tables(best="optimum", **heights):
    """Two seeds and ten points a curve; the height of a rule is its return at the end, on every environment."""
    rows = []
    for rule, height in heights.items():
        for place, name in enumerate(NAMES):
            for seed in (0, 1):
                end = height[place] if isinstance(height, tuple) else height
                rows += [
                    {"rule": rule.replace("_", "-"), "environment": name, "seed": seed, "agent_updates": n,
                     "steps": 100 * n, "return_mean": end if n == 10 else 0.0, "return_stderr": 0.1, "episodes": 64}
                    for n in range(1, 11)
                ]  # fmt: skip
    for reference, value in (("random", -1.0), (best, 9.0)):
        rows += [
            {"rule": reference, "environment": name, "seed": 0, "agent_updates": 0, "steps": 0, "return_mean": value,
             "return_stderr": float("nan"), "episodes": 0} for name in NAMES
        ]  # fmt: skip
    return {"results": make_table(rows)}


def test_the_end_is_the_last_tenth_and_the_discovered_rule_is_found_by_being_no_baseline():
    found = ends(rows_of(tables(mine=3.0, a2c=2.0)["results"]))
    assert found["mine"]["chain/short"] == pytest.approx(3)
    assert found["optimum"]["chain/short"] == 9
    assert discovered(["random", "a2c", "lpg-v", "mine"]) == "mine"
    assert discovered(["a2c", "optimum", "best known"]) is None


def test_verdicts_follow_from_the_share_of_the_papers_environments():
    first, second = score(tables(mine=3.0, a2c=2.0, lpg_v=4.0))
    assert (first.verdict, second.verdict) == ("reproduced", "not reproduced")
    # Of the five environments one is procedural, which is no panel of the paper's figure.
    assert "above on 4 of 4" in first.found and "below on tabular/dense" in second.found
    assert "procedural" not in second.found
    (half, _) = score(tables(mine=(3.0, 3.0, 1.0, 1.0, 3.0), a2c=2.0))
    assert half.verdict == "partly"  # 2 of 4


def test_a_difference_counts_only_if_the_seeds_agree():
    def results(one, other):
        """Returns at the end by seed: the mean of the first rule is 0.1 higher, on every environment."""
        found = tables(mine=0.0, a2c=0.0)["results"]
        for rule, by_seed in (("mine", one), ("a2c", other)):
            for seed, value in enumerate(by_seed):
                at = (found["rule"] == rule) & (found["seed"] == seed) & (found["agent_updates"] == 10)
                found["return_mean"][at] = value
        return {"results": found}

    # Seeds differ a lot from each other, but the first rule is ahead by 0.1 on both: pairs show it.
    assert score(results((1.1, 5.1), (1.0, 5.0)))[0].verdict == "reproduced"
    # The twin: the same means in other pairs; ahead on one seed, behind on the other.
    (claim, _) = score(results((5.1, 1.1), (1.0, 5.0)))
    assert claim.verdict == "not reproduced" and "above on 0 of 4; no difference on tabular/dense" in claim.found


def test_what_is_missing_is_said():
    first, second = score(tables(mine=3.0, a2c=2.0))
    assert second.verdict == "no results yet" and "LPG-V" in second.found
    assert {claim.verdict for claim in score(tables(a2c=2.0))} == {"no results yet"}


def test_the_papers_numbers_stand_beside_ours():
    lines = beside_paper(rows_of(tables(mine=3.0, a2c=2.0)["results"]))
    assert lines[0][:3] == ["environment", "LPG", "paper"]
    # The paper ends at 10.43, 8.99 and 8.64 on tabular/dense.
    assert lines[1] == ["tabular/dense", "3.00", "10.43", "–", "8.99", "2.00", "8.64", "-1.00", "9.00"]
    assert lines[5][:3] == ["procedural/grid", "3.00", "–"]
    known = beside_paper(rows_of(tables("best known", a2c=2.0)["results"]))
    assert len(known) == len(lines) and known[1][1] == "–" and known[1][-1] == "9.00"


def marks(panel, marker):
    return [line for line in panel.lines if line.get_marker() == marker]


def stretched(table, factor):
    """The same curves over so many times the steps."""
    return {"results": {**table["results"], "steps": np.asarray(table["results"]["steps"]) * factor}}


def test_the_papers_returns_stand_at_the_papers_steps():
    # Ours go to 1,000 steps, stretched to 3 M: the whole range of the paper's axis in tabular grids.
    figure = draw(stretched(tables(mine=3.0, a2c=2.0), 3_000))
    panel = figure.axes[NAMES.index("tabular/dense")]
    filled = marks(panel, "s")[0]
    np.testing.assert_allclose(filled.get_xdata(), [0.75e6, 1.5e6, 2.25e6, 3e6])
    np.testing.assert_allclose(filled.get_ydata(), [7.07, 9.52, 10.37, 10.43])
    assert filled.get_color() == panel.lines[0].get_color()
    # The other reading has ten times as many steps: nothing of it fits, so its end stands at the border.
    np.testing.assert_allclose(marks(panel, "<")[0].get_xydata(), [[3e6, 10.43]])
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()][-2:] == ["mine, paper", "a2c, paper"]


def test_where_the_papers_axis_is_doubtful_both_readings_are_drawn():
    panel = draw(stretched(tables(mine=3.0), 30_000)).axes[NAMES.index("tabular/dense")]
    filled, hollow = marks(panel, "s")
    assert filled.get_markerfacecolor() != "white" and hollow.get_markerfacecolor() == "white"
    np.testing.assert_allclose(hollow.get_xdata(), 10 * np.asarray(filled.get_xdata()))
    np.testing.assert_array_equal(hollow.get_ydata(), filled.get_ydata())
    assert marks(panel, "<") == []


def test_what_lies_beyond_our_curves_is_its_last_value_at_the_border():
    figure = draw(tables(mine=3.0))
    panel = figure.axes[NAMES.index("tabular/dense")]
    assert marks(panel, "s") == []
    np.testing.assert_allclose(marks(panel, "<")[0].get_xydata(), [[1000, 10.43]])
    unknown = figure.axes[NAMES.index("procedural/grid")]
    assert marks(unknown, "s") == marks(unknown, "<") == []


def test_it_is_saved(tmp_path):
    (path,) = plot(tables(mine=3.0), tmp_path / "figures")
    assert path.read_bytes().startswith(b"\x89PNG")
