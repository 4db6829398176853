"""Returns of the uniformly random policy, against those simulated independently of this code from the paper's rules."""

import jax
import numpy as np
import pytest

from lpg.environments import exact, registry
from tests.environments.exact_test import play

NUM_INSTANCES, NUM_EPISODES = 400, 50

REPORTED = {
    ("tabular/long_dense", 18): "9.8", ("tabular/long_dense", 9): "13.9",
    ("tabular/longer_horizon", 18): "-.78", ("tabular/longer_horizon", 9): "-.80",
    ("tabular/dense", 18): "-.21", ("tabular/dense", 9): "-.55",
    ("tabular/long_horizon", 18): "-.37", ("tabular/long_horizon", 9): "-.68",
    ("tabular/sparse", 18): "0.0", ("tabular/sparse", 9): "0.0",
}  # fmt: skip
REPORTED_RANDOM = {
    ("random/very_dense", 18): "3.6", ("random/very_dense", 9): "6.4",
    ("random/small_sparse", 18): "-.22", ("random/small_sparse", 9): "-.29",
    ("random/small", 18): "-.04", ("random/small", 9): "-.24",
    ("random/dense", 18): "-.04", ("random/dense", 9): "-.14",
    ("random/long_horizon", 18): "-.17", ("random/long_horizon", 9): "-.36",
}  # fmt: skip


def rounding(reported):
    """Half a unit of the last digit."""
    return 0.5 * 10.0 ** -len(reported.split(".")[1])


@pytest.mark.slow
@pytest.mark.parametrize(("name", "num_actions"), REPORTED)
def test_the_random_policy_has_the_reported_and_the_exact_return(name, num_actions):
    family = registry.env_spec(name).distribution
    key_instances, key_play = jax.random.split(jax.random.key(20200717))
    sample = jax.jit(jax.vmap(lambda key: family.sample(key, num_actions)))
    env_params_batch = sample(jax.random.split(key_instances, NUM_INSTANCES))
    many = jax.jit(jax.vmap(lambda env_params, key: play(family.env, env_params, key, NUM_EPISODES)))
    returns = np.asarray(many(env_params_batch, jax.random.split(key_play, NUM_INSTANCES)))
    # Object places are drawn per instance, so it is the instances that are independent. The reported number is a mean
    # over samples too; how many is not known, so its error is taken to be as large as ours: a factor √2.
    per_instance = returns.mean(axis=1)
    error = per_instance.std() / np.sqrt(NUM_INSTANCES)
    reported = REPORTED[name, num_actions]
    half_a_digit = rounding(reported)
    assert abs(per_instance.mean() - float(reported)) < 3 * np.sqrt(2) * error + half_a_digit

    solve = jax.jit(lambda one: exact.policy_return(family.env, one, exact.uniform_policy(family.env, one)))
    exactly = np.array([solve(jax.tree.map(lambda x, i=i: x[i], env_params_batch)) for i in range(16)])
    errors = returns[:16].std(axis=1) / np.sqrt(NUM_EPISODES)
    assert abs((returns[:16].mean(axis=1) - exactly).mean()) < 3 * np.sqrt((errors**2).sum()) / 16


