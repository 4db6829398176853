"""A training or an evaluation while it goes on: the learning curves in progress.csv, later those in results.csv."""

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpg.analysis import learning_curves
from lpg.analysis.watch.status import Status, version_of
from lpg.evaluation.progress_file import ABOUT, STEPS, TABLE, read_progress, read_steps
from lpg.evaluation.results import REFERENCES, Row, read

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class TrainingView:
    """See `lpg.analysis.watch.view.View`."""

    files = (ABOUT, TABLE, "results.csv")

    def __init__(self, folder: Path) -> None:
        """Nothing is read yet."""
        self.folder = folder
        self._results = folder / "results.csv"

    def version(self) -> str:
        """Another one after each point of a learning curve; of an evaluation after each second or so."""
        return version_of(self._results, *(self.folder / name for name in (ABOUT, TABLE, STEPS)))

    def has_figure(self) -> bool:
        """After the first point of a learning curve."""
        return any(row.rule not in REFERENCES for row in self._rows())

    def figure(self) -> "Figure":
        """The learning curves."""
        return learning_curves.draw(self._rows())

    def status(self) -> Status:
        """The run at this moment."""
        config, table = read_progress(self.folder)
        rows = [row for row in self._rows() if row.rule not in REFERENCES]
        last = {(row.rule, row.environment, row.seed): row for row in rows}
        facts = {
            f"{rule} on {environment}, seed {seed}": f"return {row.return_mean:.4g} after {row.steps:,} steps"
            for (rule, environment, seed), row in itertools.islice(last.items(), 40)
        }
        title = f"{self.folder.resolve().name}: " + (
            f"{config['rule']} on {config['environment']}" if "rule" in config else f"{len(last)} trainings"
        )
        steps = read_steps(self.folder)
        if "rule" not in config and steps is not None:
            left = (steps["total"] - steps["done"]) * steps["seconds"] / steps["done"] if steps["done"] else None
            return Status(title, steps["done"] / max(steps["total"], 1), left, facts)
        total = _total_steps(config)
        done = sum(row.steps for row in last.values())
        if self._results.is_file() and (total is None or done >= total):
            return Status(title, 1.0, 0.0, facts)
        if total is None:
            return Status(title, None, None, facts)
        return Status(title, min(done / total, 1.0), _seconds_left(table, done, total), facts)

    def _rows(self) -> list[Row]:
        """Those of results.csv, and what progress.csv has beyond them."""
        found = read(self._results) if self._results.is_file() else []
        known = {(row.rule, row.environment, row.seed, row.steps) for row in found}
        for line in read_progress(self.folder)[1]:
            row = _row(line)
            if (row.rule, row.environment, row.seed, row.steps) not in known:
                known.add((row.rule, row.environment, row.seed, row.steps))
                found.append(row)
        return sorted(found, key=lambda row: row.steps)


def _row(line: dict[str, str]) -> Row:
    """A row of progress.csv."""
    updates, steps, episodes = (int(float(line[name] or 0)) for name in ("agent_updates", "steps", "episodes"))
    error = float(line["return_stderr"] or "nan")
    return Row(
        line["rule"],
        line["environment"],
        int(line["seed"]),
        updates,
        steps,
        float(line["return_mean"]),
        error,
        episodes,
    )


def _total_steps(config: dict[str, Any]) -> int | None:
    """Of all trainings together, where progress.json says it."""
    if "steps" not in config:
        return None
    return int(config["steps"]) * len(config.get("seeds", [0]))


def _seconds_left(table: list[dict[str, str]], done: int, total: int) -> float | None:
    """From the speed since the process began."""
    seconds = [float(line["seconds"]) for line in table]
    # Rows of an earlier process come first; the clock began anew after them.
    begin = next((i for i in range(len(seconds) - 1, 0, -1) if seconds[i] < seconds[i - 1]), 0)
    own = table[begin:]
    if len(own) < 2:
        return None
    gained = _reached(table) - _reached(table[:begin])
    return (total - done) * float(own[-1]["seconds"]) / gained if gained > 0 else None


def _reached(table: list[dict[str, str]]) -> int:
    """Steps of all trainings together."""
    last = {(line["rule"], line["environment"], line["seed"]): int(line["steps"]) for line in table}
    return sum(last.values())
