"""The rule file: the arrays of η by path, and a JSON card that says what the rule is and how it was made.

It is a safetensors file (see `lpg.files`) with the card in the metadata under the key `card`. Of a rule of the user's
own the kind is `module:factory`; the file has that name and no code, and reading it imports the module.

Files of older format versions are migrated on reading: `MIGRATIONS` maps each old version to a function from its card
to the card of the next version. To change what a file contains: raise `FORMAT_VERSION`, add a migration, and add a
file of the old version, written by the old code, to the tests.
"""

import contextlib
import functools
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import jax
import numpy as np

from lpg.arrays import flatten, leaf_names
from lpg.files import FileKind, read_arrays, write_arrays
from lpg.update_rules.base import Rule
from lpg.update_rules.lpg import LPG, Component, init_lpg
from lpg.update_rules.lpg_v import LPGV, init_lpg_v
from lpg.update_rules.own_rule import SIZE_NAMES, check_importable, init_own, is_own, size_names
from lpg.update_rules.ta_lpg import TALPG, init_ta_lpg

FORMAT_VERSION = 2
KIND = FileKind("a rule file (*.safetensors), as `lpg meta-train` writes it,")


def _from_version_1(card: dict[str, Any]) -> dict[str, Any]:
    """`num_streams` of the configuration became `num_envs`."""
    config = card.get("config")
    if not isinstance(config, dict):
        return card
    return {**card, "config": {{"num_streams": "num_envs"}.get(key, key): value for key, value in config.items()}}


MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_version_1}
READABLE = (*MIGRATIONS, FORMAT_VERSION)
"""Format versions that `read_rule` reads."""

_LPG_INPUTS = ("r", "d", "gamma", "pi(a|s)", "phi(y(s))", "phi(y(s'))")
INPUTS = {
    "lpg": _LPG_INPUTS,
    "lpg-no-softmax": _LPG_INPUTS,
    "lpg-no-bootstrap": (*_LPG_INPUTS[:-1], "0"),
    "lpg-no-recurrence": _LPG_INPUTS,
    "ta-lpg": (*_LPG_INPUTS, "n/N", "log N / log 1000"),
    "lpg-v": ("r", "d", "gamma", "pi(a|s)", "v(s)", "v(s')"),
}
"""Inputs of each kind of rule at a step, in the order of the rows of its LSTM's weights."""

RANDOM, FITTED = "random initialisation", "fitted to "
"""What a discovery can begin from: `origin` on the card of its rule. The name of a hand-written rule follows FITTED."""

LARGEST_SIZE = 1 << 16
"""Upper bound for a size on a card, far above any sensible rule."""


def origin(card: Mapping[str, Any]) -> str:
    """What the discovery of a rule began from; cards without a record are of random initialisations."""
    return str(card.get("origin", RANDOM))


