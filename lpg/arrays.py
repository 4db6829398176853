"""Pytrees of arrays as flat tables by path, and files that are whole or absent."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np

Tree = TypeVar("Tree")


def flatten(tree: Any, prefix: str = "") -> dict[str, np.ndarray]:
    """Arrays by path: `prefix` + names of fields and indices."""
    paths = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {prefix + jax.tree_util.keystr(path, simple=True, separator="."): np.asarray(leaf) for path, leaf in paths}


def unflatten(template: Tree, arrays: dict[str, np.ndarray], prefix: str = "") -> Tree:
    """A tree like the template, filled from a table by path.

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
        return jax.device_put(found, leaf.sharding) if isinstance(leaf, jax.Array) else found

    return jax.tree_util.tree_map_with_path(fill, template)


def vmap_unless_single(function: Callable) -> Callable:
    """`jax.vmap(function)`; but a row that is alone is not batched, because compilers know faster programs for one."""

    def apply(*rows: Any) -> Any:
        if jax.tree.leaves(rows)[0].shape[0] > 1:
            return jax.vmap(function)(*rows)
        return jax.tree.map(lambda x: x[None], function(*jax.tree.map(lambda x: x[0], rows)))

    return apply


def write_atomic(path: Path, content: bytes) -> None:
    """Writes a file under a temporary name, flushes it to disk and renames it, so that no reader sees half of it.

    Raises:
        OSError: nothing could be written (disk full, say); the temporary file is removed and an older file kept.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.filename is None and error.errno is not None:
            error.filename = str(path)  # a full disk does not say which file it was
        raise
