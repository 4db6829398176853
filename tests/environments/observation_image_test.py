"""Pictures of observations, pixel by pixel."""

import numpy as np

from lpg.environments.observation_image import FLOOR, INK, LINE, PLANES, SIDE, observation_image


def colours(picture):
    return {tuple(pixel) for pixel in picture.reshape(-1, 3).tolist()}


def test_a_state_is_the_dark_cell_of_a_strip():
    # Eight states: 320 // 8 = 40 pixels each, in one row.
    picture = observation_image(np.int32(2), 8)
    assert picture.shape == (40, 320, 3) and picture.dtype == np.uint8
    assert [tuple(picture[0, 40 * state]) for state in range(4)] == [FLOOR, LINE, INK, LINE]


def test_many_states_lie_in_rows():
    # 50 states: rows of ⌈√50⌉ = 8, of which ⌈50 / 8⌉ = 7 are needed; state 9 is the second of the second row.
    picture = observation_image(np.int32(9), 50)
    assert picture.shape == (7 * 40, 8 * 40, 3)
    assert np.argwhere((picture == INK).all(-1)).min(0).tolist() == [40, 40]


def test_every_plane_has_its_colour_and_nothing_is_floor():
    planes = np.zeros((3, 2, 2), np.float32)
    planes[0, 0, 0] = planes[1, 0, 0] = planes[2, 1, 1] = 1.0
    picture = observation_image(planes)
    # The later plane lies on top.
    assert [tuple(picture[r * SIDE // 2, c * SIDE // 2]) for r, c in ((0, 0), (0, 1), (1, 1))] == [
        PLANES[1], FLOOR, PLANES[2]
    ]  # fmt: skip


def test_of_a_stack_of_frames_the_newest_is_shown_and_coloured_pixels_stay():
    stack = np.stack([np.full((84, 84), value, np.uint8) for value in (10, 20, 30, 40)])
    assert colours(observation_image(stack)) == {(40, 40, 40)}
    # 320 // 84 = 3 pixels for each.
    assert observation_image(stack).shape == (252, 252, 3)
    coloured = np.full((400, 300, 3), (1, 2, 3), np.uint8)
    np.testing.assert_array_equal(observation_image(coloured), coloured)


def test_numbers_are_bars_up_and_down_that_never_leave_the_picture():
    picture = observation_image(np.array([1.0, -1e9, 0.0, np.nan]))
    # Half of it is 80 pixels high; 1 / (1 + 1) of that is 40.
    up, down = (picture == PLANES[2]).all(-1), (picture == PLANES[1]).all(-1)
    assert up[:, 10].sum() == 40 and down[:, 90].sum() == 80
    assert not up[:, 80:].any() and not down[:, :80].any()
