"""From arguments to dataclasses: every mistake becomes one line."""

import contextlib
import dataclasses
import io
import json
import typing
from collections.abc import Sequence
from typing import TypeVar

from lpg.environments.registry import known

Arguments = TypeVar("Arguments")
Options = TypeVar("Options")


def parse(kind: type[Arguments], argv: list[str], prog: str) -> Arguments:
    """Reads arguments into a dataclass; `--help` prints and exits.

    Raises:
        ValueError: they do not fit. One line.
        SystemExit: help was asked for.
    """
    import tyro

    caught = io.StringIO()
    try:
        with contextlib.redirect_stderr(caught):
            return tyro.cli(kind, args=argv, prog=prog)
    except SystemExit as error:
        if error.code in (0, None):
            raise
        raise ValueError(f"{_one_line(caught.getvalue())} (see `{prog} --help`)") from None


def assign(options: Options, assignments: Sequence[str]) -> Options:
    """A copy of a frozen dataclass of optional numbers and truth values, with some of them given.

    Args:
        assignments: `key=value`, the value as JSON.

    Raises:
        ValueError: no such key (the nearest is named), or a value of the wrong type.
    """
    hints = typing.get_type_hints(type(options))
    changes = {}
    for text in assignments:
        key, separator, value = text.partition("=")
        if not separator:
            raise ValueError(f"--set {text!r} given; key=value is needed")
        known(key, hints, "key")
        (kind,) = set(typing.get_args(hints[key])) - {type(None)}
        try:
            changes[key] = _as(kind, json.loads(value))
        except ValueError:
            words = {int: "a whole number", float: "a number", bool: "true or false"}[kind]
            raise ValueError(f"{key} is {value!r}; {words} is needed") from None
    return dataclasses.replace(options, **changes)  # type: ignore[type-var]


def _as(kind: type, value: object) -> int | float | bool:
    """The value if it is of a kind without loss."""
    if isinstance(value, bool) == (kind is bool) and isinstance(value, int | float) and value == kind(value):
        return kind(value)
    raise ValueError


def _one_line(box: str) -> str:
    """What is said in a box of tyro's: its first part, and the nearest option if one is offered."""
    lines = [line.strip("│╭╮╰╯ ") for line in box.splitlines() if line.startswith("│")]
    parts: list[list[str]] = [[]]
    for line in lines:
        if set(line) <= {"─"} and line:
            parts.append([])
        elif line:
            parts[-1].append(line)
    message = " ".join(parts[0]) or " ".join(box.split())
    for part in parts[1:]:
        if part and part[0].startswith("Perhaps you meant") and len(part) > 1:
            message += f"; did you mean {part[1]}?"
    return message
