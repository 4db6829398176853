"""Files that are complete or absent; and safetensors files: arrays by path with a JSON card.

A safetensors file is a JSON header and raw numbers, so reading one executes no code.
"""

import contextlib
import itertools
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors
import safetensors.numpy

TEMPORARY = ".tmp"
"""Suffix of files that are being written."""


LOCK = ".lock"
"""In a folder that a process writes into."""


class FileKind(NamedTuple):
    """What a safetensors file must contain."""

    about: str
    """What the file is, for error messages."""
    format: str | None = None
    """Name and version of the format, under `format` in the metadata or in the card; None: the caller checks it."""
    card: str = "card"
    """Metadata key of the card."""


def write_atomic(path: Path, content: bytes) -> None:
    """Writes to a temporary file in the same folder, flushes it to disk and renames it: readers never see a part.

    Temporary names are unique, so several processes may write the same path; the last one to finish wins.

    Raises:
        OSError: writing failed (disk full, for example); names the file. An older file is kept.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(path)
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.filename is None and error.errno is not None:
            error.filename = str(path)  # the system does not say on which file a full disk was met
        raise


@contextlib.contextmanager
def claimed(folder: Path | None) -> Iterator[None]:
    """Makes a folder this process's own while something is written into it; none: nothing to claim.

    The claim ends with the process, however it ends. Where the file system has no locks, there are no claims.

    Raises:
        ValueError: another process, or another call in this one, writes into the folder.
    """
    if folder is None:
        yield
        return
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; choose another --out")
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK
    with open(path, "a") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ValueError(
                f"{folder} is being written by another process; give another --out, or wait until that one has ended"
            ) from error
        except (ImportError, OSError):
            pass  # no such locks here
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            for empty in itertools.takewhile(lambda new: not any(new.iterdir()), made):
                empty.rmdir()  # nothing was written after all


def temporary_name(path: Path) -> Path:
    """A name that no other process uses, for `write_atomic`."""
    return path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}{TEMPORARY}")


def unfinished_writes(folder: Path) -> list[Path]:
    """Temporary files that killed processes left in a folder and below it."""
    return sorted(folder.rglob(f"*{TEMPORARY}"))


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], metadata: dict[str, str]) -> None:
    """Writes a safetensors file atomically.

    Raises:
        OSError: see `write_atomic`.
    """
    # Not `ascontiguousarray`, which makes [1] of [].
    ordered = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    write_atomic(path, safetensors.numpy.save(ordered, metadata))


def read_arrays(path: Path, kind: FileKind) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """All arrays of a safetensors file, and its card.

    Raises:
        ValueError: the file is missing, truncated, or of another kind. One line that begins with the path.
    """
    return _read(path, kind, with_arrays=True)


def read_card(path: Path, kind: FileKind) -> dict[str, Any]:
    """The card alone; arrays are not read, but the file's length is checked.

    Raises:
        ValueError: see `read_arrays`.
    """
    return _read(path, kind, with_arrays=False)[1]


def _read(path: Path, kind: FileKind, *, with_arrays: bool) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    if not path.is_file():
        raise ValueError(f"{path}: no such file; {kind.about} is needed")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in (file.keys() if with_arrays else ())}
    except (safetensors.SafetensorError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{path}: truncated, or not a safetensors file ({' '.join(str(error).split())})") from error
    if kind.card not in metadata:
        raise ValueError(f"{path}: a safetensors file without {kind.card!r} in its metadata; {kind.about} is needed")
    try:
        card = json.loads(metadata[kind.card])
    except ValueError as error:
        raise ValueError(f"{path}: the card is not JSON ({error})") from error
    if not isinstance(card, dict):
        raise ValueError(f"{path}: the card is a {type(card).__name__}; a JSON object is needed")
    found = metadata.get("format", card.get("format"))
    if kind.format not in (None, found):
        raise ValueError(f"{path}: format {found!r}; {kind.about} of format {kind.format!r} is needed")
    return arrays, card
