import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.agents.network import Architecture, Network, init_network, is_faster_unbatched, parse_architecture
from lpg.layers import Linear
from tests.helpers import with_random_predictions

PLANES = (3, 4, 5)
"""Three planes of four rows and five columns."""


def network(key, text: str, observation_shape: tuple[int, ...]) -> Network:
    """Six actions and two predictions."""
    return init_network(
        key, parse_architecture(text), observation_shape=observation_shape, num_actions=6, prediction_size=2
    )


@pytest.mark.parametrize(
    "agent, wanted",
    [("C(4)-D(8)", True), ("D(4)/C(4)-D(8)", True), ("atari", True), ("atari-small", True), ("D(8)/D(8)", False)],
)
def test_on_a_cpu_agents_with_convolutions_are_faster_one_after_the_other(agent, wanted, monkeypatch):
    assert is_faster_unbatched(agent) is wanted
    monkeypatch.setattr("jax.default_backend", lambda: "gpu")
    assert is_faster_unbatched(agent) is False


@pytest.mark.parametrize(
    "text, channels, units",
    [
        ("C(16)-D(32)", (16,), (32,)),
        ("C(32-16-16)-D(256)", (32, 16, 16), (256,)),
        ("D(32)", (), (32,)),
        ("D(64-64)", (), (64, 64)),
        ("C(2-3)-D(4-5-6)", (2, 3), (4, 5, 6)),
    ],
)
def test_an_architecture_is_read_as_the_paper_writes_it(text, channels, units):
    assert parse_architecture(text) == Architecture(channels=channels, units=units)


def test_the_letter_of_the_dense_layers_names_their_activation():
    assert parse_architecture("T(64-32)") == Architecture(channels=(), units=(64, 32), activation="tanh")
    assert parse_architecture("C(3)-T(5)") == Architecture(channels=(3,), units=(5,), activation="tanh")


@pytest.mark.parametrize("text", [
    "", "32", "D32", "D()", "D(32-)", "D(-32)", "D(3.5)", "C(16)", "D(32)-C(16)", "C(16)D(32)", " D(32)", "mlp", "T()",
    "D(3)-T(4)",
])  # fmt: skip
def test_what_is_no_architecture_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match=r"'tabular', or a network such as 'D\(32\)', 'T\(32\)' or 'C\(16\)-D\(32\)'"):
        parse_architecture(text)


@pytest.mark.parametrize("text", ["D(0)", "C(0)-D(4)", "D(4-0-4)"])
def test_a_layer_without_units_is_refused(text):
    with pytest.raises(ValueError, match="at least one unit"):
        parse_architecture(text)


def test_layers_have_the_widths_that_were_written(key):
    found = network(key, "C(7-8)-D(9-10)", PLANES)
    # 9 offsets × 3 planes, then × 7 channels; 8 channels × 4 rows × 5 columns = 160 numbers go into the dense layers.
    assert [layer.weight.shape for layer in found.convolutions] == [(27, 7), (63, 8)]
    assert [layer.weight.shape for layer in found.dense] == [(160, 9), (9, 10)]
    assert found.policy.weight.shape == (10, 6) and found.prediction.weight.shape == (10, 2)


@pytest.mark.parametrize(
    "text, shape, size", [("C(7)-D(9)", PLANES, 140), ("D(9)", PLANES, 60), ("D(9)", (22,), 22)]
)  # fmt: skip
def test_one_observation_of_any_shape_gives_one_output(text, shape, size, key):
    found = network(key, text, shape)
    assert found.dense[0].weight.shape == (size, 9)
    output = found(jnp.ones(shape))
    assert output.logits.shape == (6,) and output.prediction.shape == (2,)


def test_convolutions_of_a_vector_are_refused(key):
    with pytest.raises(ValueError, match=r"\[planes, rows, columns\]; here they are \[22\]"):
        network(key, "C(2)-D(3)", (22,))


@pytest.mark.parametrize("text, num_layers", [("D(3)", 3), ("C(2-2)-D(3-4)", 6)])
def test_every_leaf_is_a_float_array(text, num_layers, key):
    # A weight and a bias for each layer and for both heads.
    leaves = jax.tree.leaves(network(key, text, PLANES))
    assert len(leaves) == 2 * num_layers
    assert all(eqx.is_inexact_array(leaf) for leaf in leaves)


