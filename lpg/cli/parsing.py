"""From arguments to dataclasses: every mistake becomes one line."""

import contextlib
import dataclasses
import io
import typing
from collections.abc import Sequence
from typing import TypeVar

from lpg.checks import known

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
        message = _one_line(caught.getvalue()).removeprefix(f"Error parsing {kind.__name__}: ")
        raise ValueError(f"{message} (see `{prog} --help`)") from None


def assign(options: Options, assignments: Sequence[str]) -> Options:
    """A copy of a frozen dataclass of optional numbers and truth values, with some of them given.

    Args:
        assignments: `key=value`, the value a number, or true or false.

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
            changes[key] = _as(kind, value.strip())
        except ValueError:
            words = {int: "a whole number", float: "a number", bool: "true or false"}[kind]
            raise ValueError(f"{key} is {value!r}; {words} is needed") from None
    return dataclasses.replace(options, **changes)  # type: ignore[type-var]


def _as(kind: type, text: str) -> int | float | bool:
    """The number or truth value that a text spells."""
    if kind is not bool:
        return kind(text)
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    raise ValueError(text)


def _one_line(box: str) -> str:
    """What is said in a box of tyro's: its first part, and the nearest option if one is offered."""
    parts: list[list[str]] = [[]]
    for line in box.splitlines():
        if line.startswith(("╭", "╰")) or "─" * 5 in line or "-" * 5 in line:
            parts.append([])
        elif text := line.strip("│ "):
            parts[-1].append(text)
    # Where the terminal knows no box characters, the title is a part of its own and stands first.
    found = [part for part in parts[1:] if part]
    if not found:
        return " ".join(box.split())
    message = " ".join(found[0])
    for part in found[1:]:
        if part[0].startswith("Perhaps you meant") and len(part) > 1:
            message += f"; did you mean {part[1]}?"
    return message
