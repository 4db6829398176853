"""progress.csv and progress.json: learning curves of a training as they grow, in its folder, for `lpg watch`.

An evaluation, whose curves are known only when a rule's agents are trained, also keeps the number of steps that are
done, in progress-steps.json. Results are in results.csv, which is written at the end; these files may be removed.
"""

import csv
import io
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lpg.evaluation.progress import Bar, Bars
from lpg.evaluation.results import COLUMNS, REFERENCES
from lpg.files import write_atomic
from lpg.sinks import BaseSink

TABLE, ABOUT, STEPS = "progress.csv", "progress.json", "progress-steps.json"
SECONDS_BETWEEN_WRITES = 1.0
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


class StepsFile:
    """Bars for the rules of an evaluation, one after the other, that write as they go (`lpg.evaluation.progress`)."""

    def __init__(self, folder: Path, bars: Bars, num_rules: int) -> None:
        """Nothing is written yet.

        Args:
            bars: what is told of the progress, too.
            num_rules: bars that will be asked for; rules to come are taken to need as many steps as the one at work.
        """
        self._path, self._bars, self._left = folder / STEPS, bars, num_rules
        self._began, self._written, self._before = time.monotonic(), float("-inf"), 0

    def __call__(self, what: str, total: int) -> "_CountingBar":
        """The bar of the next rule."""
        self._left -= 1
        return _CountingBar(self, self._bars(what, total), total)

    def write(self, done: int, total: int, *, is_end: bool) -> None:
        """Writes what is done of the rule at work, unless it was written a moment ago.

        Raises:
            OSError: the folder cannot be written.
        """
        now = time.monotonic()
        if is_end or now - self._written > SECONDS_BETWEEN_WRITES:
            self._written = now
            counts = {
                "done": self._before + done, "total": self._before + total * (1 + self._left),
                "seconds": round(now - self._began, 3),
            }  # fmt: skip
            write_atomic(self._path, json.dumps(counts).encode())
        self._before += total if is_end else 0


class _CountingBar:
    """A bar that tells another one and a `StepsFile`."""

    def __init__(self, file: StepsFile, bar: Bar, total: int) -> None:
        self._file, self._bar, self._total, self._done = file, bar, total, 0

    def __enter__(self) -> "_CountingBar":
        self._bar.__enter__()
        self._file.write(0, self._total, is_end=False)
        return self

    def __exit__(self, *error: Any) -> None:
        self._bar.__exit__(*error)
        if error[0] is None:
            self._file.write(self._total, self._total, is_end=True)

    def advance(self, steps: int) -> None:
        """So many more environment steps are done."""
        self._done += steps
        self._bar.advance(steps)
        self._file.write(self._done, self._total, is_end=False)


def read_steps(folder: Path) -> dict[str, Any] | None:
    """Steps `done` and `total` of an evaluation, and its `seconds`; none where it has not written any."""
    path = folder / STEPS
    return json.loads(path.read_text()) if path.is_file() else None


def check_same(folder: Path, configs: Mapping[str, Any]) -> None:
    """Refuses before the work that other settings replace results that are there; those of the last evaluation count.

    Args:
        folder: of the results.
        configs: see `lpg.evaluation.log.configs_of`.

    Raises:
        ValueError: there is a table, and a field of its settings differs. Fields that an older version lacks do not.
    """
    if not (folder / "results.csv").exists():
        return
    before, _ = read_progress(folder)
    for rule, environments in configs.items():
        for environment, config in environments.items():
            old = before.get(rule, {}).get(environment, {})
            for name in old.keys() & config.keys() - {"source"}:
                if old[name] != config[name]:
                    raise ValueError(
                        f"{folder / 'results.csv'} exists, with {name} {old[name]} for {rule} on {environment}; it is "
                        f"{config[name]} now; give another folder with --out, or remove the file first"
                    )


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
