"""The listed reference returns: sound, measured anew on a sample, and equal to what can be said without measuring."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.environments.episodes import episode_returns, random_policy
from lpg.environments.grid_world import OFFSETS
from lpg.environments.registry import env_spec
from lpg.evaluation.reference_returns import (
    EXACT,
    FILE,
    PUBLISHED,
    listed,
    measurable,
    measure,
    read_file,
    standard_error,
    versions,
)

GRIDS = [name for name in measurable() if name.startswith("random/")]
SIMPLER = {
    "random/dense": 40, "random/long_horizon": 20, "random/small": 45, "random/small_sparse": 1,
    "random/very_dense": 344,
}  # fmt: skip
"""Returns with 18 actions of a simpler policy, nearest object first, simulated independently of this code."""


def agrees(found, listed, found_stderr, listed_stderr):
    return abs(found - listed) <= 4 * np.hypot(found_stderr, listed_stderr) + 1e-5


@pytest.mark.thorough
@pytest.mark.parametrize("num_actions", [9, 18])
def test_a_small_sample_measured_anew_agrees_with_the_file(num_actions):
    keys = jax.random.split(jax.random.key(num_actions))
    name, there = "random/small", listed("random/small", num_actions)
    again = measure(name, num_actions, keys[0], keys[1], 300, 50)
    assert agrees(again.random, there.random, again.random_stderr, there.random_stderr)
    assert agrees(again.best, there.best, again.best_stderr, there.best_stderr)
    # The twin: the two policies are told apart, and so would be a file that is wrong by a tenth.
    assert not agrees(again.best, there.random, again.best_stderr, there.random_stderr)
    assert not agrees(again.best, 1.1 * there.best, again.best_stderr, there.best_stderr)


@pytest.mark.slow
@pytest.mark.parametrize("num_actions", [9, 18])
@pytest.mark.parametrize("name", GRIDS)
def test_larger_samples_agree_everywhere(name, num_actions):
    keys = jax.random.split(jax.random.key(100 + num_actions))
    there, again = listed(name, num_actions), measure(name, num_actions, keys[0], keys[1], 2000, 200)
    assert agrees(again.random, there.random, again.random_stderr, there.random_stderr)
    assert agrees(again.best, there.best, again.best_stderr, there.best_stderr)


@pytest.mark.parametrize("name", GRIDS)
def test_every_random_grid_is_listed_with_errors_below_a_hundredth_of_the_span(name):
    for num_actions in (9, 18):
        there = listed(name, num_actions)
        assert max(there.random_stderr, there.best_stderr) < 0.01 * (there.best - there.random)
        assert there.is_optimum == (name == "random/small_sparse")


@pytest.mark.parametrize("name", GRIDS)
def test_the_scripted_policy_is_no_worse_than_a_simple_one(name):
    assert listed(name, 18).best >= SIMPLER[name]
    # Taking only by stepping on an object, and walking around others, cannot be better.
    assert listed(name, 9).best <= listed(name, 18).best + 4 * listed(name, 18).best_stderr


@pytest.mark.slow
@pytest.mark.parametrize(("num_actions", "expected"), [(18, 391.90), (9, 361.64)])
def test_on_very_dense_the_scripted_policy_is_as_good_as_the_optimum(num_actions, expected):
    # One object that returns at once, so the state is small: the agent's cell and the object's (121: it is away), and
    # 2,000 steps backwards solve it.
    size, cells = 11, np.arange(121)
    row, column = cells // size, cells % size
    value = np.zeros((121, 122))
    for _ in range(2000):
        back = (value[:, :121].sum(1) - np.diag(value[:, :121])) / 120  # it returns in any cell but the agent's
        following, best = np.column_stack([value[:, :121], back]), np.full((121, 122), -np.inf)
        for down, right in OFFSETS.tolist():
            is_open = (0 <= row + down) & (row + down < size) & (0 <= column + right) & (column + right < size)
            target = np.where(is_open, cells + size * down + right, cells)
            moved, taken = following[target], following.copy()
            if num_actions == 9:
                moved[cells, target] = 1 + value[target, 121]
                taken = moved
            else:
                taken[cells[is_open], target[is_open]] = 1 + value[cells[is_open], 121]
            best = np.maximum(best, np.maximum(moved, taken))
        value = best
    optimum = (value[:, :121].sum() - np.trace(value[:, :121])) / (121 * 120)
    assert optimum == pytest.approx(expected, abs=0.01)
    there = listed("random/very_dense", num_actions)
    assert abs(there.best - optimum) < 3 * there.best_stderr


def test_the_distractor_chain_pays_nothing_to_who_guesses_and_one_to_who_looks(key):
    assert listed("chain/distractor", 2) == EXACT["chain/distractor"]
    distribution = env_spec("chain/distractor").distribution
    env = distribution.env
    guessed = episode_returns(distribution, lambda env_params: random_policy(env), key, 1000)
    assert abs(guessed.mean()) < 4 * standard_error(guessed) and set(np.unique(guessed)) == {-1.0, 1.0}

    def looking(env_params):  # the first bit says that action 0 is right
        return lambda uniform, state, env_params: 1 - env.observe(state, env_params)[0].astype(int)

    np.testing.assert_array_equal(episode_returns(distribution, looking, key, 100), np.ones(100))


@pytest.mark.parametrize("name", [name for name in EXACT if name.startswith("bsuite/")])
def test_guessing_pays_what_is_said_of_the_chains_of_bsuite(name, key):
    there = EXACT[name]
    (number,) = versions(name)
    assert listed(name, number) == listed(name) == there
    distribution = env_spec(name).distribution
    guessed = episode_returns(distribution, lambda env_params: random_policy(distribution.env), key, 1000)
    assert abs(guessed.mean() - there.random) < 4 * standard_error(guessed)


def by(rule):
    """A policy that looks at the library's own state."""
    return lambda env_params: lambda uniform, state, env_params: jnp.asarray(rule(state.inner), int)


