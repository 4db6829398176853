"""Sweeps: one for each kind of agent, and scores of curves worked by hand."""

import numpy as np
import pytest

from lpg.evaluation import sweeps
from lpg.evaluation.sweeps import WORST, Sweep, SweepScorer, general_sweeps, sweeps_of

NAME = "chain/short"


def curve(*returns):
    points = np.arange(1, len(returns) + 1)
    return points, np.array(returns, float), np.zeros(len(returns)), np.full(len(returns), 64)


def scorer(monkeypatch, random, best, num_seeds=2):
    monkeypatch.setattr(sweeps, "references", lambda *_: (np.full(num_seeds, random), np.full(num_seeds, best)))
    (sweep,) = sweeps_of([NAME], {NAME: 100})
    return SweepScorer(sweep, num_seeds, None)


def test_environments_of_a_kind_of_agent_have_one_sweep():
    found = general_sweeps([NAME, "chain/distractor", "random/dense", "chain/long"], {})
    assert [(one.name, one.environments) for one in found] == [
        ("table", (NAME, "chain/long")), ("dense", ("chain/distractor",)), ("convolution", ("random/dense",)),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="agents of kinds dense, table; one configuration serves one kind"):
        _ = Sweep(name="both", environments=(NAME, "chain/distractor"), num_steps={}).kind


def test_the_score_is_the_mean_of_normalised_areas(monkeypatch):
    score = scorer(monkeypatch, -1.0, 3.0)
    # (1 + 1) / 4 and (3 + 1) / 4, the same all the curve long.
    assert score.is_normalised and score([curve(1.0, 1.0), curve(3.0, 3.0)]) == pytest.approx(0.75)
    # An agent without any finished episode is as bad as can be, and no worse.
    assert score([curve(np.nan, np.nan), curve(3.0, 3.0)]) == WORST


def test_without_reference_returns_the_plain_return_is_what_counts(monkeypatch):
    score = scorer(monkeypatch, np.nan, np.nan)
    assert not score.is_normalised and score([curve(250.0), curve(150.0)]) == 200.0