@pytest.mark.thorough
@pytest.mark.parametrize("text", ["D(32)", "C(16)-D(32)", "C(32-16-16)-D(256)"])
def test_a_fresh_policy_is_nearly_uniform_and_fresh_predictions_are_zero(text, key):
    key_network, key_x = jax.random.split(key)
    picture = jax.random.bernoulli(key_x, 0.1, (100, *PLANES)).astype(float)
    fresh = network(key_network, text, PLANES)
    output = jax.vmap(fresh)(picture)
    np.testing.assert_allclose(jax.nn.softmax(output.logits), 1 / 6, rtol=0.05)
    np.testing.assert_array_equal(output.prediction, np.zeros((100, 2)))
    # The twin: the torso tells pictures apart, as a head of scale 1 shows.
    assert np.std(jax.vmap(with_random_predictions(key, fresh))(picture).prediction) > 0.05


def test_no_two_layers_begin_alike(key):
    # Layers of equal shape must not share a key.
    found = network(key, "D(6-6-6)", (6,))
    weights = [layer.weight for layer in found.dense] + [found.policy.weight * 100 * np.sqrt(2)]
    for i in range(4):
        for j in range(i):
            assert not np.allclose(weights[i], weights[j], rtol=0.1)


def test_a_dense_network_worked_by_hand():
    # x = (1, 2). Unit 0: 1 · 1 + 2 · 1 + 0.5 = 3.5. Unit 1: 1 · 2 − 2 · 3 + 1 = −3, so 0.
    # Policy: (2 · 3.5 + 7 · 0 + 1, −3.5 + 7 · 0) = (8, −3.5). Prediction: 10 · 3.5 + 100 · 0 − 5 = 30.
    tiny = Network(
        convolutions=(),
        dense=(Linear(weight=jnp.array([[1.0, 2], [1, -3]]), bias=jnp.array([0.5, 1])),),
        policy=Linear(weight=jnp.array([[2.0, -1], [7, 7]]), bias=jnp.array([1.0, 0])),
        prediction=Linear(weight=jnp.array([[10.0], [100]]), bias=jnp.array([-5.0])),
        observation_ndim=1,
    )
    output = tiny(jnp.array([1.0, 2]))
    np.testing.assert_array_equal(output.logits, [8, -3.5])
    np.testing.assert_array_equal(output.prediction, [30])


def test_a_network_with_tanh_worked_by_hand(key):
    # x = 2. The unit: tanh(0.5 · 2 − 1.5) = tanh(−0.5) = −0.46212; policy 3 · that + 1 = −0.38635, prediction −that.
    def tiny(activation: str) -> Network:
        return Network(
            convolutions=(),
            dense=(Linear(weight=jnp.array([[0.5]]), bias=jnp.array([-1.5])),),
            policy=Linear(weight=jnp.array([[3.0]]), bias=jnp.array([1.0])),
            prediction=Linear(weight=jnp.array([[-1.0]]), bias=jnp.zeros(1)),
            observation_ndim=1,
            activation=activation,
        )

    output = tiny("tanh")(jnp.array([2.0]))
    np.testing.assert_allclose([output.logits[0], output.prediction[0]], [-0.3863515, 0.4621172], rtol=1e-5)
    # The twin with ReLU has a unit of 0. And what a name builds has the activation that the name says.
    np.testing.assert_array_equal(tiny("relu")(jnp.array([2.0])).logits, [1.0])
    assert [network(key, text, (3,)).activation for text in ("T(4)", "D(4)")] == ["tanh", "relu"]


def test_convolutions_before_dense_layers_with_tanh_keep_relu(key):
    both = [network(key, text, PLANES) for text in ("C(2)-T(4)", "C(2)-D(4)")]
    x = jax.random.normal(key, PLANES)
    # Without dense layers between, the heads see the same convolutions.
    bare = [eqx.tree_at(lambda n: n.dense, n, ()) for n in both]
    heads = [eqx.tree_at(lambda n: n.policy, n, Linear(jnp.ones((40, 1)), jnp.zeros(1))) for n in bare]
    heads = [eqx.tree_at(lambda n: n.prediction, n, Linear(jnp.ones((40, 1)), jnp.zeros(1))) for n in heads]
    np.testing.assert_array_equal(heads[0](x).logits, heads[1](x).logits)
    assert np.any(both[0].dense[0](jnp.ones(40)) != 0)


