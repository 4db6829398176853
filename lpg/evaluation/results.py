"""The results table: one row per (rule, environment, seed, point on the learning curve), as CSV.

Reference returns are rows of the same table, so that a figure needs nothing else: the rules named `random` and
`optimum` have one row per environment and seed, with their returns and no updates. Where no optimum can be computed,
`best known` takes its place, and on Atari `human`; a measured reference has a standard error.
"""

import csv
import dataclasses
import io
import itertools
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from lpg.files import write_atomic

RANDOM, OPTIMUM, BEST_KNOWN, HUMAN = "random", "optimum", "best known", "human"
REFERENCES = (RANDOM, OPTIMUM, BEST_KNOWN, HUMAN)
"""Names of the reference returns; an environment has the first and one of the others. No rule may have such a name."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table, in the order of its columns."""

    rule: str
    environment: str
    seed: int
    agent_updates: int
    """Agent updates done; the row covers those since the row before."""
    steps: int
    """Environment steps done, all environments together."""
    return_mean: float
    """Undiscounted return of the episodes that ended, their mean; NaN (an empty cell) where none did."""
    return_stderr: float
    """Its standard error over episodes; NaN for fewer than two."""
    episodes: int


RECENT_EPISODES = 64
"""Episodes that a point of a learning curve is averaged over at least: one of each environment."""

COLUMNS = tuple(field.name for field in dataclasses.fields(Row))


def to_text(rows: Iterable[object], columns: Sequence[str] = COLUMNS) -> str:
    """A table as CSV, of objects that have the columns as attributes; numbers with six significant digits."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(getattr(row, name)) for name in columns])
    return buffer.getvalue()


def write(path: str | Path, rows: Iterable[Row], *, replace: bool = False) -> None:
    """Writes a table, whole or not at all.

    Args:
        replace: whatever the file holds.

    Raises:
        ValueError: there is a file with other content, which is not overwritten.
        OSError: nothing could be written.
    """
    path, text = Path(path), to_text(rows)
    if path.exists() and not replace:
        if path.read_text() == text:
            return
        raise ValueError(_refusal(path, "other results"))
    write_atomic(path, text.encode())


def check_free(path: str | Path, planned: Iterable[tuple[str, str, int]]) -> None:
    """Refuses before the work what `write` would refuse after it: a table of another run.

    Args:
        planned: (rule, environment, seed) that will be written.

    Raises:
        ValueError: the file is there and is not a table of exactly these.
    """
    path = Path(path)
    if not path.exists():
        return
    try:
        found = {(row.rule, row.environment, row.seed) for row in read(path) if row.rule not in REFERENCES}
    except ValueError as error:
        raise ValueError(_refusal(path, "something else")) from error
    if found != set(planned):
        raise ValueError(_refusal(path, "the results of other rules, environments or seeds"))


def read(path: str | Path) -> list[Row]:
    """Reads a table.

    Raises:
        ValueError: there is no such file, or it is not a results table; names the line.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: no such file; a results table is needed, as `lpg evaluate --out` writes it")
    try:
        lines = list(csv.reader(io.StringIO(path.read_text())))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: not a CSV file ({error})") from error
    if not lines or tuple(lines[0]) != COLUMNS:
        raise ValueError(
            f"{path}: the columns {','.join(COLUMNS)} are needed; found {','.join(lines[0] if lines else [])}"
        )
    rows = []
    for number, cells in enumerate(lines[1:], start=2):
        try:
            rule, name, seed, updates, steps, mean, stderr, episodes = cells
            rows.append(
                Row(rule, name, int(seed), int(updates), int(steps), _float(mean), _float(stderr), int(episodes))
            )
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: not a row of the results table ({error})") from error
    return rows


def curves(rows: Sequence[Row]) -> dict[str, dict[str, dict[int, list[Row]]]]:
    """Rows by rule, environment and seed, each curve in the order of its updates; reference returns included."""
    table: dict[str, dict[str, dict[int, list[Row]]]] = {}
    for row in rows:
        table.setdefault(row.rule, {}).setdefault(row.environment, {}).setdefault(row.seed, []).append(row)
    for by_environment in table.values():
        for by_seed in by_environment.values():
            for curve in by_seed.values():
                curve.sort(key=lambda row: row.agent_updates)
    return table


def smoothed(curve: Sequence[Row], num_recent: int = RECENT_EPISODES) -> np.ndarray:
    """Return at each point of a curve: mean over the `num_recent` episodes that ended last, or over all of the point's.

    Parallel environments that start together reach the time limit together, and in between only episodes that terminate
    early end. A point's own mean is then biased towards those; the mean over about one episode of each environment is
    not. Where too few episodes have ended yet, the next ones count: they were running already.

    Args:
        curve: rows of one run in the order of their updates.
        num_recent: as many as there are environments.

    Returns:
        [P]; all NaN if no episode ended at all.
    """
    count = [row.episodes for row in curve]
    value = np.array([row.return_mean for row in curve], float)
    weight = np.zeros((len(curve), len(curve)))
    for at in range(len(curve)):
        weight[at, at], missing = count[at], num_recent - count[at]
        for other in itertools.chain(range(at - 1, -1, -1), range(at + 1, len(curve))):
            if missing <= 0:
                break
            weight[at, other] = min(count[other], missing)
            missing -= min(count[other], missing)
    total = weight.sum(axis=1)
    known = np.where(weight > 0, weight * value, 0.0)  # points without episodes have no value
    return np.divide(known.sum(axis=1), total, out=np.full(len(curve), np.nan), where=total > 0)


def last_tenth(curve: Sequence[Row]) -> int:
    """How many points at the end of a curve cover the last tenth of its updates; at least one."""
    final = curve[-1].agent_updates
    return max(1, sum(row.agent_updates > 0.9 * final for row in curve))


def end_row(curve: Sequence[Row]) -> Row:
    """The end of a curve as one row: means over its last tenth, smoothed as curves are."""
    tail = last_tenth(curve)
    members = curve[-tail:]
    errors = np.array([row.return_stderr for row in members], float)
    errors = errors[~np.isnan(errors)]
    return dataclasses.replace(
        curve[-1],
        return_mean=float(np.mean(smoothed(curve)[-tail:])),
        return_stderr=float(np.sqrt(np.sum(errors**2)) / len(errors)) if len(errors) else math.nan,
        episodes=sum(row.episodes for row in members),
    )


def _refusal(path: Path, content: str) -> str:
    return f"{path} exists and holds {content}; give another folder with --out, or remove the file first"


def _cell(value: str | int | float) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    return str(value)


def _float(cell: str) -> float:
    return float(cell) if cell else math.nan
