"""Levels: scores and probabilities by hand, returns of dynamic programming, and resumption."""

import collections
import dataclasses

import jax
import numpy as np
import pytest

from lpg.environments.exact import optimal_policy, policy_return, uniform_policy
from lpg.environments.registry import env_spec
from lpg.meta_training import levels as module
from lpg.meta_training.groups import has_levels, make_groups
from lpg.meta_training.levels import Levels, exact_returns
from lpg.meta_training.state import from_arrays, to_arrays
from lpg.meta_training.trainer import Trainer
from tests.tiny_run import TINY, run_silently

CURRICULUM = dataclasses.replace(TINY, suite="chain/short", num_lifetimes=3, level_sampling="regret", stagger=False)


def kept(sampling="regret", replay=1.0, shares=(0.0, 0.5, 0.9)) -> Levels:
    """Levels (0, 0), (0, 1), … of environment 0, on which the random policy returns 1 and the best one 3."""
    found = Levels(sampling, replay)
    for number, share in enumerate(shares):
        found.record(0, (0, number), 1 + 2 * share, lambda key: (1.0, 3.0))
    return found


def counts(levels: Levels, draws: int, environment: int = 0) -> collections.Counter:
    generator = np.random.default_rng(0)
    return collections.Counter(levels.choose(environment, generator) for _ in range(draws))


def test_the_share_is_that_of_the_way_from_the_random_return_to_the_best_one():
    assert kept().share == pytest.approx([0.0, 0.5, 0.9])
    # Beyond the ends by chance, and where the random policy is the best one.
    assert kept(shares=(-0.3, 1.2)).share == [0.0, 1.0]
    flat = Levels("regret", 1.0)
    flat.record(0, (0, 0), 1.0, lambda key: (1.0, 1.0))
    assert flat.share == [1.0]
    # No episode ended: nothing is known.
    flat.record(0, (0, 1), np.nan, lambda key: (1.0, 3.0))
    assert len(flat.key) == 1


@pytest.mark.parametrize(
    # Regret 1 − p: 1, .5, .1; learnability p (1 − p): 0, .25, .09. Weights 1, 1/2, 1/3 by rank: 6/11, 3/11, 2/11.
    ("sampling", "expected"),
    [("regret", [6 / 11, 3 / 11, 2 / 11]), ("learnability", [2 / 11, 6 / 11, 3 / 11])],
)
def test_levels_are_replayed_in_proportion_to_one_over_their_rank(sampling, expected):
    found = counts(kept(sampling), 4000)
    # Standard error: .008.
    np.testing.assert_allclose([found[0, number] / 4000 for number in range(3)], expected, atol=0.03)


def test_a_share_of_lifetimes_begins_on_levels_that_are_kept():
    for replay in (0.0, 0.3, 1.0):
        found = counts(kept(replay=replay), 4000)
        assert sum(found[0, number] for number in range(3)) / 4000 == pytest.approx(replay, abs=0.03)
    # Without levels of this environment all are new.
    assert max(counts(kept(), 100, environment=1).values()) == 1


def test_a_level_that_is_played_again_is_kept_once_with_its_newest_share():
    found, solved = kept(), []
    found.record(0, (0, 1), 3.0, solved.append)
    assert found.share == pytest.approx([0.0, 1.0, 0.9]) and solved == []
    # The same key in another environment is another level.
    found.record(1, (0, 1), 2.0, lambda key: (1.0, 3.0))
    assert found.environment == [0, 0, 0, 1] and found.share[-1] == 0.5


def test_the_level_with_the_lowest_score_makes_room(monkeypatch):
    monkeypatch.setattr(module, "CAPACITY", 3)
    found = kept("learnability")
    found.record(1, (7, 7), 3.0, lambda key: (1.0, 3.0))  # of another environment, with a score of 0: it stays
    found.record(0, (0, 3), 2.8, lambda key: (1.0, 3.0))
    assert found.key == [(0, 1), (0, 2), (7, 7), (0, 3)]
    assert found.share == pytest.approx([0.5, 0.9, 1.0, 0.9]) and found.best == [3.0] * 4


