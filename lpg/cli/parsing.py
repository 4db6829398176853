"""Command-line arguments as dataclasses; every error is one line."""

import contextlib
import dataclasses
import io
from collections.abc import Sequence
from typing import TypeVar

from lpg.checks import assignments, checked_fields

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


def assign(options: Options, texts: Sequence[str]) -> Options:
    """A copy of a dataclass with some of its fields changed by `key=value` texts.

    Raises:
        ValueError: an unknown key (names the nearest), or a value of the wrong type.
    """
    return dataclasses.replace(options, **checked_fields(type(options), assignments(texts)))  # type: ignore[type-var]


def _one_line(box: str) -> str:
    """The message in a box of tyro's: its first part, and the nearest option if one is offered."""
    parts: list[list[str]] = [[]]
    for line in box.splitlines():
        if line.startswith(("╭", "╰")) or "─" * 5 in line or "-" * 5 in line:
            parts.append([])
        elif text := line.strip("│ "):
            parts[-1].append(text)
    # On terminals without box characters, the title is the first part.
    found = [part for part in parts[1:] if part]
    if not found:
        return " ".join(box.split())
    message = " ".join(found[0])
    for part in found[1:]:
        if part[0].startswith("Perhaps you meant") and len(part) > 1:
            message += f"; did you mean {part[1]}?"
    return message
