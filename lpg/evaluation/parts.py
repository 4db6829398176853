"""What each of several processes has found, as files in a folder that all of them see.

    parts/RULE/ENVIRONMENT/seed-0.json

A part is one agent's training: its learning curve, its reference returns and its final score. Process i of N trains
every N-th seed. What is there already is not done again, so that an evaluation that was stopped goes on, with any
number of processes; the first process reads all parts when they are there.
"""

import contextlib
import dataclasses
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jax

from lpg.evaluation.backend import TrainingPlan
from lpg.evaluation.final import Final
from lpg.evaluation.log import plan_config
from lpg.evaluation.results import Row
from lpg.files import write_atomic

PATTERN = "*/*/seed-*.json"
SECONDS_BETWEEN_LOOKS = 0.5


@dataclasses.dataclass(frozen=True)
class Part:
    """One agent's training, after it."""

    rows: list[Row]
    references: list[Row]
    final: Final


class Parts:
    """The folder `parts` in that of the results."""

    def __init__(self, out: Path, options: Mapping[str, Any]) -> None:
        """Nothing is written yet.

        Args:
            out: the folder of the results.
            options: what parts must have in common beside their plan, as JSON values.
        """
        self.folder, self._options = out / "parts", options

    def has(self, plan: TrainingPlan, seed: int) -> bool:
        """Whether a part is there."""
        return self._path(plan, seed).exists()

    def write(self, plan: TrainingPlan, part: Part) -> None:
        """Writes a part, whole or not at all.

        Raises:
            OSError: nothing could be written.
        """
        content = {
            "identity": self._identity(plan),
            "rows": [dataclasses.asdict(row) for row in part.rows],
            "references": [dataclasses.asdict(row) for row in part.references],
            "final": dataclasses.asdict(part.final),
        }
        write_atomic(self._path(plan, part.final.seed), json.dumps(content).encode())

    def read(self, plan: TrainingPlan, seed: int) -> Part:
        """Reads a part.

        Raises:
            ValueError: it belongs to something else.
        """
        path = self._path(plan, seed)
        content = json.loads(path.read_text())
        if content["identity"] != self._identity(plan):
            raise ValueError(
                f"{path} is a part of another evaluation, with other settings, steps or another rule of this name; "
                f"remove {self.folder}, or give another folder with --out"
            )
        rows, references = ([Row(**row) for row in content[name]] for name in ("rows", "references"))
        return Part(rows, references, Final(**content["final"]))

    def wait_for(self, wanted: Iterable[tuple[TrainingPlan, int]]) -> list[Part]:
        """All of these parts in their order, when they are there. A process that dies meanwhile ends this one, too."""
        found = []
        for plan, seed in wanted:
            while not self.has(plan, seed):
                time.sleep(SECONDS_BETWEEN_LOOKS)
            found.append(self.read(plan, seed))
        return found

    def are_begun(self) -> bool:
        """Whether any part is there."""
        return any(self.folder.glob(PATTERN))

    def remove(self) -> None:
        """Removes all parts; the other processes take it for a sign that the results are written."""
        for path in self.folder.glob(PATTERN):
            path.unlink()
        # Whatever else is in there is not ours.
        for folder in (*self.folder.glob("*/*"), *self.folder.glob("*"), self.folder):
            with contextlib.suppress(OSError):
                folder.rmdir()

    def wait_until_removed(self) -> None:
        """Waits for the first process to write the results."""
        while self.are_begun():
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def _path(self, plan: TrainingPlan, seed: int) -> Path:
        names = (quote(name, safe="") for name in (plan.rule.label, plan.environment))
        return self.folder.joinpath(*names) / f"seed-{seed}.json"

    def _identity(self, plan: TrainingPlan) -> Any:
        """As it is when it was written and read."""
        card = {**plan_config(plan), "card": plan.rule.card, "num_actions": plan.backend.num_actions, **self._options}
        return json.loads(json.dumps(card, default=str))


def own_share(seeds: Sequence[int]) -> list[int]:
    """Seeds of this process.

    Raises:
        ValueError: there are more processes than seeds.
    """
    if len(seeds) < jax.process_count():
        raise ValueError(
            f"{jax.process_count()} processes for {len(seeds)} seeds; each process trains seeds of its own, so give at "
            "least as many seeds"
        )
    return list(seeds[jax.process_index() :: jax.process_count()])
