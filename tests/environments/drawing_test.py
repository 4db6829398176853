"""The single marks: which colour a value gets and which action an arrow shows."""

import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.figure import Figure

from lpg.environments import drawing
from lpg.environments.delayed_chain import ChainParams


@pytest.fixture
def axes():
    return Figure().add_subplot()


def brightness(values):
    return drawing.heat_map(np.asarray(values)).to_rgba(values)[:, :3].mean(-1)


def test_white_is_zero_if_values_of_both_signs_are_shown():
    low, zero, high = brightness([-1.0, 0.0, 0.5])
    assert zero > 0.95 and zero > high > low
    # Twin: without negative values white is the smallest, not 0.
    assert brightness([1.0, 2.0])[0] > 0.95 > brightness([1.0, 2.0])[1]
    # All negative: the nearest to 0 is the palest.
    assert brightness([-2.0, -1.0])[1] > brightness([-2.0, -1.0])[0]


def test_equal_values_have_one_colour():
    assert len(np.unique(brightness([3.0, 3.0, 3.0]))) == 1


def test_a_policy_is_drawn_as_its_likeliest_action(axes):
    # Cell by cell: move right, collect down, stay.
    policy = np.full((3, 18), 0.01)
    policy[[0, 1, 2], [5, 9 + 7, 4]] = 0.83
    drawing.draw_policy(axes, np.array([[0, 0], [0, 1], [0, 2]]), policy)
    (arrow,) = axes.texts
    # An annotation runs from its text position to the tip: from left to right in row 0.
    assert arrow.xyann[0] < 0 < arrow.xy[0] and arrow.xy[1] == 0
    line, tip, dot = (np.column_stack(line.get_data()).tolist() for line in axes.lines)
    assert line[0] == [1, 0] and line[1] == tip[0] == [1, 0.34]
    assert dot == [[2, 0]]


def test_a_chain_is_drawn_with_all_its_states(axes):
    one = ChainParams(length=jnp.asarray(6), is_noisy=jnp.asarray(False))
    assert drawing.draw_chain(axes, one, None, None) is None
    # Two first states and four branches of five.
    assert len(axes.collections[0].get_offsets()) == 22
    labels = [text.get_text() for text in axes.texts]
    # Branches 0 … 3: the wrong and the right action of coin 0, then of coin 1.
    assert [label for label in labels if label in ("+1", "−1")] == ["−1", "+1", "−1", "+1"]
    assert [label for label in labels if label.startswith("action")] == ["action 1", "action 0", "action 0", "action 1"]
