"""Tables of the analyses: named columns of numbers or words, as CSV."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lpg.files import write_atomic

Table = dict[str, np.ndarray]
"""Columns of equal length by name: floats, or words."""


def make_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Columns from rows that all have the same keys."""
    return {name: np.array([row[name] for row in rows]) for name in (rows[0] if rows else {})}


def select(table: Table, **wanted: Any) -> Table:
    """The rows in which each named column has the wanted value; numbers are compared as they are written, `0.995`."""
    keep = np.ones(len(next(iter(table.values()))), bool)
    for name, value in wanted.items():
        column = table[name]
        keep &= column == value if column.dtype.kind in "US" else np.isclose(column, value, rtol=1e-5, atol=0)
    return {name: column[keep] for name, column in table.items()}


def to_text(table: Table) -> str:
    """The table as CSV; numbers with six significant digits, an empty cell where there is none."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(table)
    columns = [column.tolist() for column in table.values()]
    writer.writerows([_cell(value) for value in row] for row in zip(*columns, strict=True))
    return buffer.getvalue()


def write_table(path: Path, table: Table) -> None:
    """Writes a table atomically; an older one is replaced.

    Raises:
        ValueError: its columns have different lengths.
        OSError: nothing could be written.
    """
    write_atomic(path, to_text(table).encode())


def read_table(path: Path) -> Table:
    """Reads a table; columns in which every cell is a number or empty become floats, the others stay words.

    Raises:
        ValueError: there is no such file, or its rows differ in length.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such table")
    lines = list(csv.reader(io.StringIO(path.read_text())))
    header, rows = (lines[0], lines[1:]) if lines else ([], [])
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise ValueError(f"{path}, line {number}: {len(row)} cells; the header has {len(header)}")
    return {name: _column([row[at] for row in rows]) for at, name in enumerate(header)}


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.6g}"
    return str(value)


def _column(cells: list[str]) -> np.ndarray:
    try:
        return np.array([float(cell) if cell else np.nan for cell in cells], float)
    except ValueError:
        return np.array(cells)
