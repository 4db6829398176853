"""Images in every layout."""

import jax.numpy as jnp
import numpy as np
import pytest

from lpg.agents.images import as_floats, has_channels_last, image_sizes, to_channels_last


@pytest.mark.parametrize(
    ("shape", "is_last", "sizes"),
    [
        ((84, 80, 3), True, (3, 84, 80)),
        ((4, 84, 80), False, (4, 84, 80)),
        ((84, 80), False, (1, 84, 80)),
        ((3, 3, 3), True, (3, 3, 3)),
        ((40, 40, 17), True, (17, 40, 40)),
        ((17, 40, 40), False, (17, 40, 40)),
        ((40, 41, 17), False, (40, 41, 17)),
    ],
)
def test_channels_are_found_where_they_are(shape, is_last, sizes):
    assert has_channels_last(shape) == is_last
    assert image_sizes(shape, is_last) == sizes
    batch = to_channels_last(jnp.zeros((2, *shape)), len(shape), is_last)
    assert batch.shape == (2, *sizes[1:], sizes[0])


def test_each_channel_stays_itself():
    image = jnp.arange(24.0).reshape(2, 4, 3)
    np.testing.assert_array_equal(to_channels_last(image, 3, False)[..., 1], image[1])
    np.testing.assert_array_equal(to_channels_last(image, 3, True), image)


@pytest.mark.parametrize("shape", [(), (4,), (1, 2, 3, 4)])
def test_what_has_no_rows_and_columns_is_refused(shape):
    with pytest.raises(ValueError, match=r"convolutions need observations \[planes, rows, columns\]; here they are"):
        image_sizes(shape, False)


def test_only_bytes_are_scaled_to_one():
    np.testing.assert_allclose(as_floats(jnp.array([0, 51, 255], jnp.uint8), float), [0, 0.2, 1])
    np.testing.assert_array_equal(as_floats(jnp.array([0, 51, 255]), float), [0, 51, 255])
