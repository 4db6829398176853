"""Rules on unseen environments: each environment counts with its best learning rate."""

import pytest

from lpg.analysis.diversity.measure import measure
from lpg.evaluation.results import Row
from lpg.evaluation.train_agents import TrainingSizes
from tests.analysis.toys import Deaf


def evaluate(rule, label, environments, seeds, updates, purpose, settings, **options):
    """Returns that are the learning rate, on every seed."""
    assert purpose == "report"
    return [Row(label, n, s, 1, 1, settings[n].learning_rate, 0.0, 64) for n in environments for s in range(seeds)]


def test_the_best_learning_rate_counts_and_is_told():
    names = ("chain/short", "chain/long")
    rules = {key: (Deaf(), TrainingSizes()) for key in (("tabular", 3), ("tabular-random", 4))}
    rates = {"chain/short": (0.25, 0.75, 0.5), "chain/long": (0.1, 0.2)}
    table = measure(rules, names, 2, {n: 1 for n in names}, rates, evaluate=evaluate)
    assert table["variant"].tolist() == ["tabular", "tabular", "tabular-random", "tabular-random"]
    assert table["meta_seed"].tolist() == [3, 3, 4, 4]
    assert table["environment"].tolist() == [*names, *names]
    assert table["learning_rate"].tolist() == [0.75, 0.2, 0.75, 0.2]
    # The chain lies between 0 (random) and 1, so that a return is its own normalised value.
    assert table["score"][0] == pytest.approx(0.75, abs=0.01)
