"""Checks of what users give: names against lists of known ones, JSON values against the fields of a dataclass."""

import difflib
import json
import math
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Annotated, Any

import msgspec

Value = Annotated[float, msgspec.Meta(ge=-15, le=15, description="predictions hold no other values")]
Count = Annotated[int, msgspec.Meta(ge=1)]
Weight = Annotated[float, msgspec.Meta(ge=0)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Steps = Annotated[int, msgspec.Meta(ge=2, description="a target looks one step ahead")]
"""Annotations of fields with their ranges."""

_PYTHON = {"True": True, "False": False, "None": None}


def known(name: str, table: Collection[str], what: str) -> str:
    """The name itself if it is in the table.

    Raises:
        ValueError: it is not; names the nearest known one.
    """
    if name in table:
        return name
    nearest = difflib.get_close_matches(name, list(table), n=1, cutoff=0.0)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    raise ValueError(f"unknown {what} {name!r}{hint}")


def checked_fields(kind: type | Callable, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values for fields of a dataclass or arguments of a function, of their types.

    A list becomes a tuple and an integer a float where the type is one.

    Ranges are given in the annotations: `Annotated[int, msgspec.Meta(ge=2, description="the reason")]`. Numbers must be
    finite.

    Raises:
        ValueError: an unknown key (names the nearest), a wrong type, or a value out of range. One line.
    """
    hints = typing.get_type_hints(kind, include_extras=True)
    return {key: _checked(key, value, hints[known(key, hints, "key")]) for key, value in values.items()}


def assignments(texts: Sequence[str], option: str = "--set") -> dict[str, Any]:
    """Values by key from `key=value` texts, as the command line has them. The last value of a key counts.

    A value is JSON, or Python's spelling of a number, a truth value or None (`.5`, `True`); anything else is a string.

    Raises:
        ValueError: a text has no equals sign.
    """
    values = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not separator:
            raise ValueError(f"{option} {text!r} given; key=value is needed")
        values[key.strip()] = json_or_text(value.strip())
    return values


def read_json_object(content: bytes, name: object) -> dict[str, Any]:
    """A JSON object from a file's content in UTF-8, UTF-16 or UTF-32, with or without a byte-order mark.

    Args:
        name: what to call the file in errors.

    Raises:
        ValueError: it is not valid JSON, or not an object.
    """
    try:
        text = content.decode(json.detect_encoding(content)).removeprefix("\ufeff")
        values = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{name} is not valid JSON: {error}") from error
    if not isinstance(values, dict):
        raise ValueError(f"{name} holds a JSON {type(values).__name__}; an object of key and value is needed")
    return values


def json_or_text(text: str) -> Any:
    """A value as the command line has it, see `assignments`."""
    if text in _PYTHON:
        return _PYTHON[text]
    for read in (msgspec.json.decode, float):
        try:
            value = read(text)
        except ValueError:
            continue
        if not isinstance(value, float) or math.isfinite(value):
            return value
    return text


def _checked(key: str, value: Any, hint: Any) -> Any:
    if typing.get_origin(hint) is typing.Literal and isinstance(value, str):
        return known(value, typing.get_args(hint), key)
    if getattr(value, "shape", None) == ():
        value = value.item()  # a scalar of NumPy or JAX
    try:
        found = msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        why = "; ".join(_descriptions(hint))
        message = str(error).replace("`", "")
        raise ValueError(
            f"{key} is {json.dumps(value, default=repr)}; {message[0].lower()}{message[1:]}{why and f' ({why})'}"
        ) from error
    for number in found if isinstance(found, tuple) else (found,):
        if isinstance(number, float) and not math.isfinite(number):
            raise ValueError(f"{key} is {json.dumps(value)}; finite numbers are needed")
    return found


def _descriptions(hint: Any) -> list[str]:
    """The reasons for ranges in an annotation, items of tuples included."""
    own = [meta.description for meta in getattr(hint, "__metadata__", ()) if getattr(meta, "description", None)]
    return own + [text for part in typing.get_args(hint) for text in _descriptions(part)]
