"""What is shown of a run at one moment, beside its figure."""

import dataclasses
from pathlib import Path
from typing import Any


@dataclasses.dataclass(frozen=True)
class Status:
    """A run at this moment; everything is a JSON value."""

    title: str
    share: float | None
    """Of the run that is done, in [0, 1]."""
    seconds_left: float | None
    facts: dict[str, str]
    """By what they are."""
    flags: list[str] = dataclasses.field(default_factory=list)
    """Of the audit."""
    arms: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    """Of the bandit: environment, names of the arms, their probabilities and how many lifetimes each had."""


def version_of(*paths: Path) -> str:
    """Another one whenever one of these files is written."""
    found = [path.stat() for path in paths if path.exists()]
    return "-".join(f"{stat.st_mtime_ns}:{stat.st_size}" for stat in found)
