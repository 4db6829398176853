"""Pytrees of arrays as flat tables by path, and `vmap` for batches that may have one row."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from lpg.processes import place

Tree = TypeVar("Tree")


def leaf_names(tree: Any) -> list[str]:
    """Paths of the leaves, in their order: names of fields and indices, joined by dots."""
    return [jax.tree_util.keystr(path, simple=True, separator=".") for path, _ in jax.tree.leaves_with_path(tree)]


def flatten(tree: Any, prefix: str = "") -> dict[str, np.ndarray]:
    """Arrays by `prefix` + path."""
    return {prefix + name: np.asarray(leaf) for name, leaf in zip(leaf_names(tree), jax.tree.leaves(tree), strict=True)}


def unflatten(template: Tree, arrays: dict[str, np.ndarray], prefix: str = "") -> Tree:
    """A tree like the template, filled from arrays by path.

    Args:
        template: its leaves give shape, dtype and, where they are committed to devices, the sharding.

    Raises:
        ValueError: an array is missing or has another shape or dtype.
    """

    def fill(path: tuple, leaf: Any) -> Any:
        name = prefix + jax.tree_util.keystr(path, simple=True, separator=".")
        if name not in arrays:
            raise ValueError(f"array {name!r} is missing")
        found = arrays[name]
        if found.shape != leaf.shape or found.dtype != leaf.dtype:
            raise ValueError(
                f"array {name!r} is {found.dtype}{list(found.shape)}; {leaf.dtype}{list(leaf.shape)} is needed"
            )
        return place(found, leaf.sharding) if isinstance(leaf, jax.Array) else found

    return jax.tree_util.tree_map_with_path(fill, template)


def concatenate(trees: Sequence[Tree]) -> Tree:
    """Pytrees of equal structure, joined along their leading axes.

    On the host, since JAX would compile a program for every shape; keys, of which the host knows nothing, are not.
    """

    def join(*leaves: Any) -> Any:
        if jnp.issubdtype(leaves[0].dtype, jax.dtypes.prng_key):
            return jnp.concatenate(leaves)
        return jnp.asarray(np.concatenate([np.asarray(leaf) for leaf in leaves]))

    return jax.tree.map(join, *trees)


def vmap_unless_single(function: Callable) -> Callable:
    """`jax.vmap(function)`, except that a single row is not batched: compilers have faster programs for it."""

    def apply(*rows: Any) -> Any:
        if jax.tree.leaves(rows)[0].shape[0] > 1:
            return jax.vmap(function)(*rows)
        return jax.tree.map(lambda x: x[None], function(*jax.tree.map(lambda x: x[0], rows)))

    return apply
