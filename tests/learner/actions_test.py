"""Actions of several parts as one choice, and masks."""

import itertools

import numpy as np
import pytest
from gymnasium import spaces as gym

from lpg.learner.actions import actions_of


def test_every_combination_is_an_action():
    space = gym.MultiDiscrete([2, 3], start=[5, 0])
    found = actions_of(space, "x")
    assert found.count == 6
    rows = found.to_env(np.arange(6))
    assert [tuple(row) for row in rows] == list(itertools.product([5, 6], [0, 1, 2]))
    assert all(row in space for row in rows)
    assert found.to_env(np.asarray(4)).tolist() == [6, 1]
    assert found.to_env(np.zeros((2, 3), int)).shape == (2, 3, 2)


def test_parts_keep_the_shape_of_the_space():
    space = gym.MultiBinary((2, 2))
    found = actions_of(space, "x")
    assert found.count == 16 and found.to_env(np.asarray(6)).tolist() == [[0, 1], [1, 0]]
    assert found.to_env(np.asarray(6)).astype(np.int8) in space


def test_a_mask_of_parts_allows_the_combinations_of_what_it_allows():
    found = actions_of(gym.MultiDiscrete([2, 3]), "x")
    mask = np.array([1, 0, 0, 1, 1], np.int8)  # the first of two; the second and third of three
    assert np.flatnonzero(found.read_mask(mask, "x")).tolist() == [1, 2]
    assert found.to_env(np.array([1, 2])).tolist() == [[0, 1], [0, 2]]


@pytest.mark.parametrize("mask", [np.ones(2), np.ones((3, 4)), np.array(None), np.asarray(1)])
def test_masks_of_another_size_are_refused(mask):
    with pytest.raises(ValueError, match=r"of shape .*; \[3\] is needed"):
        actions_of(gym.Discrete(3), "x").read_mask(mask, "x")
