"""Figure 9: training sets of equal budgets, rules on unseen environments, the verdict and the figure."""

import numpy as np
import pytest

from lpg.analysis.diversity import check_unseen, draw, means, measure, plot, score, variants
from lpg.analysis.table import make_table
from lpg.environments.registry import suite
from lpg.evaluation.results import Row
from lpg.evaluation.train_config import TrainConfig
from lpg.meta_training.config import MetaConfig
from tests.analysis.toys import NeverLearns


def test_each_set_contains_the_one_before_and_the_last_is_the_papers_fifteen():
    config = MetaConfig(lifetimes_per_environment=4)
    sets = [set(suite(one.of(config).suite)) for one in variants(config)]
    assert sets[0] < sets[1] < sets[2] == set(suite("paper"))
    assert [len(one) for one in sets] == [5, 10, 15]


def test_budgets_are_equal_and_every_environment_has_a_lifetime():
    config = MetaConfig(lifetimes_per_environment=4)
    assert {one.of(config).num_lifetimes for one in variants(config)} == {20}
    with pytest.raises(ValueError, match="at least 15 are needed"):
        variants(MetaConfig(suite="tabular", num_lifetimes=10))


def test_only_some_random_grids_may_be_asked_for_and_nothing_else_among_them():
    config = MetaConfig(lifetimes_per_environment=4)
    sets = [suite(one.of(config).suite) for one in variants(config, "random/small,random/dense")]
    assert [len(one) for one in sets] == [5, 7, 12] and "random/dense" in sets[1] and "random/dense" not in sets[0]
    with pytest.raises(ValueError, match="chain/short given among the random grids; some of random/dense"):
        variants(config, "random/small,chain/short")


def test_what_was_trained_on_is_no_test():
    assert check_unseen("procedural") == ("procedural/grid", "procedural/rewards", "procedural/survival")
    with pytest.raises(ValueError, match="chain/short is trained on"):
        check_unseen("procedural/grid,chain/short")


TUNING = {0.25: 0.25, 0.75: 0.5, 0.5: 0.75, 0.1: 0.1, 0.2: 0.2}


def evaluate(rule, label, environments, seeds, updates, purpose, settings, **options):
    """On the seeds for tuning 0.5 is the best rate, on those of the report the highest one."""
    rates = {name: settings[name].learning_rate for name in environments}
    returns = {name: TUNING[rate] if purpose == "tuning" else rate for name, rate in rates.items()}
    return [Row(label, n, s, 1, 1, returns[n], 0.0, 64) for n in environments for s in range(seeds)]


def test_the_learning_rate_is_chosen_on_other_seeds_than_the_scores_are_from():
    names = ("chain/short", "chain/long")
    rules = {key: (NeverLearns(), TrainConfig()) for key in (("tabular", 3), ("tabular-random", 4))}
    rates = {"chain/short": (0.25, 0.75, 0.5), "chain/long": (0.1, 0.2)}
    table = measure(rules, names, 2, {n: 1 for n in names}, rates, evaluate=evaluate)
    assert table["variant"].tolist() == ["tabular", "tabular", "tabular-random", "tabular-random"]
    assert table["meta_seed"].tolist() == [3, 3, 4, 4]
    assert table["environment"].tolist() == [*names, *names]
    assert table["learning_rate"].tolist() == [0.5, 0.2, 0.5, 0.2]
    # The chain lies between 0 (random) and 1, so that a return is its own normalised value. 0.75 would score more.
    assert table["score"][0] == pytest.approx(0.5, abs=0.01)
    assert table["tuning_score"][0] == pytest.approx(0.75, abs=0.01)


NAMES = ("tabular", "tabular-random", "tabular-random-chain")


def tables(*heights):
    """Two environments, 0.1 above and below the mean."""
    rows = [
        {"variant": name, "environment": where, "score": height + shift, "learning_rate": 40.0, "tuning_score": height}
        for name, height in zip(NAMES, heights, strict=False)
        for where, shift in (("a", 0.1), ("b", -0.1))
    ]
    return {"scores": make_table(rows)}


def test_it_must_rise_at_both_steps():
    assert means(tables(0.1, 0.2, 0.4)["scores"])["tabular-random"] == 0.2
    assert score(tables(0.1, 0.2, 0.4))[0].verdict == "reproduced"
    assert score(tables(0.2, 0.1, 0.4))[0].verdict == "partly"
    assert score(tables(0.4, 0.5, 0.3))[0].verdict == "not reproduced"


def test_scores_on_the_seeds_that_chose_the_rates_reproduce_nothing():
    table = tables(0.1, 0.2, 0.4)["scores"]
    del table["tuning_score"]
    (claim,) = score({"scores": table})
    assert claim.verdict == "partly" and "chosen on the same seeds" in claim.found


def test_without_all_sets_there_is_no_result_yet():
    (claim,) = score(tables(0.1, 0.2))
    assert claim.verdict == "no results yet" and "tabular-random-chain" in claim.found


def test_bars_are_means_and_dots_environments():
    left, right = draw(tables(0.1, 0.2, 0.4)).axes
    np.testing.assert_allclose([bar.get_height() for bar in left.patches], [0.1, 0.2, 0.4])
    np.testing.assert_allclose(left.lines[0].get_ydata(), [0.2, 0.0], atol=1e-9)
    assert [bar.get_height() for bar in right.patches] == [5, 7, 14]


def test_it_is_saved(tmp_path):
    (path,) = plot(tables(0.1, 0.2, 0.4), tmp_path / "figures")
    assert path.read_bytes().startswith(b"\x89PNG")
