"""Pytrees in files."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy

from lpg.learner.saving import read_card, read_tree, write_tree

TREE = {
    "w": jnp.array([[0.1, -0.0], [np.pi, 1e-38]]),
    "count": jnp.asarray(3),
    "key": jax.random.key(5),
    "half": jnp.array([1.5, 2.5], jnp.bfloat16),
    "on": [jnp.array([True, False])],
}


def test_everything_comes_back_bit_for_bit(tmp_path):
    write_tree(tmp_path / "a.safetensors", TREE, {"steps": 7})
    found, card = read_tree(tmp_path / "a.safetensors", jax.eval_shape(lambda: TREE))
    assert card == read_card(tmp_path / "a.safetensors") == {"steps": 7}
    assert jax.tree.structure(found) == jax.tree.structure(TREE)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(TREE), strict=True):
        assert one.dtype == other.dtype and one.shape == other.shape
        if jnp.issubdtype(one.dtype, jax.dtypes.prng_key):
            one, other = jax.random.key_data(one), jax.random.key_data(other)
        assert np.asarray(one).tobytes() == np.asarray(other).tobytes()


def test_what_does_not_fit_is_refused_in_one_line(tmp_path):
    path = tmp_path / "a.safetensors"
    write_tree(path, {"w": jnp.zeros(2)}, {})
    safetensors.numpy.save_file({"w": np.zeros(2)}, tmp_path / "foreign.safetensors")
    (tmp_path / "torn.safetensors").write_bytes(path.read_bytes()[:-3])
    for name, template, words in [
        ("none", {"w": jnp.zeros(2)}, "no such file"),
        ("torn", {"w": jnp.zeros(2)}, "truncated, or not a safetensors file"),
        ("foreign", {"w": jnp.zeros(2)}, "without 'card'"),
        ("a", {"w": jnp.zeros(3)}, r"float32\[2\]; float32\[3\] is needed"),
        ("a", {"w": jnp.zeros(2), "b": jnp.zeros(1)}, "'b' is missing"),
        ("a", {}, "'w' is not needed"),
    ]:
        with pytest.raises(ValueError, match=words) as caught:
            read_tree(tmp_path / f"{name}.safetensors", template)
        assert "\n" not in str(caught.value)


def test_two_arrays_under_one_name_are_refused(tmp_path):
    with pytest.raises(ValueError, match="same path"):
        write_tree(tmp_path / "a.safetensors", {"a.b": jnp.zeros(1), "a": {"b": jnp.ones(1)}}, {})
