"""The interface that every rule implements."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.types import Trajectory
from lpg.update_rules.a2c import A2C
from lpg.update_rules.base import Rule, RuleInputs
from lpg.update_rules.lpg import init_lpg
from lpg.update_rules.lpg_v import init_lpg_v
from lpg.update_rules.proximal import DPO, PPO
from tests.helpers import hyperparameters, random_output

RULES = {
    "a2c": lambda key: A2C(),
    "ppo": lambda key: PPO(),
    "dpo": lambda key: DPO(),
    "lpg": lambda key: init_lpg(key, lstm_size=4, prediction_size=3, embedding_size=4),
    "lpg-v": lambda key: init_lpg_v(key, lstm_size=4),
}
T, B, A = 5, 2, 3


@pytest.fixture(params=RULES)
def rule(request, key):
    return RULES[request.param](key)


def random_inputs(key, size: int) -> RuleInputs:
    key_output, key_next, key_action = jax.random.split(key, 3)
    is_last = jnp.zeros((T, B), bool).at[2].set(True)
    seen = Trajectory(
        observation=jnp.zeros((T, B), int),
        next_observation=jnp.zeros((T, B), int),
        action=jax.random.randint(key_action, (T, B), 0, A),
        reward=jnp.ones((T, B)),
        terminated=is_last,
        is_last=is_last,
    )
    return RuleInputs(
        trajectory=seen,
        output=random_output(key_output, (T, B), A, size),
        next_prediction=random_output(key_next, (T, B), A, size).prediction,
    )


def test_a_rule_is_a_rule_and_its_leaves_are_float_arrays(rule):
    assert isinstance(rule, Rule)
    assert all(eqx.is_inexact_array(leaf) for leaf in jax.tree.leaves(rule))


def test_targets_have_the_shape_of_the_trajectory_and_of_the_prediction(rule, key):
    targets = rule.targets(random_inputs(key, rule.prediction_size), hyperparameters())
    assert targets.pi_hat.shape == (T, B)
    assert targets.y_hat.shape == (T, B, rule.prediction_size)


def test_environments_are_independent(rule, key):
    inputs = random_inputs(key, rule.prediction_size)
    other = eqx.tree_at(lambda i: i.trajectory.reward, inputs, inputs.trajectory.reward.at[:, 1].add(1.0))
    found, changed = (rule.targets(i, hyperparameters()) for i in (inputs, other))
    np.testing.assert_array_equal(found.pi_hat[:, 0], changed.pi_hat[:, 0])
    assert np.any(found.pi_hat[:, 1] != changed.pi_hat[:, 1])  # the twin


def test_the_loss_is_a_mean_over_steps(rule, key):
    inputs = random_inputs(key, rule.prediction_size)
    targets = rule.targets(inputs, hyperparameters())

    def loss(part):
        cut = [jax.tree.map(part, x) for x in (inputs.output, inputs, targets)]
        return rule.loss(*cut, hyperparameters(policy_entropy_weight=0.1))

    each = [loss(lambda x, t=t: x[t : t + 1]) for t in range(T)]
    np.testing.assert_allclose(loss(lambda x: x), np.mean(each), rtol=1e-5)
