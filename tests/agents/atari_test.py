"""The network of the Atari experiments."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.agents.atari import TORSOS, Convolution, init_atari
from tests.helpers import with_random_predictions

SIZES = {"observation_shape": (4, 84, 84), "num_actions": 18, "prediction_size": 31}


def test_sizes_are_those_of_the_paper(key):
    shapes = jax.eval_shape(lambda: init_atari(key, TORSOS["atari"], **SIZES))
    # 84 → (84 − 8) / 4 + 1 = 20 → (20 − 4) / 2 + 1 = 9 → 9 − 3 + 1 = 7, and 7 · 7 · 64 = 3136.
    assert [c.kernel.shape for c in shapes.convolutions] == [(8, 8, 4, 32), (4, 4, 32, 64), (3, 3, 64, 64)]
    assert shapes.dense.weight.shape == (3136, 512)
    assert shapes.policy.weight.shape == (512, 18) and shapes.prediction.weight.shape == (512, 31)


def test_the_small_network_has_a_third_of_the_multiplications(key):
    def multiplications(name):
        network, side, total = jax.eval_shape(lambda: init_atari(key, TORSOS[name], **SIZES)), 84, 0
        for one in network.convolutions:
            side = (side - one.kernel.shape[0]) // one.stride + 1
            total += side**2 * one.kernel.size  # a kernel's weights once for each cell of its map
        return total + network.dense.weight.size

    # 20² · 8 · 8 · 4 · 16 + 9² · 4 · 4 · 16 · 32 + 9 · 9 · 32 · 256
    assert multiplications("atari-small") == 1_638_400 + 663_552 + 663_552
    assert 3 < multiplications("atari") / multiplications("atari-small") < 3.2


def test_a_strided_convolution_is_the_sum_over_its_window(key):
    kernel = jax.random.normal(key, (2, 2, 3, 4))
    x = jax.random.normal(jax.random.key(1), (5, 6, 3))
    (found,) = Convolution(kernel=kernel, bias=jnp.arange(4.0), stride=2)(x[None])
    wanted = np.zeros((2, 3, 4)) + np.arange(4.0)
    for row in range(2):
        for column in range(3):
            window = np.asarray(x)[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            wanted[row, column] += np.einsum("ijc,ijco->o", window, np.asarray(kernel))
    np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize(("side", "stride"), [(8, 4), (4, 2), (3, 1)])
def test_a_convolution_and_its_gradients_are_those_of_the_compilers_own(side, stride, key):
    kernel = jax.random.normal(key, (side, side, 3, 5))
    x = jax.random.normal(jax.random.key(1), (2, 4 * side + 1, 3 * side + stride, 3))

    def own(kernel, x):
        return jax.lax.conv_general_dilated(
            x, kernel, (stride, stride), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )

    def ours(kernel, x):
        return Convolution(kernel=kernel, bias=jnp.zeros(5), stride=stride)(x)

    found, pull = jax.vjp(ours, kernel, x)
    wanted, wanted_pull = jax.vjp(own, kernel, x)
    np.testing.assert_allclose(found, wanted, atol=1e-3)
    for ours_of, own_of in zip(pull(wanted), wanted_pull(wanted), strict=True):
        np.testing.assert_allclose(ours_of, own_of, rtol=1e-3, atol=1e-2)


@pytest.mark.thorough
@pytest.mark.parametrize("name", TORSOS)
def test_the_policy_begins_almost_uniform_and_predictions_at_zero_on_a_torso_that_keeps_the_scale(name, key):
    network = init_atari(key, TORSOS[name], observation_shape=(4, 40, 40), num_actions=3, prediction_size=64)
    pixels = jax.random.randint(jax.random.key(1), (4, 40, 40), 0, 256).astype(jnp.uint8)
    found = network(pixels)
    assert np.ptp(jax.nn.softmax(found.logits)) < 0.02
    np.testing.assert_array_equal(found.prediction, np.zeros(64))
    # The scale stays the same through the torso: a head of scale 1 shows it.
    assert 0.2 < np.std(with_random_predictions(key, network)(pixels).prediction) < 3


@pytest.mark.thorough
def test_every_layout_of_an_image_gives_the_same_outputs(key):
    image = jax.random.randint(key, (40, 36, 3), 0, 256).astype(jnp.uint8)
    first, last = (
        with_random_predictions(
            key,
            init_atari(
                key, TORSOS["atari"], observation_shape=shape, num_actions=2, prediction_size=3, channels_last=is_last
            ),
        )
        for shape, is_last in (((3, 40, 36), False), ((40, 36, 3), True))
    )
    np.testing.assert_array_equal(first(jnp.moveaxis(image, -1, 0)).prediction, last(image).prediction)
    grey = init_atari(key, TORSOS["atari"], observation_shape=(40, 36), num_actions=2, prediction_size=3)
    assert grey(image[..., 0]).prediction.shape == (3,)


@pytest.mark.parametrize(
    ("shape", "words"), [((4,), "convolutions need observations"), ((4, 35, 84), "at least 36 rows and columns")]
)
def test_observations_that_are_no_large_images_are_refused(shape, words, key):
    with pytest.raises(ValueError, match=words):
        init_atari(key, TORSOS["atari"], observation_shape=shape, num_actions=2, prediction_size=1)
