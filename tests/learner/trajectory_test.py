"""Trajectories from anywhere."""

import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest

from lpg.learner.trajectory import as_arrays
from lpg.types import Trajectory


@pytest.fixture(autouse=True)
def as_users_see_it():
    """Without the run-time checks of the test run, which let no NumPy array into a Trajectory."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def numpy_arrays(**changes) -> Trajectory:
    shape = (3, 2)
    values = {
        "observation": np.zeros((*shape, 4)),
        "next_observation": np.zeros((*shape, 4)),
        "action": np.zeros(shape, np.int64),
        "reward": np.ones(shape),
        "terminated": np.zeros(shape, np.uint8),
        "is_last": np.zeros(shape, np.uint8),
    }
    return Trajectory(**(values | changes))


def test_numpy_arrays_of_any_width_become_what_is_expected_inside():
    found, is_real = as_arrays(numpy_arrays())
    types = [getattr(found, n).dtype for n in ("observation", "action", "reward", "terminated", "is_last")]
    assert types == [jnp.float32, jnp.int32, jnp.float32, jnp.bool_, jnp.bool_] and is_real is None
    images = np.zeros((3, 2, 4), np.uint8)
    found, is_real = as_arrays(numpy_arrays(observation=images, next_observation=images), [[1, 1], [0, 1], [1, 1]])
    # Images stay bytes until they are on the device.
    assert found.observation.dtype == jnp.uint8 and is_real.tolist() == [[True, True], [False, True], [True, True]]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reward": np.ones(3)}, r"rewards of shape \[3\] given; \[steps, environments\] is needed"),
        ({"reward": np.ones((0, 2)), "next_observation": np.zeros((1, 2, 4))}, r"rewards of shape \[0, 2\] given"),
        ({"action": np.zeros((3, 2), np.float32)}, "actions of type float32 given; .*no continuous actions"),
        ({"action": np.zeros((3, 2, 5), int)}, r"action has shape \[3, 2, 5\]; \[3, 2\] is needed"),
        ({"action_mask": np.ones((3, 4), bool)}, r"action_mask has shape \[3, 4\]; \[3, 2, 'actions'\] is needed"),
        (
            {"action_mask": np.eye(2)[[1]].repeat(6, 0).reshape(3, 2, 2)},
            "action 0 given in step 0 of environment 0; .*forbids",
        ),
        (
            {"action": np.full((3, 2), 2), "action_mask": np.ones((3, 2, 2))},
            "action 2 given; action_mask has 2 actions",
        ),
        ({"action": np.full((3, 2), -1)}, "action -1 given; actions are numbered from 0"),
        ({"is_last": np.zeros((2, 3), bool)}, r"is_last has shape \[2, 3\]; \[3, 2\] is needed"),
        ({"observation": np.zeros((2, 3, 4))}, r"observation has shape \[2, 3\]; \[3, 2\] is needed"),
        ({"next_observation": np.zeros((3, 2, 5))}, r"shape \[3, 2, 5\]; the shape of observation, \[3, 2, 4\]"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_in_one_line(changes, words):
    with pytest.raises(ValueError, match=words) as caught:
        as_arrays(numpy_arrays(**changes))
    assert "\n" not in str(caught.value)


def test_one_row_of_next_observations_will_do_where_all_ends_are_terminations():
    last = np.zeros((1, 2, 4))
    assert as_arrays(numpy_arrays(next_observation=last))[0].next_observation.shape == (1, 2, 4)
    cut = np.array([[0, 0], [0, 1], [0, 0]])
    with pytest.raises(ValueError, match="one row of next_observation given, and an episode ends without termination"):
        as_arrays(numpy_arrays(next_observation=last, is_last=cut))
    assert as_arrays(numpy_arrays(next_observation=last, is_last=cut, terminated=cut))


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"is_real has shape \[2\]; \[3, 2\] is needed"):
        as_arrays(numpy_arrays(), np.ones(2, bool))
