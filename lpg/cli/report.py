"""What `train` and `evaluate` say at the end: a table for people, a file for programs."""

import dataclasses
import json
import math
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lpg.evaluation import results
from lpg.evaluation.results import BEST_KNOWN, HUMAN, OPTIMUM, RANDOM, REFERENCES, Row, curves, end_row
from lpg.evaluation.scores import Aggregate, RuleScores, scores
from lpg.evaluation.train_config import TRACED, TrainConfig
from lpg.evaluation.tuning_table import ChosenConfig
from lpg.files import write_atomic


def report_rows(
    rows: Sequence[Row],
    chosen: Mapping[str, Mapping[str, ChosenConfig]],
    steps: int,
    seconds: float,
    table: Path | None,
    json_file: Path | None,
) -> None:
    """Prints a table and the speed, and writes the files that were asked for.

    Args:
        rows: learning curves and reference returns.
        chosen: configurations by rule and environment.
        steps, seconds: what was done now, and in how long.
        table: the file for the rows; figures go beside it.
        json_file: the file for programs.
    """
    scored = scores(rows)
    print_table(rows, scored, chosen)
    number = f"{steps / 1e6:.1f} M" if steps >= 1e6 else f"{steps:,}"
    print(f"{number} steps in {seconds:.1f} s: {steps / seconds:,.0f} steps/s")
    if json_file is not None:
        write_json(json_file, rows, scored, chosen, seconds, steps)
    if table is not None:
        from lpg.analysis.learning_curves import save_figure

        results.write(table, rows)
        picture = save_figure(results.read(table), table.parent / "figures" / "learning_curves.png")
        print(f"wrote {table} and {picture}")


def print_table(
    rows: Sequence[Row], scored: Mapping[str, RuleScores], chosen: Mapping[str, Mapping[str, ChosenConfig]]
) -> None:
    """A line per environment and a column per rule, reference returns; then the aggregates and the settings."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    reference_returns = {reference: _reference_means(rows, reference) for reference in REFERENCES}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left")
    table.add_column("environment")
    for name in ("random", *scored, "optimum"):
        table.add_column(name, justify="right")
    environments = list(dict.fromkeys(row.environment for row in rows))
    unknown = [name for name in environments if name not in reference_returns[RANDOM]]
    for name in environments:
        cells = [_with_error(one.raw_end.get(name), one.raw_end_stderr.get(name)) for one in scored.values()]
        areas = [_area(one.area, name) for one in scored.values()]
        joined = [f"{cell}  {area}" for cell, area in zip(cells, areas, strict=True)]
        table.add_row(name, _number(reference_returns[RANDOM].get(name)), *joined, _best(reference_returns, name))
    if any(one.end for one in scored.values()):
        table.add_section()
        table.add_row("end, normalised IQM", "0", *[_interval(one.end) for one in scored.values()], "1")
        table.add_row("area, normalised IQM", "0", *[_interval(one.area) for one in scored.values()], "1")
    wide = None if sys.stdout.isatty() else 60 + 34 * len(scored)
    console = Console(width=wide, highlight=False)
    console.print(table)
    console.print(
        "Return in the last tenth of the learning curve ± standard error over seeds; in brackets the normalised mean "
        "over the whole curve.\nIQM: interquartile mean over all runs, with 95 % bootstrap interval."
        + (
            "\n≥: no optimum is known; 1 is the return of the best policy that is."
            if reference_returns[BEST_KNOWN]
            else ""
        )
        + ("\nhuman: 1 is the score of a person, and 0 that of the random policy." if reference_returns[HUMAN] else "")
        + (f"\nNot normalised, as no returns are known to compare with: {', '.join(unknown)}." if unknown else ""),
        style="dim",
    )
    console.print("\n".join(_settings_lines(chosen)), style="dim")


def write_json(
    path: Path,
    rows: Sequence[Row],
    scored: Mapping[str, RuleScores],
    chosen: Mapping[str, Mapping[str, ChosenConfig]],
    seconds: float,
    steps: int,
) -> None:
    """What was printed, for programs; numbers that do not exist are null.

    Raises:
        OSError: nothing could be written.
    """
    table = curves(rows)
    ends = [
        end_row(curve)
        for rule in scored
        for by_seed in table[rule].values()
        for curve in by_seed.values()
    ]  # fmt: skip
    content = {
        "rows": [dataclasses.asdict(row) for row in ends],
        "chosen": {
            rule: {name: {**dataclasses.asdict(one.config), "source": one.source} for name, one in entries.items()}
            for rule, entries in chosen.items()
        },
        "normalised": {
            rule: {
                "end": _for_programs(one.end, one.raw_end),
                "area": _for_programs(one.area, one.raw_end),
            }
            for rule, one in scored.items()
        },
        "seconds": round(seconds, 3),
        "steps_per_second": round(steps / max(seconds, 1e-9)),
    }
    write_atomic(path, (json.dumps(_without_nan(content), indent=1, allow_nan=False) + "\n").encode())


def make_room(*files: Path | None) -> None:
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
    """An aggregate with null for those environments of which nothing is known to normalise by."""
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


def _reference_means(rows: Sequence[Row], reference: str) -> dict[str, float]:
    table = curves(rows).get(reference, {})
    return {name: float(np.mean([curve[0].return_mean for curve in seeds.values()])) for name, seeds in table.items()}


def _best(reference_returns: Mapping[str, Mapping[str, float]], name: str) -> str:
    """The optimum; or a lower bound of it, where only the best known is known; or a person's score."""
    for reference, sign in ((BEST_KNOWN, "≥ "), (HUMAN, "human ")):
        if name in reference_returns[reference]:
            return f"{sign}{_number(reference_returns[reference][name])}"
    return _number(reference_returns[OPTIMUM].get(name))


def _settings_lines(chosen: Mapping[str, Mapping[str, ChosenConfig]]) -> list[str]:
    """The agents' hyper-parameters, environments with the same ones together."""
    lines = []
    for rule, entries in chosen.items():
        together: dict[str, list[str]] = {}
        for name, one in entries.items():
            values = " ".join(f"{name.rstrip('_')} {getattr(one.config, name):g}" for name in TRACED)
            values += " with a baseline" if one.config.baseline else ""
            if (one.config.num_envs, one.config.num_steps) != (TrainConfig.num_envs, TrainConfig.num_steps):
                values += f" {one.config.num_envs} × {one.config.num_steps} steps an update"
            together.setdefault(f"{values} ({one.source})", []).append(name)
        lines += [f"{rule} on {', '.join(names)}: {text}" for text, names in together.items()]
    return lines


def _with_error(value: float | None, error: float | None) -> str:
    if value is None or math.isnan(value):
        return "–"
    return _number(value) if error is None or math.isnan(error) else f"{_number(value)} ± {error:.2f}"


def _number(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.2f}"


def _area(aggregate: Aggregate | None, name: str) -> str:
    value = None if aggregate is None else aggregate.per_environment.get(name)
    return f"({_number(value)})"


def _interval(aggregate: Aggregate | None) -> str:
    if aggregate is None or math.isnan(aggregate.iqm):
        return "–"
    return f"{aggregate.iqm:.3f} [{aggregate.low:.3f}, {aggregate.high:.3f}]"
