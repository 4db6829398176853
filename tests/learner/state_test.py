"""Shapes of the statistics in a learner's state."""

import jax.numpy as jnp
import numpy as np
import pytest

from lpg.agents.normalisation import init_reward_statistics, init_statistics
from lpg.learner.state import LearnerState, with_shapes


def test_fresh_statistics_get_the_shapes_of_the_data():
    fresh = LearnerState({}, (), init_statistics(()), init_reward_statistics(0))
    assert (fresh.observation_shape, fresh.num_envs) == ((), 0)
    acting = with_shapes(fresh, (2, 3))
    assert (acting.observation_shape, acting.num_envs) == ((2, 3), 0)
    state = with_shapes(fresh, (2, 3), 4)
    assert (state.observation_shape, state.num_envs) == ((2, 3), 4)
    np.testing.assert_array_equal(state.observations.variance, jnp.ones((2, 3)))
    np.testing.assert_array_equal(state.rewards.discounted_return, jnp.zeros(4))
    with pytest.raises(ValueError, match=r"observations of shape \[3\] given; \[2, 3\] is needed"):
        with_shapes(state, (3,), 4)
    with pytest.raises(ValueError, match="a trajectory of 5 environments given; 4 are needed"):
        with_shapes(state, (2, 3), 5)


def test_without_statistics_no_shape_matters():
    plain = LearnerState({}, ())
    assert (plain.observation_shape, plain.num_envs) == ((), 0)
    assert with_shapes(plain, (7,), 3) == plain
