"""States of learners in files: the arrays of a pytree by path, random keys among them, and a JSON card."""

import json
from pathlib import Path
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from lpg import files
from lpg.arrays import flatten, leaf_names, unflatten

KIND = files.FileKind("a state written by lpg", format="lpg-learner-1")

Tree = TypeVar("Tree")


def write_tree(path: Path, tree: Any, card: dict[str, Any]) -> None:
    """Writes a pytree of arrays and random keys.

    Raises:
        ValueError: two arrays would have the same name.
        OSError: nothing could be written; an older file is kept.
    """
    raw = jax.tree.map(_to_raw, tree)
    arrays = flatten(raw)
    if len(arrays) != len(jax.tree.leaves(raw)):
        raise ValueError("two arrays of this state have the same path; names must not contain dots")
    files.write_arrays(path, arrays, {"format": str(KIND.format), KIND.card: json.dumps(card)})


def read_tree(path: Path, template: Tree) -> tuple[Tree, dict[str, Any]]:
    """Reads what `write_tree` wrote.

    Args:
        template: arrays, or their shapes and dtypes, in the structure that is needed.

    Returns:
        The tree, its leaves on the default device, and the card.

    Raises:
        ValueError: there is no such file, it is truncated or of another kind, or its arrays do not fit the template.
    """
    arrays, card = files.read_arrays(path, KIND)
    shapes = jax.eval_shape(lambda tree: jax.tree.map(_to_raw, tree), template)
    try:
        found = unflatten(shapes, arrays)
    except ValueError as error:
        raise ValueError(f"{path}: not a state of this agent and optimiser ({error})") from error
    if surplus := set(arrays) - set(leaf_names(shapes)):
        raise ValueError(f"{path}: not a state of this agent and optimiser (array {min(surplus)!r} is not needed)")
    return jax.tree.map(lambda leaf, raw: _from_raw(raw, leaf), template, found), card


def read_card(path: Path) -> dict[str, Any]:
    """The card alone.

    Raises:
        ValueError: there is no such file, or it is truncated or of another kind.
    """
    return files.read_card(path, KIND)


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _to_raw(leaf: Any) -> Any:
    return jax.random.key_data(leaf) if _is_key(leaf) else leaf


def _from_raw(raw: np.ndarray, leaf: Any) -> jax.Array:
    array = jnp.asarray(raw)
    return jax.random.wrap_key_data(array) if _is_key(leaf) else array
