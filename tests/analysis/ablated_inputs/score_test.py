import pytest

from lpg.analysis.ablated_inputs.ablated import INPUT_ABLATIONS
from lpg.analysis.ablated_inputs.score import means, score
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
    assert found["whole"] == pytest.approx({"chain/short": 0.9, "tabular/dense": 0.7})
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
    frozen, blind = score(tables(blind_to_policy=left))
    assert (frozen.verdict, blind.verdict) == ("not reproduced", verdict)