BEST_POLICIES = {
    "bsuite/umbrella_chain": lambda s: s.need_umbrella,
    "bsuite/discounting_chain": lambda s: 0,
    "bsuite/memory_chain": lambda s: s.context[s.query],
    "bsuite/catch": lambda s: 1 + jnp.sign(s.ball_x - s.paddle_x),
    "bsuite/deep_sea": lambda s: s.action_mapping[s.row, s.column],
    "classic/CartPole-v1": lambda s: s.theta + 0.5 * s.theta_dot + 0.1 * s.x_dot + 0.05 * s.x > 0,
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", BEST_POLICIES)
def test_the_best_that_is_said_of_others_environments_can_be_had(name, key):
    distribution, there = env_spec(name).distribution, listed(name)
    found = episode_returns(distribution, by(BEST_POLICIES[name]), key, 200)
    if name == "bsuite/umbrella_chain":  # ±1 nine times on the way
        assert abs(found.mean() - there.best) < 4 * standard_error(found)
    else:
        np.testing.assert_allclose(found, there.best, atol=1e-5)
    assert there.is_optimum and there.random < there.best
    # The twin: who does the opposite, or always the same, has less.
    assert episode_returns(distribution, by(lambda s: 1), key, 200).mean() < there.best - 0.05


@pytest.mark.thorough
def test_toy_text_is_listed_as_it_is_solved():
    assert len(PUBLISHED) == 6
    for name in PUBLISHED:
        (number,) = versions(name)
        there = measure(name, number, jax.random.key(0), jax.random.key(0), 1, 1)
        assert listed(name).random == pytest.approx(there.random, abs=1e-4)
        assert listed(name).best == pytest.approx(there.best, abs=1e-4)
    # Six to nine moves, a pick-up and a drop that pays 20, on average; thirteen moves at −1.
    assert 7.5 < listed("toy_text/Taxi-v4").best < 8.5 and listed("gymnasium/CliffWalking-v1").best == -13


def test_what_is_not_listed_is_unknown():
    assert listed("tabular/dense", 18) is None and listed("random/small", 7) is None
    with pytest.raises(ValueError, match="random grids only"):
        measure("tabular/dense", 18, jax.random.key(0), jax.random.key(1), 1, 1)


def test_the_standard_error_worked_by_hand():
    # 1, 2, 3: variance ((−1)² + 0 + 1²)/2 = 1, error √(1/3).
    assert standard_error(np.array([1.0, 2.0, 3.0])) == pytest.approx(0.57735, abs=1e-5)


@pytest.mark.parametrize("change", [{"format_version": 2}, {"environments": {"e": {"9": {"random": 1.0}}}}, None])
def test_a_broken_file_is_refused_by_name(change, tmp_path):
    content = json.loads(FILE.read_text())
    path = tmp_path / "r.json"
    path.write_text("{" if change is None else json.dumps({**content, **change}))
    with pytest.raises(ValueError, match="r.json: not a file of reference returns"):
        read_file(path)


def test_the_file_says_where_its_numbers_are_from():
    for entries in read_file(FILE).values():
        for entry in entries.values():
            assert entry["random_from"] and entry["best_from"]
    assert "best_from" in {field.name for field in dataclasses.fields(listed("random/small", 9))}
    assert set(read_file(FILE)) == set(measurable())
