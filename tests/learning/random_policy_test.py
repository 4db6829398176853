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


@pytest.mark.slow
@pytest.mark.parametrize(("name", "num_actions"), REPORTED)
def test_the_random_policy_returns_what_is_reported_and_what_is_exact(name, num_actions):
    family = registry.environment(name).distribution
    key_instances, key_play = jax.random.split(jax.random.key(20200717))
    sample = jax.jit(jax.vmap(lambda key: family.sample(key, num_actions)))
    instances = sample(jax.random.split(key_instances, NUM_INSTANCES))
    many = jax.jit(jax.vmap(lambda instance, key: play(family.shape, instance, key, NUM_EPISODES)))
    returns = np.asarray(many(instances, jax.random.split(key_play, NUM_INSTANCES)))
    # Object places are drawn per instance, so it is the instances that are independent. The reported number is a mean
    # over samples too; how many is not known, so its error is taken to be as large as ours: a factor √2.
    per_instance = returns.mean(axis=1)
    error = per_instance.std() / np.sqrt(NUM_INSTANCES)
    reported = REPORTED[name, num_actions]
    half_a_digit = 0.5 * 10.0 ** -len(reported.split(".")[1])
    assert abs(per_instance.mean() - float(reported)) < 3 * np.sqrt(2) * error + half_a_digit

    solve = jax.jit(lambda one: exact.policy_return(family.shape, one, exact.uniform_policy(family.shape, one)))
    exactly = np.array([solve(jax.tree.map(lambda x, i=i: x[i], instances)) for i in range(16)])
    errors = returns[:16].std(axis=1) / np.sqrt(NUM_EPISODES)
    assert abs((returns[:16].mean(axis=1) - exactly).mean()) < 3 * np.sqrt((errors**2).sum()) / 16
