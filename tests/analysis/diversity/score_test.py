"""The verdict on figure 9."""

from lpg.analysis.diversity.score import means, score
from lpg.analysis.table import make_table

NAMES = ("tabular", "tabular-random", "tabular-random-chain")


def tables(*heights):
    """Two environments, 0.1 above and below the mean."""
    rows = [
        {"variant": name, "environment": where, "score": height + shift, "learning_rate": 40.0}
        for name, height in zip(NAMES, heights, strict=False)
        for where, shift in (("a", 0.1), ("b", -0.1))
    ]
    return {"scores": make_table(rows)}


def test_it_must_rise_at_both_steps():
    assert means(tables(0.1, 0.2, 0.4)["scores"])["tabular-random"] == 0.2
    assert score(tables(0.1, 0.2, 0.4))[0].verdict == "reproduced"
    assert score(tables(0.2, 0.1, 0.4))[0].verdict == "partly"
    assert score(tables(0.4, 0.5, 0.3))[0].verdict == "not reproduced"


def test_without_all_sets_there_is_no_result_yet():
    (claim,) = score(tables(0.1, 0.2))
    assert claim.verdict == "no results yet" and "tabular-random-chain" in claim.found
