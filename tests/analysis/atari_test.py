"""Atari: without results the claim says so; with results ours are shown beside the paper's."""

import numpy as np
import pytest

from lpg.analysis.atari import draw, games, plot, score
from lpg.analysis.table import make_table


def tables(**scores):
    """One seed, one point."""
    rows = [
        {"rule": "lpg", "environment": f"atari/{game}", "seed": 0, "agent_updates": 1, "steps": 1,
         "return_mean": float(value), "return_stderr": 0.0, "episodes": 64} for game, value in scores.items()
    ]  # fmt: skip
    return {"results": make_table(rows)}


def test_without_results_one_clear_line():
    (claim,) = score({})
    assert (claim.verdict, claim.found) == ("no results yet", "no results yet")
    assert score(tables(pong=20.0), "figure-8")[0].verdict == "no results yet"  # pong is not in figure 8


def test_a_game_that_never_ended_was_not_measured():
    assert games(tables(breakout=160, freeway=float("nan")), "figure-10") == {"breakout": pytest.approx(160)}
    assert score(tables(freeway=float("nan")))[0].verdict == "no results yet"


def test_the_verdict_is_the_share_of_games_with_half_the_papers_score():
    # The paper: breakout 300, tutankham 249, yars_revenge 14,796.
    assert games(tables(breakout=160, pong=3), "figure-8") == {"breakout": pytest.approx(160)}
    assert score(tables(breakout=160, tutankham=200, yars_revenge=10), "figure-8")[0].verdict == "reproduced"
    assert score(tables(breakout=160, tutankham=20, yars_revenge=10), "figure-8")[0].verdict == "partly"
    (claim,) = score(tables(breakout=10, tutankham=20, yars_revenge=10), "figure-8")
    assert claim.verdict == "not reproduced" and "breakout 10 (paper 300)" in claim.found


def test_bars_are_ours_over_the_papers():
    ax = draw(tables(breakout=150, pong=6.7)).axes[0]
    np.testing.assert_allclose([bar.get_width() for bar in ax.patches], [0.5, 1.0])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["breakout", "pong"]


def test_nothing_is_drawn_without_results(tmp_path):
    assert plot({}, tmp_path) == []
    (path,) = plot(tables(breakout=150), tmp_path)
    assert path.read_bytes().startswith(b"\x89PNG")
