"""From Gymnasium's spaces to an agent."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium import spaces as gym

from lpg.agents.defaults import SEPARATE
from lpg.learner.spaces import make_agent, spaces_of
from tests.helpers import with_random_predictions
from tests.learner.fixtures import RULES

TWO = gym.Discrete(2)
LPG = RULES["lpg"]()


@pytest.mark.parametrize(
    ("observations", "agent"),
    [
        (gym.Discrete(5), "tabular"),
        (gym.Box(-1, 1, (4,)), SEPARATE),
        (gym.MultiBinary(7), SEPARATE),
        (gym.Box(0, 255, (84, 84, 3), np.uint8), "atari"),
        (gym.Box(0, 1, (10, 10, 4)), "C(16)-D(32)"),
    ],
)
def test_each_kind_of_observation_has_an_agent_that_reads_it(observations, agent, key):
    found = spaces_of(observations, TWO, "x")
    assert found.default_agent == agent
    made = make_agent(agent, RULES["lpg"](), found)
    output = made.apply(made.init(key), jnp.asarray(observations.sample()))
    assert output.logits.shape == (2,) and output.prediction.shape == (3,)


def test_numbers_may_begin_anywhere():
    found = spaces_of(gym.Discrete(5, start=-2), gym.Discrete(3, start=1), "x")
    assert found.num_actions == 3 and found.observations.num_states == 5
    assert found.observations.read([-2, 2]).tolist() == [0, 4] and found.actions.to_env(np.arange(3)).tolist() == [
        1, 2, 3,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("observations", "actions", "words"),
    [
        (
            gym.Discrete(5),
            gym.Box(-1, 1, (2,)),
            r"x has actions Box\(-1.0, 1.0, \(2,\), float32\); Discrete ones .*DiscretizeAction",
        ),
        (gym.Discrete(5), gym.MultiDiscrete([100, 100]), "which have 10,000 combinations; at most 4,096 are possible"),
        (gym.Discrete(5), gym.Tuple([TWO, TWO]), r"x has actions Tuple\(.*; a wrapper can number them"),
        (gym.Dict(told=gym.Tuple([TWO, gym.Text(3)])), TWO, "x has observations Text.* in 'told.1'.*FilterObservation"),
        (gym.Text(3), TWO, "x has observations Text"),
        (
            gym.Discrete(5),
            gym.Box(np.arange(30, dtype=np.float32), np.arange(1, 31, dtype=np.float32)),
            r"x has actions Box\(30,\); Discrete",
        ),
    ],
)
def test_other_spaces_are_refused_in_one_line(observations, actions, words):
    with pytest.raises(ValueError, match=words) as caught:
        spaces_of(observations, actions, "x")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("agent", "observations", "words"),
    [
        ("tabular", gym.Box(-1, 1, (4,)), r"observations that are state indices; here they have shape \[4\]"),
        ("D(8)", gym.Discrete(4), r"'D\(8\)' is a network; observations here are state indices"),
        ("C(8)-D(8)", gym.Box(-1, 1, (4,)), "has convolutions"),
    ],
)
def test_agents_that_cannot_read_the_observations_are_refused(agent, observations, words):
    with pytest.raises(ValueError, match=words):
        make_agent(agent, RULES["lpg"](), spaces_of(observations, TWO, "x"))


def spaces(num_states=None, shape=(), num_actions=2):
    seen = gym.Box(0, 1, shape) if num_states is None else gym.Discrete(num_states)
    return spaces_of(seen, gym.Discrete(num_actions), "x")


def output(agent, observation):
    return agent.apply(agent.init(jax.random.key(0)), observation)


def test_a_table_begins_with_a_uniform_policy_and_as_many_predictions_of_zero_as_the_rule_needs():
    found = output(make_agent("tabular", LPG, spaces(3)), jnp.asarray(1))
    assert found.logits.tolist() == [0, 0] and found.prediction.tolist() == [0, 0, 0]
    assert output(make_agent("tabular", RULES["a2c"](), spaces(3)), jnp.asarray(1)).prediction.tolist() == [0]
    with_f = output(make_agent("tabular", LPG, spaces(3), baseline=True), jnp.asarray(1))
    assert with_f.prediction.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("agent", "shape"),
    [("D(8)", (4,)), ("D(8)", (2, 3, 4)), ("C(4)-D(8)", (5, 6, 3)), ("C(4)-D(8)", (5, 6)), ("D(8)/D(4)", (4,)),
     ("atari", (40, 36, 3)), ("atari-small", (36, 40))],
)  # fmt: skip
def test_networks_read_what_they_are_made_for_and_their_predictions_begin_at_zero(agent, shape):
    found = output(make_agent(agent, LPG, spaces(shape=shape, num_actions=5), baseline=True), jnp.ones(shape))
    assert found.logits.shape == (5,) and np.abs(found.logits).min() > 0
    assert found.prediction.tolist() == [0, 0, 0, 0]


def test_agents_may_begin_with_another_value():
    made = make_agent("D(8)", LPG, spaces(shape=(4,)), baseline=True, initial_value=2.0)
    assert output(made, jnp.ones(4)).prediction.tolist() == [-2, 0, 2, 0]


@pytest.mark.parametrize("agent", ["D(8)", "C(4)-D(8)", "atari"])
def test_bytes_are_scaled_to_one(agent):
    made = make_agent(agent, LPG, spaces_of(gym.Box(0, 255, (36, 36, 3), np.uint8), TWO, "x"))
    image = jnp.arange(36 * 36 * 3, dtype=jnp.uint8).reshape(36, 36, 3)
    params = with_random_predictions(jax.random.key(1), made.init(jax.random.key(0)))
    found, scaled = made.apply(params, image), made.apply(params, image.astype(float) / 255)
    np.testing.assert_allclose(found.prediction, scaled.prediction, rtol=1e-4, atol=1e-5)
    unscaled = made.apply(params, image.astype(float))  # the counterpart
    assert np.abs(found.prediction - unscaled.prediction).max() > 1e-2


@pytest.mark.parametrize(
    ("shape", "name"),
    [((4,), SEPARATE), ((10, 10, 4), "C(16)-D(32)"), ((4, 84, 84), "atari"), ((210, 160, 3), "atari"),
     ((2, 3, 4, 5), "C(16)-D(32)"), ((1, 2, 3, 4, 5), SEPARATE)],
)  # fmt: skip
def test_the_first_network_to_try(shape, name):
    assert spaces(shape=shape).default_agent == name
    make_agent(name, LPG, spaces(shape=shape))


@pytest.mark.parametrize(
    ("agent", "shape", "words"),
    [
        ("C(4)-D(8)", (4,), r"'C\(4\)-D\(8\)' has convolutions; observations here have shape \[4\]"),
        ("atari", (10, 10, 4), r"observations of shape \[10, 10, 4\] given; the Atari network needs"),
        ("E(3)", (4,), r"agent 'E\(3\)' given"),
    ],
)
def test_networks_that_do_not_fit_are_refused(agent, shape, words):
    with pytest.raises(ValueError, match=words):
        make_agent(agent, LPG, spaces(shape=shape))
