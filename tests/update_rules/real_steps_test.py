"""Rows that were no step of the environment weigh nothing."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from lpg.learner.baseline import WithBaseline
from lpg.types import Trajectory
from lpg.update_rules.base import Rule
from lpg.update_rules.real_steps import OnRealSteps
from lpg.update_rules.update import agent_update
from tests.helpers import hyperparameters
from tests.learner.fixtures import RULES, seen, table

WITH_BASELINE = {**RULES, "lpg with baseline": lambda: WithBaseline(RULES["lpg"]())}


def updated(rule, data: Trajectory, is_real=None) -> jax.Array:
    agent = table(prediction_size=rule.prediction_size)(jax.random.key(3))
    inside = rule if is_real is None else OnRealSteps(rule, is_real)
    return moved(inside, agent, data)


@jax.jit
def moved(rule, agent, data: Trajectory) -> jax.Array:
    optimizer = optax.sgd(1.0)
    mask, hyper = jnp.ones(2, bool), hyperparameters()
    return agent_update(rule, agent, optimizer, optimizer.init(agent), data, mask, hyper)[0].rows


def with_reset_row(data: Trajectory, at: int, action: int = 0) -> Trajectory:
    """A row between two episodes, as next-step autoreset makes them: the final state, no reward, then a first state."""

    def insert(name, row):
        values = getattr(data, name)
        return jnp.insert(values, at, jnp.asarray(row, values.dtype), axis=0)

    return Trajectory(
        observation=insert("observation", data.next_observation[at - 1]),
        next_observation=insert("next_observation", data.observation[at]),
        action=insert("action", action),
        reward=insert("reward", 0.0),
        terminated=insert("terminated", False),
        is_last=insert("is_last", False),
    )


@pytest.mark.thorough
@pytest.mark.parametrize("name", WITH_BASELINE)
def test_an_update_with_a_reset_row_is_the_update_without_it(name):
    # One environment, the episode ends with row 2; the reset row is put behind it. The oracle simply lacks it.
    rule, data = WITH_BASELINE[name](), seen(shape=(6, 1))
    data = Trajectory(data.observation, data.next_observation, data.action, data.reward, data.terminated,
                      data.terminated)  # fmt: skip
    longer = with_reset_row(data, 3)
    is_real = jnp.ones((7, 1), bool).at[3].set(False)
    wanted = updated(rule, data)
    np.testing.assert_allclose(updated(rule, longer, is_real), wanted, atol=1e-6)
    # The twin: taken for a step, it changes what is learned.
    assert np.abs(updated(rule, longer) - wanted).max() > 1e-3


@pytest.mark.parametrize("name", WITH_BASELINE)
def test_it_does_not_matter_what_stands_in_a_reset_row(name):
    rule, data = WITH_BASELINE[name](), seen(shape=(6, 1))
    is_real = jnp.ones((7, 1), bool).at[3].set(False)
    one, other = with_reset_row(data, 3, action=0), with_reset_row(data, 3, action=1)
    np.testing.assert_array_equal(updated(rule, one, is_real), updated(rule, other, is_real))
    assert not np.array_equal(updated(rule, one), updated(rule, other))


@pytest.mark.parametrize("name", RULES)
def test_where_all_rows_are_real_nothing_changes(name):
    rule, data = RULES[name](), seen()
    np.testing.assert_array_equal(updated(rule, data, jnp.ones((6, 3), bool)), updated(rule, data))


def test_without_a_single_real_row_nothing_is_learned():
    rule = RULES["lpg"]()
    rows = updated(rule, seen(), jnp.zeros((6, 3), bool))
    np.testing.assert_array_equal(rows, table(prediction_size=3)(jax.random.key(3)).rows)


def test_it_is_a_rule_like_any_other():
    rule = OnRealSteps(RULES["lpg"](), jnp.ones((2, 2), bool))
    assert isinstance(rule, Rule)
    assert (rule.prediction_size, rule.discovers_predictions) == (3, True)
