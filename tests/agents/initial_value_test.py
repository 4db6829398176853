"""Fresh agents that predict a value other than zero."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.agents.custom import AgentSizes, CustomAgent
from lpg.agents.initial_value import atoms, with_initial_value
from lpg.agents.registry import build_agent
from lpg.evaluation.training_plan import make_plan
from lpg.update_rules.a2c_categorical import CategoricalA2C, optimistic_a2c
from lpg.update_rules.registry import find_rule

KINDS = {
    "tabular": ((), 5), "D(4)": ((3,), None), "T(4)/T(4)": ((3,), None), "C(2)-D(4)": ((5, 6, 3), None),
    "D(4)/C(2)-D(4)": ((5, 6, 3), None), "atari-small": ((36, 36, 4), None), "disco-D(4)": ((3,), None),
}  # fmt: skip


def fresh(agent: str, prediction_size: int):
    """An agent and an observation."""
    shape, num_states = KINDS[agent]
    sizes = AgentSizes(
        observation_shape=shape, num_states=num_states, num_actions=2, prediction_size=prediction_size,
        channels_last=True,
    )  # fmt: skip
    return build_agent(jax.random.key(0), agent, sizes), jnp.ones(shape, int if num_states else float)


@pytest.mark.parametrize("agent", KINDS)
@pytest.mark.parametrize("value", [3.0, -0.5])
def test_predictions_grow_by_the_value_and_nothing_else_changes(agent, value):
    made, observation = fresh(agent, 3)
    changed = with_initial_value(made, value, 3)
    before, after = made(observation), changed(observation)
    np.testing.assert_allclose(after.prediction - before.prediction, [-value, 0, value], atol=1e-6)
    np.testing.assert_array_equal(after.logits, before.logits)
    same = with_initial_value(made, 0.0, 3)
    for one, other in zip(jax.tree.leaves(same), jax.tree.leaves(made), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("agent", ["tabular", "D(4)", "T(4)/T(4)"])
def test_a_prediction_of_one_number_grows_by_the_value_and_a_baseline_stays_zero(agent):
    made, observation = fresh(agent, 1)
    np.testing.assert_allclose(with_initial_value(made, 2.0, 1)(observation).prediction, [2])
    made, observation = fresh(agent, 4)  # three and the baseline's
    np.testing.assert_allclose(with_initial_value(made, 2.0, 3)(observation).prediction, [-2, 0, 2, 0])


@pytest.mark.parametrize("value", [-6.0, 0.0, 1.5, 6.0])
def test_rules_of_categorical_values_read_the_value_back(value):
    made, observation = fresh("D(4)", 30)
    prediction = with_initial_value(made, value, 30)(observation).prediction
    assert CategoricalA2C().value(prediction) == pytest.approx(value, abs=1e-3)
    assert optimistic_a2c().value(prediction) == pytest.approx(3 + value, abs=1e-3)
    np.testing.assert_allclose(CategoricalA2C().distribution(jnp.asarray(value)), jax.nn.softmax(prediction), atol=1e-5)
    assert CategoricalA2C().atoms.tolist() == atoms(30).tolist()


def test_where_a_custom_agent_keeps_its_predictions_is_not_known():
    with pytest.raises(ValueError, match="CustomAgent given; a table or a network by name is needed"):
        with_initial_value(CustomAgent(params=jnp.ones(2), rest=None), 1.0, 3)


def test_a_custom_agent_begins_as_its_factory_says():
    agent, rule = "tests.agents.custom_test:linear", find_rule("a2c")
    with pytest.raises(ValueError, match="initial_value is 3.0 and the agent .*; 0 is needed, because a custom"):
        make_plan(rule, "classic/CartPole-v1", agent=agent, changes={"initial_value": 3.0})
    assert make_plan(rule, "classic/CartPole-v1", agent=agent).config.initial_value == 0
    assert make_plan(rule, "classic/CartPole-v1", changes={"initial_value": 3.0}).config.initial_value == 3
    with pytest.raises(ValueError, match="initial_value is 16.0; expected float <= 15.0"):
        make_plan(rule, "classic/CartPole-v1", changes={"initial_value": 16.0})


def test_a_rule_whose_predictions_are_no_values_has_no_initial_value():
    environment, changes = "classic/CartPole-v1", {"initial_value": 3.0}
    with pytest.raises(ValueError, match="is 3.0; 0 is needed, because predictions under lpg are no values"):
        make_plan(find_rule("lpg"), environment, changes=changes)
    assert make_plan(find_rule("lpg"), environment, changes={"initial_value": 0.0}).config.initial_value == 0
    # Fitted to a value, hand-written, and meta-trained with agents that began so.
    seen = dataclasses.replace(find_rule("lpg"), card={"config": {"initial_values": [0.0, 3.0]}})
    for rule in (find_rule("lpg-kick-start"), find_rule("a2c"), seen):
        assert make_plan(rule, environment, changes=changes).config.initial_value == 3.0
