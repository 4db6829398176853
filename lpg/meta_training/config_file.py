"""Configurations from shipped names, JSON files and `key=value` changes, every value checked against its field."""

import dataclasses
import json
import sys
import types
import typing
from importlib import resources
from pathlib import Path
from typing import Any

from lpg.environments.registry import known
from lpg.meta_training.config import MetaConfig


def shipped_configs() -> dict[str, Path]:
    """Names and files of the configurations in the package."""
    folder = Path(str(resources.files("lpg"))) / "configs"
    return {path.stem: path for path in sorted(folder.glob("*.json"))}


def load_config(name: str, changes: tuple[str, ...] = ()) -> MetaConfig:
    """A configuration by shipped name or JSON file, with some values changed.

    A file gives only the values that differ from `MetaConfig`'s defaults, which are the paper's.

    Args:
        name: a shipped name, or the path of a JSON file.
        changes: `key=value` texts; values are JSON, or plain words for texts.

    Raises:
        ValueError: no such configuration, malformed JSON, an unknown key (the nearest is named), a wrong type, or a
            value out of range.
    """
    shipped = shipped_configs()
    path = Path(name)
    if name in shipped:
        path = shipped[name]
    elif not path.is_file():
        if path.suffix == ".json" or len(path.parts) > 1:
            raise ValueError(f"there is no configuration file {name}")
        known(name, shipped, "configuration")
    try:
        values = json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path} holds a JSON {type(values).__name__}; an object of key and value is needed")
    for change in changes:
        key, separator, text = change.partition("=")
        if not separator:
            raise ValueError(f"--set {change!r} given; key=value is needed")
        try:
            values[key] = json.loads(text)
        except json.JSONDecodeError:
            values[key] = text
    return make_config(values)


def make_config(values: dict[str, Any]) -> MetaConfig:
    """A configuration from JSON values.

    Raises:
        ValueError: an unknown key, a wrong type, or a value out of range.
    """
    fields = {field.name: field for field in dataclasses.fields(MetaConfig)}
    hints = typing.get_type_hints(MetaConfig)
    checked = {}
    for key, value in values.items():
        known(key, fields, "key")
        checked[key] = _fit(key, value, hints[key])
    return MetaConfig(**checked)


def _fit(key: str, value: Any, hint: Any) -> Any:
    """The value as the field's type, if it fits without loss."""
    if _fits(value, hint):
        return _converted(value, hint)
    raise ValueError(f"{key} is {json.dumps(value)}; {_words(hint)} is needed")


def _fits(value: Any, hint: Any) -> bool:
    origin = typing.get_origin(hint)
    if origin is types.UnionType or origin is typing.Union:
        return any(_fits(value, one) for one in typing.get_args(hint))
    if origin is typing.Literal:
        return value in typing.get_args(hint)
    if origin is tuple:
        return isinstance(value, list | tuple) and all(_fits(item, typing.get_args(hint)[0]) for item in value)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def _converted(value: Any, hint: Any) -> Any:
    """A value that fits, with lists as tuples and whole numbers as floats where floats are wanted."""
    origin = typing.get_origin(hint)
    if origin is types.UnionType or origin is typing.Union:
        return _converted(value, next(one for one in typing.get_args(hint) if _fits(value, one)))
    if origin is tuple:
        return tuple(_converted(item, typing.get_args(hint)[0]) for item in value)
    return float(value) if hint is float else value


def _words(hint: Any) -> str:
    origin = typing.get_origin(hint)
    if origin is types.UnionType or origin is typing.Union:
        return " or ".join(_words(one) for one in typing.get_args(hint))
    if origin is typing.Literal:
        return "one of " + ", ".join(repr(one) for one in typing.get_args(hint))
    if origin is tuple:
        return f"a list, each item {_words(typing.get_args(hint)[0])},"
    names = {float: "a finite number", int: "a whole number", bool: "true or false", str: "a text", type(None): "null"}
    return names[hint]
