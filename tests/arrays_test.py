"""Pytrees as arrays by path, and back."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec, SingleDeviceSharding
from jaxtyping import Array, Float

from lpg.arrays import flatten, leaf_names, unflatten, vmap_unless_single


class Pair(eqx.Module):
    left: Float[Array, " N"]
    right: list


def pair():
    return Pair(left=jnp.arange(3.0), right=[jnp.array(7), {"x": jnp.array([True])}])


def test_paths_are_names_and_indices_joined_by_dots():
    assert leaf_names(pair()) == ["left", "right.0", "right.1.x"]
    assert list(flatten(pair(), "state.")) == ["state.left", "state.right.0", "state.right.1.x"]


def test_a_tree_comes_back_as_it_was():
    empty = jax.tree.map(jnp.zeros_like, pair())
    found = unflatten(empty, flatten(pair(), "a."), "a.")
    for x, y in zip(jax.tree.leaves(found), jax.tree.leaves(pair()), strict=True):
        assert x.dtype == y.dtype
        np.testing.assert_array_equal(x, y)
    assert jax.tree.structure(found) == jax.tree.structure(pair())


def test_arrays_come_back_where_the_template_lies():
    mesh = jax.make_mesh((2,), ("x",), axis_types=(jax.sharding.AxisType.Auto,))
    spread = jax.NamedSharding(mesh, PartitionSpec("x"))
    template = {"a": jax.device_put(jnp.zeros(4), spread), "b": jnp.zeros(4), "c": np.zeros(4, np.float32)}
    found = unflatten(template, flatten({"a": jnp.ones(4), "b": jnp.ones(4), "c": jnp.ones(4)}))
    assert found["a"].sharding == spread
    assert isinstance(found["b"].sharding, SingleDeviceSharding)  # the twin: not everything is spread
    assert isinstance(found["c"], np.ndarray)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"left": None}, "'left' is missing"),
        ({"left": np.zeros(4, np.float32)}, r"'left' is float32\[4\]; float32\[3\] is needed"),
        ({"left": np.zeros(3, np.int32)}, r"'left' is int32\[3\]; float32\[3\] is needed"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_with_what_is_needed(change, words):
    table = {name: value for name, value in (flatten(pair()) | change).items() if value is not None}
    with pytest.raises(ValueError, match=words):
        unflatten(pair(), table)


def test_rows_side_by_side_give_what_each_gives_alone():
    seen = []

    def one(tree):
        seen.append(tree["x"].shape)
        return {"sum": tree["x"].sum() + tree["y"]}

    rows = {"x": jnp.arange(6.0).reshape(3, 2), "y": jnp.array([10.0, 20.0, 30.0])}
    np.testing.assert_array_equal(vmap_unless_single(one)(rows)["sum"], [11, 25, 39])
    alone = vmap_unless_single(jax.jit(one))(jax.tree.map(lambda x: x[1:2], rows))
    np.testing.assert_array_equal(alone["sum"], [25])
    assert alone["sum"].shape == (1,) and seen[-1] == (2,)


def test_a_row_that_is_alone_is_not_batched():
    # A product of matrices is batched by vmap, and then has three axes; alone it has two.
    def text(count):
        product = jax.make_jaxpr(vmap_unless_single(lambda a, b: a @ b))
        return str(product(jnp.zeros((count, 2, 3)), jnp.zeros((count, 3, 4))))

    assert "f32[2,4] = dot_general" in text(1)
    assert "f32[2,2,4] = dot_general" in text(2)  # the twin
