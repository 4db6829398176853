"""The paper's numbers are complete, and say what the paper says of them."""

from lpg.analysis import paper_numbers as paper
from lpg.environments.registry import SUITES


def test_figure_3_has_the_papers_fifteen_environments_and_lpg_ends_first_on_twelve():
    assert set(paper.FIGURE_3) == set(SUITES["paper"])
    ahead = [name for name, rules in paper.FIGURE_3.items() if rules["lpg"][-1] > rules["a2c"][-1]]
    assert set(paper.FIGURE_3) - set(ahead) == {"random/small_sparse", "chain/long", "chain/distractor"}


def test_figure_5_says_the_same_at_long_horizons_and_four_and_fourteen_times_better_at_short_ones():
    ratios = {gamma: methods["td"][300] / methods["y"][300] for gamma, methods in paper.FIGURE_5.items()}
    assert [round(ratios[gamma], 1) for gamma in (0.995, 0.99, 0.95, 0.9)] == [0.7, 0.8, 4.4, 13.8]


def test_figure_6_falls_below_a_tenth_within_a_hundred_iterations():
    assert paper.FIGURE_6[100] < paper.FIGURE_6[0] / 10 < paper.FIGURE_6[25]


def test_figure_7_has_a_value_at_every_meta_update_and_lpg_ends_first():
    assert {len(curve) for curve in paper.FIGURE_7.values()} == {len(paper.FIGURE_7_UPDATES)}
    assert max(paper.FIGURE_7, key=lambda variant: paper.FIGURE_7[variant][-1]) == "lpg"


def test_figure_10_has_57_games_and_lpg_is_ahead_on_few():
    assert len(paper.FIGURE_10) == 57 and set(paper.FIGURE_8) <= set(paper.FIGURE_10)
    ahead = {game for game, (lpg, a2c) in paper.FIGURE_10.items() if lpg > a2c}
    assert ahead == {"kangaroo", "montezuma_revenge", "ms_pacman", "solaris", "tutankham"}
