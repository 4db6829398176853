"""Human-normalised scores of Atari games."""

from pathlib import Path

import ale_py.roms
import pytest

from lpg.analysis.paper_numbers import FIGURE_9, FIGURE_10
from lpg.evaluation.atari_scores import atari_reference
from lpg.evaluation.evaluate import reference_rows
from lpg.evaluation.scores import normalise
from lpg.learner.gymnasium_environments import SUITES


def human_normalised(game: str, score: float) -> float:
    found = atari_reference(f"atari/{game}")
    return float(normalise(float(score), found.random, found.best))


def test_every_game_of_the_paper_has_its_scores_and_is_a_game_of_the_emulator():
    roms = {path.stem for path in Path(ale_py.roms.__file__).parent.glob("*.bin")}
    assert len(FIGURE_10) == 57 and set(FIGURE_10) <= roms
    assert all(atari_reference(f"atari/{game}").best_from for game in FIGURE_10)
    assert all(atari_reference(name) for name in SUITES["atari"])


def test_normalising_worked_by_hand():
    # (300 − 1.7) / (30.5 − 1.7) = 298.3 / 28.8
    assert human_normalised("breakout", 300) == pytest.approx(10.358, abs=1e-3)
    assert human_normalised("pong", -20.7) == 0 and human_normalised("pong", 14.6) == 1


def test_the_papers_own_count_of_games_above_human_comes_out():
    above = [game for game, (score, _) in FIGURE_10.items() if human_normalised(game, score) > 1]
    assert len(above) == FIGURE_9["tabular,random,chain"]["lpg"] == 14


def test_a_person_is_a_ruler_with_a_name_of_its_own():
    rows = reference_rows(["atari/boxing", "atari/air_raid"], 1, "report")
    # Nobody's score at air_raid is listed.
    assert [(row.rule, row.environment, row.return_mean) for row in rows] == [
        ("random", "atari/boxing", 0.1), ("human", "atari/boxing", 12.1),
    ]  # fmt: skip
