"""Figure 3: who ends above whom, and the paper's returns beside ours."""

import pytest

from lpg.analysis.table import make_table
from lpg.analysis.training_environments.score import beside_paper, discovered, ends, rows_of, score

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


def test_verdicts_follow_from_the_share_of_environments():
    first, second = score(tables(mine=3.0, a2c=2.0, lpg_v=4.0))
    assert (first.verdict, second.verdict) == ("reproduced", "not reproduced")
    assert "above on 5 of 5" in first.found and "not on tabular/dense" in second.found
    (half, _) = score(tables(mine=(3.0, 3.0, 3.0, 1.0, 1.0), a2c=2.0))
    assert half.verdict == "partly"  # 3 of 5


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
