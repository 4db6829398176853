import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.layers import Linear, convolve, init_linear


def test_a_linear_map_worked_by_hand():
    # [1, 2] · [[1, 2, 3], [4, 5, 6]] = [9, 12, 15]; plus [10, 20, 30].
    linear = Linear(weight=jnp.array([[1.0, 2, 3], [4, 5, 6]]), bias=jnp.array([10.0, 20, 30]))
    np.testing.assert_array_equal(linear(jnp.array([1.0, 2])), [19, 32, 45])


def test_a_linear_map_of_a_batch_is_a_loop(key):
    linear = init_linear(key, 3, 2)
    x = jax.random.normal(key, (4, 5, 3))
    batch = linear(x)
    for i in range(4):
        for j in range(5):
            np.testing.assert_allclose(batch[i, j], linear(x[i, j]), rtol=1e-5, atol=1e-6)


def test_fresh_weights_have_the_specified_standard_deviation_and_no_bias(key):
    linear = init_linear(key, 100, 100, scale=3.0)
    # 3 / √100 = 0.3. 10,000 draws: standard error of the mean 0.003, of the deviation 0.3 / √20,000 = 0.0021; four.
    assert abs(np.mean(linear.weight)) < 0.012
    assert abs(np.std(linear.weight) - 0.3) < 0.0085
    np.testing.assert_array_equal(linear.bias, np.zeros(100))


def test_the_variance_of_outputs_does_not_depend_on_the_number_of_inputs(key):
    # Inputs of unit variance: the outputs have variance input_size · scale² / input_size = scale².
    # 20,000 outputs, of which those of one column share weights: within 10 % for 200 columns (1 / √400 = 5 % each).
    for size in (4, 400):
        key, key_linear, key_x = jax.random.split(key, 3)
        outputs = init_linear(key_linear, size, 200)(jax.random.normal(key_x, (100, size)))
        assert abs(np.std(outputs) - 1) < 0.1


def random_convolution(key, channels_in: int, channels_out: int) -> Linear:
    key_weight, key_bias = jax.random.split(key)
    linear = init_linear(key_weight, 9 * channels_in, channels_out)
    return Linear(weight=linear.weight, bias=jax.random.normal(key_bias, (channels_out,)))


@pytest.fixture
def case(key):
    """A convolution of 2 into 3 channels, and a picture of 4 rows and 5 columns."""
    key_linear, key_x = jax.random.split(key)
    return random_convolution(key_linear, 2, 3), jax.random.normal(key_x, (4, 5, 2))


def test_a_convolution_equals_a_loop_over_cells_offsets_and_channels(case):
    linear, x = case
    weight = np.asarray(linear.weight).reshape(3, 3, 2, 3)
    expected = np.zeros((4, 5, 3)) + np.asarray(linear.bias)
    for row in range(4):
        for column in range(5):
            for down in range(3):
                for right in range(3):
                    r, c = row + down - 1, column + right - 1
                    if 0 <= r < 4 and 0 <= c < 5:
                        expected[row, column] += np.asarray(x[r, c]) @ weight[down, right]
    np.testing.assert_allclose(convolve(linear, x), expected, rtol=1e-4, atol=1e-5)


def test_a_convolution_equals_that_of_jax_lax(case):
    linear, x = case
    kernel = linear.weight.reshape(3, 3, 2, 3)

    def own(kernel):
        return jax.lax.conv_general_dilated(x[None], kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    np.testing.assert_allclose(convolve(linear, x) - linear.bias, own(kernel)[0], rtol=1e-4, atol=1e-5)
    # The twin: a kernel that is turned around, as a convolution in the mathematicians' sense would be.
    assert not np.allclose(convolve(linear, x) - linear.bias, own(kernel[::-1, ::-1])[0], rtol=1e-2)


def test_borders_are_padded_with_zeros():
    # A kernel of ones counts the cells of the 3 × 3 neighbourhood that are on the map: 4 in corners, 6 along borders.
    ones = Linear(weight=jnp.ones((9, 1)), bias=jnp.zeros(1))
    np.testing.assert_array_equal(
        convolve(ones, jnp.ones((3, 4, 1)))[..., 0], [[4, 6, 6, 4], [6, 9, 9, 6], [4, 6, 6, 4]]
    )


@pytest.mark.parametrize(
    "offset, expected",
    [
        # Offsets row by row: 0 looks to the upper left, 1 up, 3 left, 4 is the cell itself, 5 right, 7 down.
        (0, [[0, 0, 0], [0, 1, 2]]),
        (1, [[0, 0, 0], [1, 2, 3]]),
        (3, [[0, 1, 2], [0, 4, 5]]),
        (4, [[1, 2, 3], [4, 5, 6]]),
        (5, [[2, 3, 0], [5, 6, 0]]),
        (7, [[4, 5, 6], [0, 0, 0]]),
        (8, [[5, 6, 0], [0, 0, 0]]),
    ],
)
def test_rows_of_the_weight_are_offsets_row_by_row_and_then_channels(offset, expected):
    # Channel 0 is 1 … 6, channel 1 ten times that: rows 2 · offset and 2 · offset + 1 of the weight.
    x = jnp.arange(1.0, 7).reshape(2, 3, 1) * jnp.array([1.0, 10])
    for channel, factor in enumerate((1, 10)):
        linear = Linear(weight=jnp.zeros((18, 1)).at[2 * offset + channel].set(1), bias=jnp.zeros(1))
        np.testing.assert_array_equal(convolve(linear, x)[..., 0], factor * np.array(expected))


def test_a_convolution_of_a_batch_is_a_loop(key):
    key_linear, key_x = jax.random.split(key)
    linear, x = random_convolution(key_linear, 2, 3), jax.random.normal(key_x, (2, 3, 4, 5, 2))
    batch = convolve(linear, x)
    assert batch.shape == (2, 3, 4, 5, 3)
    for i in range(2):
        for j in range(3):
            np.testing.assert_allclose(batch[i, j], convolve(linear, x[i, j]), rtol=1e-4, atol=1e-5)
