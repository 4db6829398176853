"""Standings at what all variants have reached, and the verdicts on figure 7."""

import numpy as np
import pytest

from lpg.analysis.ablation.score import score, standings
from lpg.analysis.table import make_table

NAMES = ("lpg", "lpg-v", "no-softmax", "no-entropy", "no-l2", "fixed-hyper", "no-bootstrap", "no-recurrence")


def tables(seed=0, **heights):
    """Curves of four validations, at 100, 200, 300 and 400 meta-updates; the last one counts."""
    rows = []
    for name in NAMES:
        height = heights.get(name.replace("-", "_"), 0.5)
        rows += [
            {"variant": name, "seed": float(seed), "meta_update": 100 * n, "score": height if n == 4 else 0.0}
            for n in (1, 2, 3, 4)
        ]
    return {"validations": make_table(rows)}


def test_the_last_quarter_of_what_all_have_reached_counts():
    # At 300 and 400 of 400: (0 + .8) / 2 = .4
    assert standings(tables(lpg=0.8)["validations"])["lpg"] == pytest.approx([0.4])
    cut = tables(lpg=0.8)["validations"]
    keep = (cut["variant"] != "no-l2") | (cut["meta_update"] <= 200)
    cut = {name: column[keep] for name, column in cut.items()}
    assert standings(cut)["lpg"] == [0]  # all have reached 200, and nobody scored by then


def test_the_mean_over_seeds_counts_and_a_seed_that_is_behind_does_not_yet():
    first, second = tables(lpg=0.8)["validations"], tables(seed=1, lpg=0.4)["validations"]
    both = {name: np.concatenate([first[name], second[name]]) for name in first}
    assert standings(both)["lpg"] == pytest.approx([0.4, 0.2])
    assert "lpg 0.300 (0.200–0.400, 2 seeds)" in score({"validations": both})[0].found
    behind = {name: np.concatenate([first[name], second[name][:3]]) for name in first}  # seed 1 of lpg is at 300
    assert standings(behind)["lpg"] == pytest.approx([0.4])


def test_lpg_must_be_above_all_five():
    assert [claim.verdict for claim in score(tables(lpg=0.8))] == ["reproduced", "reproduced"]
    first, second = score(tables(lpg=0.8, lpg_v=0.9, no_bootstrap=0.9))
    assert (first.verdict, second.verdict) == ("partly", "partly")
    first, second = score(tables(lpg=0.1))
    assert (first.verdict, second.verdict) == ("not reproduced", "not reproduced")


def test_without_all_variants_there_is_no_result_yet():
    short = {name: column[:4] for name, column in tables()["validations"].items()}
    assert {claim.verdict for claim in score({"validations": short})} == {"no results yet"}
    assert "no-l2" in score({"validations": short})[0].found