def save_rule(path: str | Path, rule: Rule, card: dict[str, Any]) -> None:
    """Writes a rule file atomically.

    Args:
        card: what else to record, as JSON values: config, seed, environment steps, meta-updates, evaluation. Of a rule
            of the user's own it has to have `kind` and `sizes`.

    Raises:
        ValueError: the rule's kind has no file format, an array is not finite, or the card is not JSON.
        OSError: writing failed; an older file is kept.
    """
    kind, sizes = describe(rule, card)
    arrays = flatten(rule)
    _check_finite(arrays, f"{path}: cannot save the rule")
    required = {"format_version": FORMAT_VERSION, "kind": kind, "sizes": sizes, "inputs": _inputs(kind)}
    try:
        text = json.dumps({**card, **required}, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: the card must be JSON without NaN ({error})") from error
    write_arrays(Path(path), arrays, {KIND.card: text})


def read_rule(path: str | Path) -> tuple[Rule, dict[str, Any]]:
    """Reads a rule file.

    Returns:
        The rule, its arrays with the dtypes that they were saved with; and the card, migrated.

    Raises:
        ValueError: there is no such file, or it is not a complete, finite rule of a known format version. One line.
    """
    arrays, card = _read(Path(path))
    template = _template(card, path)
    wanted = dict(zip(leaf_names(template), jax.tree.leaves(template), strict=True))
    if set(arrays) != set(wanted):
        raise ValueError(
            f"{path}: holds the arrays {sorted(arrays)}; a rule of kind {card['kind']!r} needs {sorted(wanted)}"
        )
    for name, array in arrays.items():
        if array.shape != wanted[name].shape:
            raise ValueError(
                f"{path}: array {name!r} has shape {list(array.shape)}; the sizes on its card need "
                f"{list(wanted[name].shape)}"
            )
        if not np.issubdtype(array.dtype, np.floating):
            raise ValueError(f"{path}: array {name!r} is {array.dtype}; floating-point numbers are needed")
        if array.dtype.itemsize > 4 and not jax.config.jax_enable_x64:  # type: ignore[attr-defined]
            raise ValueError(f"{path}: array {name!r} is {array.dtype}; jax_enable_x64 is needed to load it unrounded")
    _check_finite(arrays, str(path))
    leaves = [jax.numpy.asarray(arrays[name]) for name in wanted]
    return jax.tree.unflatten(jax.tree.structure(template), leaves), card


def sizes_of(kind: str) -> tuple[str, ...]:
    """Names of the sizes from which a rule of this kind can be rebuilt.

    Raises:
        ValueError: there is no such factory.
    """
    if is_own(kind):
        return size_names(kind)
    return ("lstm_size",) if kind == "lpg-v" else SIZE_NAMES


def describe(rule: Rule, card: Mapping[str, Any] | None = None) -> tuple[str, dict[str, int]]:
    """Kind and sizes of a learned rule.

    Args:
        card: the rule's, if it has one; only there is it written what made a rule of the user's own.

    Raises:
        ValueError: rule files have no kind for it.
    """
    kind, sizes = (card or {}).get("kind"), (card or {}).get("sizes")
    if isinstance(kind, str) and is_own(kind) and isinstance(sizes, dict):
        return kind, sizes
    if type(rule) is LPG or (type(rule) is TALPG and rule.without == "nothing"):
        ablated = "lpg" if rule.without == "nothing" else f"lpg-no-{rule.without}"
        return "ta-lpg" if type(rule) is TALPG else ablated, {
            "lstm_size": rule.lstm.bias.shape[0] // 4,
            "prediction_size": rule.prediction_size,
            "embedding_size": rule.hidden.bias.shape[0],
        }
    if type(rule) is LPGV:
        return "lpg-v", {"lstm_size": rule.lstm.bias.shape[0] // 4}
    raise ValueError(
        f"a rule of type {type(rule).__name__} given; only {', '.join(INPUTS)} have a file format, and rules of your "
        "own that were meta-trained by module:factory"
    )


def initialiser(kind: str) -> Callable[..., Rule]:
    """The initialiser of a kind of rule: a function of a key and, by keyword, of the kind's sizes."""
    if is_own(kind):
        return lambda key, **sizes: init_own(kind, key, sizes)
    if kind == "lpg-v":
        return init_lpg_v
    if kind == "ta-lpg":
        return init_ta_lpg
    parts: dict[str, Component] = {f"lpg-no-{part}": part for part in get_args(Component)}
    return functools.partial(init_lpg, without=parts.get(kind, "nothing"))


def _inputs(kind: str) -> list[str]:
    """What the card says of a kind's inputs; those of a rule of the user's own are its own affair."""
    return [] if is_own(kind) else list(INPUTS[kind])


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and card, migrated to the current format version."""
    arrays, card = read_arrays(path, KIND)
    _check_version(card.get("format_version"), path)
    for version in range(card["format_version"], FORMAT_VERSION):
        card = {**MIGRATIONS[version](card), "format_version": version + 1}
    return arrays, card


def _check_version(version: Any, path: Path) -> None:
    if version in READABLE and type(version) is int:
        return
    reads = f"this lpg reads {', '.join(map(str, READABLE))}"
    if type(version) is int and version > FORMAT_VERSION:
        raise ValueError(f"{path}: rule file of format version {version}; {reads}: a newer lpg wrote it, so upgrade")
    raise ValueError(
        f"{path}: rule file of format version {version!r}; {reads}: use the lpg that wrote the file, or discover the "
        "rule again with `lpg meta-train`"
    )


def _template(card: dict[str, Any], path: str | Path) -> Rule:
    """Shapes and dtypes of a rule of the card's kind and sizes."""
    kind = card.get("kind")
    if not isinstance(kind, str) or (kind not in INPUTS and not is_own(kind)):
        raise ValueError(f"{path}: rule of kind {kind!r}; known are {', '.join(INPUTS)} and module:factory")
    if card.get("inputs") != _inputs(kind):
        raise ValueError(f"{path}: the rule reads {card.get('inputs')}; this version of lpg gives {_inputs(kind)}")
    sizes = card.get("sizes")
    with _named(kind, path):
        needed = sizes_of(kind)
    if not isinstance(sizes, dict) or set(sizes) != set(needed):
        raise ValueError(f"{path}: sizes {sizes!r} on the card; {', '.join(needed) or 'none'} are needed")
    for name, size in sizes.items():
        if type(size) is not int or not 1 <= size <= LARGEST_SIZE:
            raise ValueError(f"{path}: {name} is {size!r}; a whole number from 1 to {LARGEST_SIZE} is needed")
    with _named(kind, path):
        return jax.eval_shape(lambda: initialiser(kind)(jax.random.key(0), **sizes))


@contextlib.contextmanager
def _named(kind: str, path: str | Path) -> Iterator[None]:
    """Names the file where the module that made its rule is missing or has changed."""
    try:
        if is_own(kind):
            check_importable(kind)
        yield
    except ValueError as error:
        raise ValueError(f"{path}: a rule of your own kind, which the file has no code of; {error}") from error


def _check_finite(arrays: dict[str, np.ndarray], where: str) -> None:
    for name, array in arrays.items():
        if not np.all(np.isfinite(array)):
            raise ValueError(f"{where}: array {name!r} has numbers that are not finite; a rule needs finite ones")
