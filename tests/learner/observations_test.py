"""Reading observations of all kinds of spaces."""

import numpy as np
import pytest
from gymnasium import spaces as gym
from gymnasium.spaces import utils
from gymnasium.vector.utils import batch_space, iterate

from lpg.learner.observations import observations_of

NESTED = gym.Dict(
    where=gym.Tuple([gym.Discrete(3, start=-1), gym.MultiDiscrete([[2, 3], [4, 2]])]),
    seen=gym.Dict(near=gym.Box(-1, 1, (2, 2)), flags=gym.MultiBinary(3)),
)


def read(space, observation):
    return observations_of(space, "x").read(observation)


def test_members_stand_one_after_the_other_and_choices_are_one_hot():
    space = gym.Tuple([gym.Box(-9, 9, (2,)), gym.Discrete(3, start=5), gym.MultiDiscrete([2, 2], start=[0, 7])])
    found = read(space, (np.array([4.0, -3.0]), 6, np.array([1, 7])))
    assert found.tolist() == [4, -3, 0, 1, 0, 0, 1, 1, 0] and found.dtype == np.float32


def test_the_order_is_gymnasiums():
    NESTED.seed(0)
    for _ in range(5):
        sample = NESTED.sample()
        np.testing.assert_allclose(read(NESTED, sample), utils.flatten(NESTED, sample))


def test_a_batch_is_read_as_its_members():
    batched = batch_space(NESTED, 4)
    batched.seed(1)
    sample = batched.sample()
    found = read(NESTED, sample)
    assert found.shape == (4, *observations_of(NESTED, "x").shape)
    for row, one in zip(found, iterate(batched, sample), strict=True):
        np.testing.assert_allclose(row, read(NESTED, one))


def test_choices_are_vectors_and_bits_stay_as_they_are():
    assert read(gym.MultiDiscrete([2, 3]), np.array([[1, 0], [0, 2]])).tolist() == [[0, 1, 1, 0, 0], [1, 0, 0, 0, 1]]
    assert read(gym.MultiBinary((2, 2)), np.eye(2, dtype=np.int8)).tolist() == [[1, 0], [0, 1]]


def test_pixels_among_other_things_are_scaled():
    space = gym.Dict(image=gym.Box(0, 255, (1, 1, 2), np.uint8), x=gym.Box(0, 9, (1,)))
    assert read(space, {"image": np.array([[[255, 51]]], np.uint8), "x": [9.0]}).tolist() == [
        1, pytest.approx(0.2), 9,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "wanted", "last"),
    [((4, 6, 6, 3), (6, 6, 12), True), ((4, 3, 6, 6), (12, 6, 6), False), ((10, 8, 9, 4), (8, 9, 40), True)],
)
def test_a_stack_of_pictures_has_its_frames_as_channels(shape, wanted, last):
    space = gym.Box(0, 255, shape, np.uint8)
    found = observations_of(space, "x")
    assert found.shape == wanted and found.channels_last == last and found.is_bytes
    stack = np.arange(np.prod(shape)).reshape(shape).astype(np.uint8)
    joined = found.read(stack)
    channels = shape[3] if last else shape[1]
    for frame in range(shape[0]):
        own = slice(frame * channels, (frame + 1) * channels)
        np.testing.assert_array_equal(joined[..., own] if last else joined[own], stack[frame])
    np.testing.assert_array_equal(found.read(stack[None].repeat(2, 0))[1], joined)


@pytest.mark.parametrize(
    ("shape", "last"),
    [((7, 7, 20), True), ((20, 7, 7), False), ((84, 84, 4), True), ((4, 84, 84), False), ((210, 160, 3), True),
     ((5, 9, 40), False)],
)  # fmt: skip
def test_where_the_channels_are(shape, last):
    assert observations_of(gym.Box(0, 1, shape), "x").channels_last == last


def test_what_is_read_is_a_copy():
    # Some environments write every step into the same array.
    own = np.zeros(3, np.float32)
    for space in (gym.Box(-1, 1, (3,)), gym.Box(0, 255, (3,), np.uint8)):
        given = own.astype(space.dtype)
        found = read(space, given)
        given[:] = 1
        assert found.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("space", "observation", "words"),
    [
        (gym.Discrete(4), np.array([0, 4]), "x showed state 4; its space has the numbers 0 to 3"),
        (gym.Discrete(4, start=2), 1, "x showed state 1; its space has the numbers 2 to 5"),
        (gym.MultiDiscrete([2, 3]), np.array([0, 3]), "x showed state 3"),
        (gym.Box(-1, 1, (2,)), np.array([[0, 1], [np.nan, 0]]), "x showed an observation with nan"),
        (gym.Tuple([gym.Box(-1, 1, (1,))]), ([np.inf],), "x showed an observation with inf"),
    ],
)
def test_what_is_no_observation_of_the_space_is_refused(space, observation, words):
    with pytest.raises(ValueError, match=words):
        read(space, observation)


def test_a_space_without_numbers_is_refused():
    with pytest.raises(ValueError, match="without any number"):
        observations_of(gym.Dict({}), "x")