def test_a_convolutional_network_worked_by_hand():
    # Two planes of one row and two columns: p = (1, 2) and q = (5, 3). Rows 8 and 9 of the kernel are the cell itself
    # (offset 4, planes p and q), rows 10 and 11 the cell to the right.
    #   channel 0: p here − p to the right:  (1 − 2, 2 − 0) = (−1, 2), ReLU (0, 2)
    #   channel 1: q here + 1:               (6, 4)
    # Flattened cell by cell, channels fastest: (0, 6, 2, 4). Dense: 1 · 0 + 10 · 6 + 100 · 2 + 1000 · 4 = 4260.
    kernel = jnp.zeros((18, 2)).at[8, 0].set(1).at[10, 0].set(-1).at[9, 1].set(1)
    tiny = Network(
        convolutions=(Linear(weight=kernel, bias=jnp.array([0.0, 1])),),
        dense=(Linear(weight=jnp.array([[1.0], [10], [100], [1000]]), bias=jnp.zeros(1)),),
        policy=Linear(weight=jnp.ones((1, 1)), bias=jnp.zeros(1)),
        prediction=Linear(weight=jnp.array([[-2.0]]), bias=jnp.array([1.0])),
        observation_ndim=3,
    )
    output = tiny(jnp.array([[[1.0, 2]], [[5, 3]]]))
    np.testing.assert_array_equal(output.logits, [4260])
    np.testing.assert_array_equal(output.prediction, [-8519])


@pytest.mark.parametrize("text, shape", [("D(4-3)", (22,)), ("D(4)", PLANES), ("C(2-3)-D(4)", PLANES)])
def test_a_batch_in_one_call_is_a_loop_over_single_observations(text, shape, key):
    found = with_random_predictions(key, network(key, text, shape))
    x = jax.random.normal(key, (2, 3, *shape))
    batch = found(x)
    for i in range(2):
        for j in range(3):
            one = found(x[i, j])
            np.testing.assert_allclose(batch.logits[i, j], one.logits, rtol=1e-4, atol=1e-6)
            np.testing.assert_allclose(batch.prediction[i, j], one.prediction, rtol=1e-4, atol=1e-5)
    assert not np.allclose(batch.prediction[0, 0], batch.prediction[1, 2])  # the twin: rows do differ


@pytest.mark.thorough
@pytest.mark.parametrize("text", ["D(4-3)", "C(2-3)-D(4)"])
def test_the_gradient_of_the_outputs_agrees_with_central_differences(text, key):
    # In float64, h = 1e-5: an error of h² ≈ 1e-10 and rounding of 1e-16 / h ≈ 1e-11 remain. Biases that are not zero
    # keep every unit off the kink of its ReLU, where there is no slope to agree upon.
    h = 1e-5
    with jax.enable_x64(True):
        key_network, key_x, key_noise = jax.random.split(key, 3)
        leaves, tree = jax.tree.flatten(network(key_network, text, (2, 3, 3)))
        keys = jax.random.split(key_noise, 2 * len(leaves))
        leaves = [x + 0.3 * jax.random.normal(k, x.shape) for x, k in zip(leaves, keys[1::2], strict=True)]
        picture = jax.random.normal(key_x, (2, 3, 3))

        @jax.jit
        def score(leaves):
            output = tree.unflatten(leaves)(picture)
            return jnp.sum(jnp.sin(output.logits)) + jnp.sum(output.prediction**2)

        gradient = jax.grad(score)(leaves)
        for i, leaf in enumerate(leaves):
            direction = jax.random.normal(keys[2 * i], leaf.shape)
            at = [score([*leaves[:i], leaf + s * h * direction, *leaves[i + 1 :]]) for s in (1, -1)]
            slope = (at[0] - at[1]) / (2 * h)
            assert slope != 0
            np.testing.assert_allclose(jnp.sum(gradient[i] * direction), slope, rtol=1e-6, atol=1e-9)
