"""Suites of environments in JAX and on the host."""

import pytest

from lpg.environments import registry
from lpg.evaluation.suites import members
from lpg.learner import gymnasium_environments


def test_suites_and_environments_of_both_kinds_stand_side_by_side():
    assert members("chain/long, gymnasium/Any-v0") == ("chain/long", "gymnasium/Any-v0")
    assert members("atari,classic") == gymnasium_environments.SUITES["atari"] + registry.suite("classic")
    assert members("atari/pong,atari") == ("atari/pong", "atari/breakout", "atari/boxing", "atari/freeway")
    assert members("gymnasium/mine:Id-v0,chain/long") == ("gymnasium/mine:Id-v0", "chain/long")
    assert members("lpg.environments.grid_families:ProceduralGrid")[0].endswith("ProceduralGrid")


def test_no_name_means_two_suites():
    assert not set(gymnasium_environments.SUITES) & (set(registry.SUITES) | set(registry.ENVIRONMENTS))


@pytest.mark.parametrize(("name", "nearest"), [("atarri", "atari"), ("toy_txt,chain", "toy_text"), ("chian", "chain")])
def test_an_unknown_name_is_refused_and_the_nearest_of_all_is_offered(name, nearest):
    with pytest.raises(ValueError, match=f"did you mean '{nearest}'"):
        members(name)
