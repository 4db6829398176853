"""The training sets grow, their budgets are equal, and what is tested on is in none of them."""

import pytest

from lpg.analysis.diversity.variants import check_unseen, variants
from lpg.environments.registry import suite
from lpg.meta_training.config import MetaConfig


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