def test_returns_of_a_level_are_those_of_dynamic_programming():
    distribution, key = env_spec("procedural/grid").distribution, (3, 5)
    params = distribution.sample(jax.random.wrap_key_data(np.array(key, np.uint32)))
    env = distribution.env
    random, best = exact_returns(distribution, key)
    np.testing.assert_allclose(random, policy_return(env, params, uniform_policy(env, params)), rtol=1e-5)
    # A policy that may not look at the clock comes near the optimum, and does not pass it.
    near = float(policy_return(env, params, optimal_policy(env, params, 0.99)))
    assert random < near <= best * (1 + 1e-5) and near > random + 0.9 * (best - random)
    assert exact_returns(distribution, (3, 6)) != (random, best)


def test_without_an_environment_that_can_be_solved_it_is_refused():
    with pytest.raises(ValueError, match="level_sampling is regret and suite control/procedural; an environment that"):
        dataclasses.replace(TINY, suite="control/procedural", level_sampling="regret")
    mixed = dataclasses.replace(TINY, suite="chain/short,control/procedural", level_sampling="regret")
    assert [has_levels(mixed, group.env) for group in make_groups(mixed, 1)] == [True, False]


@pytest.fixture(scope="module")
def one():
    return Trainer(CURRICULUM, 0)


@pytest.mark.thorough
def test_lifetimes_have_the_parameters_of_their_levels_and_ended_ones_are_kept(one):
    state = one.init()
    distribution, begun = env_spec("chain/short").distribution, set()
    for _ in range(5):
        slots, lifetimes = state.slots[0], state.lifetimes[0]
        for number in range(3):
            drawn = distribution.sample(jax.random.wrap_key_data(slots.level[number]))
            assert int(lifetimes.env_params.length[number]) == int(drawn.length)
        begun |= {*map(tuple, slots.level.tolist())}
        one.meta_update(state)
    # A lifetime is four windows: all three ended once. One in which no episode ended says nothing.
    assert {*state.levels.key} <= begun and len(state.levels.key) > 1
    assert all(0 <= share <= 1 for share in state.levels.share)


def test_the_levels_survive_a_checkpoint(one):
    state = one.init()
    state.levels = dataclasses.replace(kept("regret", one.config.level_replay))
    arrays, counters = to_arrays(state)
    assert from_arrays(one.template(), arrays, counters).levels == state.levels
    empty = from_arrays(one.template(), *to_arrays(one.init())).levels
    assert empty == Levels("regret", one.config.level_replay)


def test_a_resumed_run_with_levels_equals_an_uninterrupted_one_bit_for_bit(one, tmp_path, monkeypatch):
    monkeypatch.setattr("lpg.meta_training.run.Trainer", lambda config, seed: one)
    config = dataclasses.replace(CURRICULUM, meta_updates=10)
    whole = to_arrays(run_silently(config, tmp_path / "whole").state)[0]
    run_silently(config, tmp_path / "parts", minutes=1e-9)
    resumed = to_arrays(run_silently(config, tmp_path / "parts", resume=True).state)[0]
    assert set(resumed) == set(whole) and len(whole["levels.key"]) > 0
    for name, value in whole.items():
        np.testing.assert_array_equal(resumed[name], value, err_msg=name)


@pytest.mark.thorough
def test_a_checkpoint_without_levels_is_what_it_was(one):
    plain = to_arrays(Trainer(dataclasses.replace(CURRICULUM, level_sampling="uniform"), 0).init())[0]
    with_levels = to_arrays(one.init())[0]
    assert set(with_levels) - set(plain) == {
        "slots.0.level", *(f"levels.{name}" for name in ("environment", "key", "random", "best", "share"))
    }  # fmt: skip
