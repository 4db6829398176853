"""What is lost without each input: means, verdicts and the figure."""

import pytest

from lpg.analysis.ablated_inputs.findings import draw, means, score
from lpg.analysis.ablated_inputs.measure import INPUT_ABLATIONS
from lpg.analysis.style import style
from lpg.analysis.table import make_table


def tables(**areas):
    """Two environments, two seeds: the area given, and .1 more and less on the two."""
    rows = [
        {
            "ablation": ablation,
            "environment": name,
            "seed": seed,
            "area": areas.get(ablation.replace(" ", "_"), 0.8) + shift,
        }
        for ablation in INPUT_ABLATIONS
        for name, shift in (("chain/short", 0.1), ("tabular/dense", -0.1))
        for seed in (0, 1)
    ]
    return {"areas": make_table(rows)}


def test_means_are_over_seeds():
    found = means(tables(no_recurrence=0.3)["areas"])
    assert found["full rule"] == pytest.approx({"chain/short": 0.9, "tabular/dense": 0.7})
    assert found["no recurrence"]["tabular/dense"] == pytest.approx(0.2)


@pytest.mark.parametrize(
    "left, verdict",
    [
        (0.69, "reproduced"),
        (0.71, "partly"),
        (0.76, "partly"),
        (0.78, "not reproduced"),
        (0.9, "not reproduced"),
    ],
)
def test_a_claim_holds_where_enough_is_lost(left, verdict):
    frozen, blind = score(tables(frozen_predictions=left))
    assert frozen.verdict == verdict and f"from 0.80 to {left:.2f}" in frozen.found
    assert blind.verdict == "not reproduced"  # nothing is lost there
    frozen, blind = score(tables(uniform_π_as_input=left))
    assert (frozen.verdict, blind.verdict) == ("not reproduced", verdict)


def test_bars_are_as_high_as_the_means():
    with style():
        (ax,) = draw(tables(frozen_predictions=0.3)).axes
    assert [label.get_text() for label in ax.get_xticklabels()] == ["chain/short", "tabular/dense"]
    heights = {bars.get_label(): [bar.get_height() for bar in bars] for bars in ax.containers}
    assert list(heights) == list(INPUT_ABLATIONS)
    assert heights["frozen predictions"] == pytest.approx([0.4, 0.2])
    assert heights["full rule"] == pytest.approx([0.9, 0.7])
