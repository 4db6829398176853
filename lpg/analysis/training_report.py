"""What `train` and `evaluate` report at the end, and the files that they write; `lpg.cli.report_tables` prints it."""

import dataclasses
import functools
import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lpg.evaluation import final, results
from lpg.evaluation.aggregates import Aggregate
from lpg.evaluation.backend import TrainingPlan
from lpg.evaluation.final import THRESHOLD, Final
from lpg.evaluation.results import Row, curves, end_row
from lpg.evaluation.scores import Difference, RuleScores, differences, scores
from lpg.files import write_atomic
from lpg.sinks import Sinks


@dataclasses.dataclass(frozen=True, kw_only=True)
class Report:
    """Everything that is known about some trainings, and what follows from it."""

    rows: Sequence[Row]
    """Learning curves and reference returns."""
    finals: Sequence[Final]
    plans: Mapping[str, Sequence[TrainingPlan]]
    """What was trained, by the rule's label."""
    steps: int
    """Environment steps that were done now, all agents together."""
    seconds: float
    """Their wall time."""
    threshold: float = THRESHOLD
    """The normalised return of `Final.steps_to_threshold`."""
    threshold_return: float | None = None
    """The return of it in environments without reference returns."""

    @functools.cached_property
    def scores(self) -> dict[str, RuleScores]:
        """By rule."""
        return scores(self.rows)

    @property
    def is_normalised(self) -> bool:
        """Whether reference returns are known of any environment."""
        return any(one.end for one in self.scores.values())

    @property
    def against(self) -> str | None:
        """The rule that others are compared with: the first hand-written one, else the last; none for one rule."""
        labels = list(self.plans)
        by_hand = [label for label in labels if not self.plans[label][0].rule.is_learned]
        return (by_hand or labels[-1:])[0] if len(labels) > 1 else None

    @functools.cached_property
    def differences(self) -> dict[str, Difference]:
        """By rule, from the one of `against`."""
        return {} if self.against is None else differences(self.rows, self.against)

    @property
    def warnings(self) -> list[str]:
        """A line for each group of environments on which rules are compared whose hyper-parameters are not tuned alike.

        Nothing is said where all are tuned, or where all have a general or a given configuration.
        """
        together: dict[str, list[str]] = {}
        for plans in zip(*self.plans.values(), strict=True):
            levels = {plan.chosen.level for plan in plans}
            if len(plans) > 1 and ("default" in levels or len(levels) > 1):
                text = ", ".join(
                    f"{plan.rule.label} is tuned"
                    if plan.chosen.level == "tuned"
                    else f"{plan.rule.label} is not tuned ({plan.chosen.source})"
                    for plan in plans
                )
                together.setdefault(text, []).append(plans[0].environment)
        return [
            f"hyper-parameters on {', '.join(names)}: {text}; --tune tunes rules on environments in JAX"
            for text, names in together.items()
        ]


def write_files(report: Report, table: Path | None, json_file: Path | None, *, replace: bool = False) -> list[Path]:
    """Writes the files that were asked for.

    Args:
        table: the file for the rows; final.csv and figures go beside it.
        json_file: the file for programs.
        replace: the table may replace another one, that of the same training before it went on.

    Returns:
        The files.

    Raises:
        ValueError: the table exists and has other content.
        OSError: nothing could be written.
    """
    written = []
    if table is not None:
        from lpg.analysis.learning_curves import save_figure

        results.write(table, report.rows, replace=replace)
        final.write(table.with_name("final.csv"), report.finals)
        picture = save_figure(results.read(table), table.parent / "figures" / "learning_curves.png")
        written = [table, table.with_name("final.csv"), picture]
    if json_file is not None:
        write_json(json_file, report)
        written.append(json_file)
    return written


def log_figures(sinks: Sinks, files: Iterable[Path]) -> None:
    """Hands the figures among the files to sinks."""
    for path in files:
        if path.suffix == ".png":
            sinks.figure(path)


def write_json(path: Path, report: Report) -> None:
    """What is printed, for programs; numbers that do not exist are null.

    Raises:
        OSError: nothing could be written.
    """
    table = curves(report.rows)
    ends = [
        end_row(curve)
        for rule in report.scores
        for by_seed in table[rule].values()
        for curve in by_seed.values()
    ]  # fmt: skip
    content = {
        "rows": [dataclasses.asdict(row) for row in ends],
        "final": [dataclasses.asdict(one) for one in report.finals],
        "chosen": {
            rule: {
                plan.environment: {**dataclasses.asdict(plan.config), "source": plan.chosen.source} for plan in plans
            }
            for rule, plans in report.plans.items()
        },
        "normalised": {
            rule: {"end": _for_programs(one.end, one.raw_end), "area": _for_programs(one.area, one.raw_end)}
            for rule, one in report.scores.items()
        },
        "differences": {
            "against": report.against,
            **{rule: dataclasses.asdict(one) for rule, one in report.differences.items()},
        },
        "warnings": report.warnings,
        "seconds": round(report.seconds, 3),
        "steps_per_second": round(report.steps / max(report.seconds, 1e-9)),
    }
    write_atomic(path, (json.dumps(_without_nan(content), indent=1, allow_nan=False) + "\n").encode())


def check_writable(*files: Path | None) -> None:
    """Makes the folders of files that will be written, so that a bad path fails before the work and not after it.

    Raises:
        OSError: a folder cannot be made, or nothing can be written into it.
    """
    for file in files:
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            if file.is_dir() or not os.access(file.parent, os.W_OK):
                raise OSError(f"{file}: no file can be written there")


def _for_programs(aggregate: Aggregate | None, environments: Iterable[str]) -> dict[str, Any] | None:
    """An aggregate with null for environments without reference returns."""
    if aggregate is None:
        return None
    known = aggregate.per_environment
    return {**dataclasses.asdict(aggregate), "per_environment": {name: known.get(name) for name in environments}}


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
