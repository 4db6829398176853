"""Pytrees in safetensors files: arrays by path, and a card in JSON; whole or not there at all."""

import json
from pathlib import Path
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import safetensors
import safetensors.numpy

from lpg.arrays import flatten, unflatten, write_atomic

FORMAT = "lpg-learner-1"

Tree = TypeVar("Tree")


def write_tree(path: Path, tree: Any, card: dict[str, Any]) -> None:
    """Writes a pytree of arrays, random keys among them.

    Raises:
        ValueError: two arrays would have one name.
        OSError: nothing could be written; an older file is kept.
    """
    raw = jax.tree.map(_raw, tree)
    arrays = flatten(raw)
    if len(arrays) != len(jax.tree.leaves(raw)):
        raise ValueError("two arrays of this state have the same path; names with dots in them cannot be told apart")
    # Not `ascontiguousarray`, which makes [1] of [].
    ordered = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    write_atomic(path, safetensors.numpy.save(ordered, {"format": FORMAT, "card": json.dumps(card)}))


def read_tree(path: Path, template: Tree) -> tuple[Tree, dict[str, Any]]:
    """Reads what `write_tree` wrote.

    Args:
        template: arrays, or their shapes and dtypes, in the structure that is needed.

    Returns:
        The tree, its leaves on the default device, and the card.

    Raises:
        ValueError: there is no such file, it is torn or of another kind, or arrays are missing or of other shapes.
    """
    arrays, card = _read(path)
    shapes = jax.eval_shape(lambda tree: jax.tree.map(_raw, tree), template)
    try:
        found = unflatten(shapes, arrays)
    except ValueError as error:
        raise ValueError(f"{path}: not a state of this agent and optimiser ({error})") from error
    if surplus := set(arrays) - set(flatten_names(shapes)):
        raise ValueError(f"{path}: not a state of this agent and optimiser (array {min(surplus)!r} is not needed)")
    return jax.tree.map(lambda leaf, raw: _cooked(raw, leaf), template, found), card


def read_card(path: Path) -> dict[str, Any]:
    """The card alone.

    Raises:
        ValueError: there is no such file, or it is torn or of another kind.
    """
    return _read(path)[1]


def flatten_names(tree: Any) -> list[str]:
    """Paths of a tree's leaves, as files call them."""
    paths = jax.tree_util.tree_flatten_with_path(tree)[0]
    return [jax.tree_util.keystr(path, simple=True, separator=".") for path, _ in paths]


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    if not path.is_file():
        raise ValueError(f"{path}: no such file; a state written by lpg is needed")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, the file is no dictionary
    except (safetensors.SafetensorError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{path}: not a whole safetensors file ({' '.join(str(error).split())})") from error
    if metadata.get("format") != FORMAT:
        raise ValueError(f"{path}: format {metadata.get('format')!r}; {FORMAT!r} is needed, a state written by lpg")
    return arrays, json.loads(metadata["card"])


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _raw(leaf: Any) -> Any:
    return jax.random.key_data(leaf) if _is_key(leaf) else leaf


def _cooked(raw: np.ndarray, leaf: Any) -> jax.Array:
    array = jnp.asarray(raw)
    return jax.random.wrap_key_data(array) if _is_key(leaf) else array