def simulated(family, num_actions, num_episodes, rng):
    """Returns in a random grid by NumPy; only map, objects and time limit are shared with the package."""
    is_free = np.array([[mark == "." for mark in row] for row in family.rows])
    (rows, columns), is_free = is_free.shape, is_free.ravel()
    kinds = [kind for kind in family.objects for _ in range(kind.count)]
    agent = rng.choice(np.flatnonzero(is_free), num_episodes)
    lies = np.full((num_episodes, len(kinds)), -1)

    def put(j, which):
        scores = rng.random((len(which), len(is_free)))
        scores[:, ~is_free] = -1
        for cell in (agent[which], *lies[which].T):
            scores[np.flatnonzero(cell >= 0), cell[cell >= 0]] = -1
        lies[which, j] = scores.argmax(1)

    for j in range(len(kinds)):
        put(j, np.arange(num_episodes))
    total, continues = np.zeros(num_episodes), np.ones(num_episodes, bool)
    for _ in range(family.max_steps):
        is_absent = lies < 0
        action = rng.integers(num_actions, size=num_episodes)
        row, column = agent // columns + action % 9 // 3 - 1, agent % columns + action % 3 - 1
        is_open = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
        target = np.where(is_open, row * columns + column, 0)
        is_open &= is_free[target]
        agent = np.where((action < 9) & is_open, target, agent)
        reached = agent if num_actions == 9 else np.where((action >= 9) & is_open, target, -2)
        is_taken = lies == reached[:, None]
        total += continues * (is_taken @ [kind.reward for kind in kinds])
        continues &= ~(is_taken & (rng.random((num_episodes, 1)) < [kind.p_term for kind in kinds])).any(1)
        lies[is_taken] = -1
        for j, kind in enumerate(kinds):
            put(j, np.flatnonzero(continues & is_absent[:, j] & (rng.random(num_episodes) < kind.p_respawn)))
        if not continues.any():
            break
    return total


@pytest.mark.slow
@pytest.mark.parametrize(("name", "num_actions"), REPORTED_RANDOM)
def test_the_random_policy_on_random_grids_has_the_reported_return_and_that_of_numpy(name, num_actions):
    family = registry.env_spec(name).distribution
    num_episodes = NUM_INSTANCES * NUM_EPISODES
    key = jax.random.key(20200717)
    many = jax.jit(lambda env_params: play(family.env, env_params, key, num_episodes))
    returns = np.asarray(many(family.sample(key, num_actions)))
    again = simulated(family, num_actions, num_episodes, np.random.default_rng(20200717))
    error = returns.std() / np.sqrt(num_episodes)
    assert abs(returns.mean() - again.mean()) < 3 * np.sqrt(2) * error
    # How many episodes the reported number is a mean of is not known. Its 6.4 on very_dense, where 6.56 is exact (see
    # below), says some hundreds.
    reported = REPORTED_RANDOM[name, num_actions]
    its_error = returns.std() / np.sqrt(NUM_INSTANCES)
    assert abs(returns.mean() - float(reported)) < 3 * np.sqrt(error**2 + its_error**2) + rounding(reported)


@pytest.mark.slow
@pytest.mark.parametrize(("num_actions", "expected"), [(18, 3.590), (9, 6.556)])
def test_the_random_policys_return_on_very_dense_is_that_of_its_markov_chain(num_actions, expected):
    # The chain over (agent's cell, object's cell), and over the agent's alone while the object is away.
    cells = [(row, column) for row in range(11) for column in range(11)]
    reach = np.array([[max(abs(r - s), abs(c - d)) <= 1 for s, d in cells] for r, c in cells]) / 9
    move = reach + np.diag(1 - reach.sum(1))
    present, away = np.zeros((121, 121)), np.zeros(121)
    for _ in range(2000):
        back = (present.sum(1) - np.diag(present)) / 120
        if num_actions == 9:
            # Who steps on the object takes it.
            present, away = move @ (present * (1 - np.eye(121))) + move * (1 + away), move @ back
        else:
            taken = reach * (1 + away)[:, None] + (1 - reach) * present
            present, away = (move @ present + taken) / 2, (move @ back + back) / 2
    exactly = (present.sum() - np.trace(present)) / (121 * 120)
    assert abs(exactly - expected) < 5e-4

    family = registry.env_spec("random/very_dense").distribution
    key = jax.random.key(7)
    many = jax.jit(lambda env_params: play(family.env, env_params, key, 20_000))
    returns = np.asarray(many(family.sample(key, num_actions)))
    assert abs(returns.mean() - exactly) < 3 * returns.std() / np.sqrt(20_000)
