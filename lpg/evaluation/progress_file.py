"""progress.csv and progress.json: learning curves of a training as they grow, in its folder, for `lpg watch`.

Results are in results.csv, which is written at the end; these two files may be removed.
"""

import csv
import io
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lpg.evaluation.results import COLUMNS, REFERENCES
from lpg.files import write_atomic
from lpg.sinks import BaseSink

TABLE, ABOUT = "progress.csv", "progress.json"
HEADER = (*COLUMNS, "seconds")
"""Those of results.csv, and the wall time since the process began."""


class ProgressFile(BaseSink):
    """Appends each point of a learning curve when it is reached."""

    def __init__(self, folder: Path) -> None:
        """Nothing is written yet."""
        self._folder, self._began = folder, time.monotonic()
        self._file: Any = None

    def start(self, config: Mapping[str, Any]) -> None:
        """Writes what is run, and opens the table; rows of an interrupted training are kept."""
        # Of lpg evaluate: {rule: {environment: …}}.
        self._rules = [config["rule"]] if "rule" in config else list(config)
        self._folder.mkdir(parents=True, exist_ok=True)
        write_atomic(self._folder / ABOUT, json.dumps(config, default=str).encode())
        self._file = open(self._folder / TABLE, "a", newline="")  # noqa: SIM115
        self._writer = csv.writer(self._file)
        if self._file.tell() == 0:
            self._writer.writerow(HEADER)
            self._file.flush()

    def row(self, step: int, values: Mapping[str, float], run: str) -> None:
        """Writes and flushes a point; rows of other kinds (final and reference returns) are none."""
        rules = [rule for rule in (*self._rules, *REFERENCES) if run.startswith(f"{rule}/")]
        if "return_mean" not in values or not rules:
            return
        rule = max(rules, key=len)
        environment, _, seed = run.removeprefix(f"{rule}/").rpartition("/seed-")
        cells = {
            "rule": rule, "environment": environment, "seed": seed, "steps": step,
            "seconds": f"{time.monotonic() - self._began:.3f}",
            **{name: f"{value:.8g}" for name, value in values.items() if name in COLUMNS},
        }  # fmt: skip
        self._writer.writerow([cells.get(name, "") for name in HEADER])
        self._file.flush()

    def close(self) -> None:
        """Closes the table."""
        if self._file is not None:
            self._file.close()


def read_progress(folder: Path) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """What is run, and the complete rows of the table; both empty where there is nothing yet."""
    about, table = folder / ABOUT, folder / TABLE
    config = json.loads(about.read_text()) if about.is_file() else {}
    if not table.is_file():
        return config, []
    text = table.read_bytes().decode(errors="replace")
    lines = io.StringIO(text[: text.rfind("\n") + 1], newline="")
    rows = [row for row in csv.DictReader(lines) if None not in row and None not in row.values()]
    return config, rows
