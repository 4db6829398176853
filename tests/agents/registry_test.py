"""The list of agents."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from lpg.agents.network import Architecture, Network
from lpg.agents.registry import AGENTS, TABULAR, agent_optimizer, check_agent, init_agent, read_networks
from lpg.agents.separate import SeparateNetworks
from lpg.agents.tabular import Table
from lpg.environments.registry import env_spec

INDICES = env_spec("chain/short").distribution.env
BITS = env_spec("chain/distractor").distribution.env
PLANES = env_spec("random/small").distribution.env


def fresh(key, agent: str, env):
    return init_agent(key, agent, env, prediction_size=3)


def test_the_papers_agent_for_indices_is_there():
    assert "tabular" in AGENTS and all(AGENTS.values())


def test_a_tabular_agent_has_a_row_per_state_and_a_column_per_action_and_prediction(key):
    # 2 + 4 · 49 = 198 states; 2 actions and 3 predictions.
    table = fresh(key, TABULAR, INDICES)
    assert isinstance(table, Table) and table.rows.shape == (198, 5)


@pytest.mark.parametrize(
    "agent, env, num_actions", [("D(16)", BITS, 2), ("D(4)", PLANES, 18), ("C(2)-D(3)", PLANES, 18)]
)
def test_a_network_reads_the_observations_of_its_environment(agent, env, num_actions, key):
    network = fresh(key, agent, env)
    assert isinstance(network, Network)
    output = network(jnp.ones(env.observation_shape))
    assert output.logits.shape == (num_actions,) and output.prediction.shape == (3,)


def test_two_networks_are_written_with_a_stroke_the_policys_first(key):
    assert read_networks("D(4)") == (Architecture((), (4,)),)
    assert read_networks("C(2)-D(3)/D(4)") == (Architecture((2,), (3,)), Architecture((), (4,)))
    agent = fresh(key, "C(2)-D(3)/D(4)", PLANES)
    assert isinstance(agent, SeparateNetworks)
    assert agent.policy.policy.weight.shape == (3, 18) and agent.prediction.prediction.weight.shape == (4, 3)


@pytest.mark.parametrize("agent, env", [(TABULAR, INDICES), ("D(4)", BITS), ("D(4)/D(4)", BITS)])
def test_a_fresh_agent_is_a_function_of_its_key(agent, env):
    one, again, other = (jax.tree.leaves(fresh(jax.random.key(n), agent, env)) for n in (1, 1, 2))
    for x, y in zip(one, again, strict=True):
        np.testing.assert_array_equal(x, y)
    # A table begins with zeros whatever the key.
    assert np.any(one[0] != other[0]) == (agent != TABULAR)


@pytest.mark.parametrize("agent, env", [(TABULAR, INDICES), ("D(4)", BITS), ("D(4)/D(4)", BITS), ("C(2)-D(3)", PLANES)])
def test_all_predictions_of_a_fresh_agent_are_zero(agent, env, key):
    output = fresh(key, agent, env)(jnp.ones(env.observation_shape, int if agent == TABULAR else float))
    np.testing.assert_array_equal(output.prediction, np.zeros(3))


REFUSALS = {
    "a table of planes": (TABULAR, PLANES, r"state indices; here they have shape \[3, 5, 7\].*'D\(32\)'"),
    "a table of bits": (TABULAR, BITS, r"state indices; here they have shape \[22\].*'D\(32\)'"),
    "a network of indices": (
        "D(32)",
        INDICES,
        r"'D\(32\)' is a network; observations here are state indices.*'tabular'",
    ),
    "convolutions of indices": ("C(2)-D(3)", INDICES, "is a network; observations here are state indices"),
    "convolutions of bits": ("C(2)-D(3)", BITS, r"has convolutions; observations here have shape \[22\].*'D\(32\)'"),
    "an unknown agent": ("forest", INDICES, "'forest' given; 'tabular', or a network"),
    "half of a pair": ("D(4)/", PLANES, "agent '' given; 'tabular', or a network"),
    "three networks": ("D(4)/D(4)/D(4)", PLANES, "has 3 networks; one, or two with '/' between, is needed"),
    "convolutions of bits in one of two": ("D(4)/C(2)-D(3)", BITS, r"has convolutions; observations here have shape"),
    "a slip of the pen": ("tabluar", PLANES, "'tabluar' given; 'tabular', or a network"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_an_agent_that_cannot_read_the_observations_is_refused(case, key):
    agent, env, message = REFUSALS[case]
    with pytest.raises(ValueError, match=message):
        check_agent(agent, env)
    with pytest.raises(ValueError, match=message):
        fresh(key, agent, env)


def test_tables_step_by_visits_or_by_samples_and_networks_by_adam():
    # A gradient of 3 in a state that one of two steps visited: plain descent moves by −3, the mean over visits by
    # −3 · 2 / 1, Adam's first step by −1 (the gradient's sign).
    for agent, table_step, expected in (
        (TABULAR, "samples", -3), (TABULAR, "visits", -6), ("D(32)", "visits", -1), ("C(16)-D(32)", "samples", -1)
    ):  # fmt: skip
        optimizer = optax.with_extra_args_support(agent_optimizer(agent, table_step))
        step, _ = optimizer.update(
            jnp.array([3.0, 0.0]), optimizer.init(jnp.zeros(2)), None, observation=jnp.array([[0, 1]])
        )
        np.testing.assert_allclose(step, [expected, 0], rtol=1e-5)
