"""From Gymnasium's spaces to an agent."""

import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium import spaces

from lpg.learner.spaces import Spaces, make_agent, spaces_of
from tests.learner.fixtures import RULES

TWO = spaces.Discrete(2)


@pytest.mark.parametrize(
    ("observations", "agent"),
    [
        (spaces.Discrete(5), "tabular"),
        (spaces.Box(-1, 1, (4,)), "D(64-64)"),
        (spaces.MultiBinary(7), "D(64-64)"),
        (spaces.Box(0, 255, (84, 84, 3), np.uint8), "atari"),
        (spaces.Box(0, 1, (10, 10, 4)), "C(16)-D(32)"),
    ],
)
def test_each_kind_of_observation_has_an_agent_that_reads_it(observations, agent, key):
    found = spaces_of(observations, TWO, "x")
    assert found.default_agent == agent
    made = make_agent(agent, RULES["lpg"](), found)
    output = made.apply(made.init(key), jnp.asarray(observations.sample()))
    assert output.logits.shape == (2,) and output.prediction.shape == (3,)


def test_numbers_may_begin_anywhere():
    found = spaces_of(spaces.Discrete(5, start=-2), spaces.Discrete(3, start=1), "x")
    assert found == Spaces(num_actions=3, first_action=1, num_states=5, first_state=-2, observation_shape=())


@pytest.mark.parametrize(
    ("observations", "actions", "words"),
    [
        (
            spaces.Discrete(5),
            spaces.Box(-1, 1, (2,)),
            r"x has actions Box\(-1.0, 1.0, \(2,\), float32\); Discrete ones",
        ),
        (spaces.Discrete(5), spaces.MultiDiscrete([2, 2]), r"x has actions MultiDiscrete\(\[2 2\]\); Discrete ones"),
        (spaces.Tuple([TWO, TWO]), TWO, r"x has observations Tuple\(.*FlattenObservation"),
        (spaces.Text(3), TWO, "x has observations Text"),
        (
            spaces.Discrete(5),
            spaces.Box(np.arange(30, dtype=np.float32), np.arange(1, 31, dtype=np.float32)),
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
        ("tabular", spaces.Box(-1, 1, (4,)), r"observations that number states; here they have shape \[4\]"),
        ("D(8)", spaces.Discrete(4), r"'D\(8\)' is a network; observations here number states"),
        ("C(8)-D(8)", spaces.Box(-1, 1, (4,)), "has convolutions"),
    ],
)
def test_agents_that_cannot_read_the_observations_are_refused(agent, observations, words):
    with pytest.raises(ValueError, match=words):
        make_agent(agent, RULES["lpg"](), spaces_of(observations, TWO, "x"))
