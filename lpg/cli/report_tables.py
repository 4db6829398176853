"""The tables that `train` and `evaluate` print: returns, differences between rules, final scores, hyper-parameters."""

import dataclasses
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lpg.agents.registry import TABULAR
from lpg.analysis.training_report import Report
from lpg.evaluation.aggregates import Aggregate
from lpg.evaluation.backend import TrainingPlan
from lpg.evaluation.results import BEST_KNOWN, HUMAN, OPTIMUM, RANDOM, REFERENCES, Row, curves
from lpg.evaluation.search_space import STEP_LIMITS
from lpg.evaluation.train_config import TRACED, TrainConfig

if TYPE_CHECKING:
    from rich.table import Table


AGGREGATES = (("end", "middle", "IQM"), ("area", "middle", "IQM"), ("area", "mean", "mean"))
"""Lines below the returns: the score, which of its aggregates, and what the line calls that."""


def print_report(report: Report, written: Sequence[Path] = ()) -> None:
    """Prints everything, and which files were written."""
    from rich.console import Console

    wide = None if sys.stdout.isatty() else 60 + 34 * len(report.scores)
    console = Console(width=wide, highlight=False, markup=False, emoji=False)
    console.print(_returns(report))
    console.print(_returns_caption(report), style="dim", soft_wrap=True)
    if report.finals:
        console.print(_finals(report))
        console.print(_finals_caption(report), style="dim", soft_wrap=True)
    for line in report.warnings:
        console.print(f"Warning: {line}.", style="yellow", soft_wrap=True)
    console.print(
        "\n".join(line for plans in report.plans.values() for line in plan_lines(plans)), style="dim", soft_wrap=True
    )
    number = f"{report.steps / 1e6:.1f} M" if report.steps >= 1e6 else f"{report.steps:,}"
    speed = report.steps / max(report.seconds, 1e-9)
    console.print(f"{number} steps in {report.seconds:.1f} s: {speed:,.0f} steps/s")
    if written:
        print(f"wrote {', '.join(map(str, written))}")


def plan_lines(plans: Sequence[TrainingPlan]) -> list[str]:
    """What is trained and how: a line for all environments with the same agent and configuration."""
    together: dict[str, list[str]] = {}
    for plan in plans:
        config = plan.config
        step_limit = "clip" if config.clip_policy else plan.rule.step_limit
        text = (
            f"agent {plan.agent}; {_config_text(config, plan.agent, step_limit)} ({plan.chosen.source}); "
            f"{config.num_envs} environments × {config.num_steps} steps per update"
        )
        together.setdefault(text, []).append(f"{plan.environment} ({plan.num_updates:,} updates)")
    return [f"{plans[0].rule.label} on {', '.join(names)}: {text}" for text, names in together.items()]


def _config_text(config: TrainConfig, agent: str, step_limit: str | None) -> str:
    """The traced hyper-parameters, and every other one that the agent has and that does not have its default.

    Args:
        step_limit: which of `STEP_LIMITS` the rule uses.
    """
    unused = set(STEP_LIMITS) - {step_limit}
    others = {"num_envs", "num_steps"} | ({"table_step"} if agent != TABULAR else set())
    texts = [f"{name.rstrip('_')} {getattr(config, name):g}" for name in TRACED if name not in unused]
    for field in dataclasses.fields(TrainConfig):
        value = getattr(config, field.name)
        if field.name not in {*TRACED, *others} and value and value != field.default:
            texts.append(field.name if value is True else f"{field.name} {value}")
    if config.final_learning_rate == 0:
        texts.append("final_learning_rate 0")
    return " ".join(texts)


def _new_table(*columns: str) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left")
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number else "left")
    return table


def _returns(report: Report) -> "Table":
    """A line per environment and a column per rule, reference returns; then aggregates and differences."""
    rows, scored = report.rows, report.scores
    reference_returns = {reference: _reference_means(rows, reference) for reference in REFERENCES}
    if not any(row.rule in REFERENCES for row in rows):
        table = _new_table("environment", *scored)
        for name in dict.fromkeys(row.environment for row in rows):
            table.add_row(
                name, *[_with_error(one.raw_end.get(name), one.raw_end_stderr.get(name)) for one in scored.values()]
            )
        return table
    table = _new_table("environment", "random", *scored, "optimum")
    for name in dict.fromkeys(row.environment for row in rows):
        cells = [_with_error(one.raw_end.get(name), one.raw_end_stderr.get(name)) for one in scored.values()]
        areas = [_area(one.area, name) for one in scored.values()]
        joined = [f"{cell}  {area}" for cell, area in zip(cells, areas, strict=True)]
        table.add_row(name, _number(reference_returns[RANDOM].get(name)), *joined, _best(reference_returns, name))
    if report.is_normalised:
        table.add_section()
        for what, kind, name in AGGREGATES:
            found = [_interval(getattr(one, what), kind) for one in scored.values()]
            table.add_row(f"{what}, normalised {name}", "0", *found, "1")
    if report.differences:
        table.add_section()
        for what, kind, name in AGGREGATES:
            apart = {rule: getattr(one, what) for rule, one in report.differences.items()}
            found = [_interval(apart.get(rule), kind, "+") for rule in scored]
            table.add_row(f"{what} {name}, minus {report.against}", "", *found, "")
    return table


def _returns_caption(report: Report) -> str:
    known = {reference: _reference_means(report.rows, reference) for reference in REFERENCES}
    unknown = [name for name in dict.fromkeys(row.environment for row in report.rows) if name not in known[RANDOM]]
    lines = ["Return in the last tenth of the learning curve ± standard error over seeds"]
    if report.is_normalised:
        lines[0] += "; in brackets the normalised mean over the whole curve"
        lines.append(
            "IQM: interquartile mean over all runs; mean: of all runs, which counts failures, too; with 95 % bootstrap "
            "intervals."
        )
    lines[0] += "."
    if any(math.isnan(end) for one in report.scores.values() for end in one.raw_end.values()):
        lines.append("–: no episode ended in the training, so there is no return.")
    if report.differences:
        lines.append("minus: difference of the two; its interval is paired, by environment and seed.")
    if known[BEST_KNOWN]:
        lines.append("≥: no optimum is known; 1 is the return of the best policy that is.")
    if known[HUMAN]:
        lines.append("human: 1 is the score of a human, and 0 that of the random policy.")
    if unknown:
        lines.append(f"Not normalised, as no returns are known to compare with: {', '.join(unknown)}.")
    return "\n".join(lines)


def _finals(report: Report) -> "Table":
    """Greedy return and steps to the threshold by environment and rule; the speed of each rule."""
    table = _new_table("after training", *report.scores)
    for name in dict.fromkeys(one.environment for one in report.finals):
        cells = []
        for rule in report.scores:
            found = [one for one in report.finals if (one.rule, one.environment) == (rule, name)]
            greedy = np.array([one.greedy_mean for one in found])
            error = float(np.std(greedy, ddof=1) / np.sqrt(len(greedy))) if len(greedy) > 1 else None
            # A seed that never reaches the threshold needs more steps than every other one.
            steps = float(np.median([math.inf if math.isnan(one.steps_to_threshold) else one.steps_to_threshold
                                     for one in found]))  # fmt: skip
            cell = _with_error(float(np.mean(greedy)), error)
            if _has_threshold(report):
                cell += f"  [{f'{steps:,.0f}' if math.isfinite(steps) else '–'}]"
            cells.append(cell)
        table.add_row(name, *cells)
    table.add_section()
    speeds = []
    for rule in report.scores:
        found = [one for one in report.finals if one.rule == rule]
        seconds = sum(one.seconds for one in found)
        steps = sum(one.seconds * one.steps_per_second for one in found)
        speeds.append(f"{steps / max(seconds, 1e-9):,.0f}")
    table.add_row("steps/s", *speeds)
    return table


def _finals_caption(report: Report) -> str:
    episodes = max(one.episodes for one in report.finals)
    lines = [f"Return of the most probable actions, mean of {episodes} episodes, ± standard error over seeds."]
    if _has_threshold(report):
        other = "" if report.threshold_return is None else f" (or the return {report.threshold_return:g})"
        lines.append(
            f"In brackets: environment steps after which the normalised return reaches {report.threshold:g}{other}, "
            "median over seeds; – where at most half of them reach it."
        )
    return "\n".join([*lines, "steps/s: compilation included."])


def _has_threshold(report: Report) -> bool:
    return report.is_normalised or report.threshold_return is not None


def _reference_means(rows: Sequence[Row], reference: str) -> dict[str, float]:
    table = curves(rows).get(reference, {})
    return {name: float(np.mean([curve[0].return_mean for curve in seeds.values()])) for name, seeds in table.items()}


def _best(reference_returns: Mapping[str, Mapping[str, float]], name: str) -> str:
    """The optimum; where only the best known is known, a lower bound of it; or the score of a human."""
    for reference, sign in ((BEST_KNOWN, "≥ "), (HUMAN, "human ")):
        if name in reference_returns[reference]:
            return f"{sign}{_number(reference_returns[reference][name])}"
    return _number(reference_returns[OPTIMUM].get(name))


def _with_error(value: float | None, error: float | None) -> str:
    if value is None or math.isnan(value):
        return "–"
    return _number(value) if error is None or math.isnan(error) else f"{_number(value)} ± {error:.2f}"


def _number(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.2f}"


def _area(aggregate: Aggregate | None, name: str) -> str:
    value = None if aggregate is None else aggregate.per_environment.get(name)
    return f"({_number(value)})"


def _interval(aggregate: Aggregate | None, kind: str, sign: str = "") -> str:
    """Value and interval, of differences with `sign` "+"."""
    of = None if aggregate is None else getattr(aggregate, kind)
    if of is None or math.isnan(of.value):
        return "–"
    return f"{of.value:{sign}.3f} [{of.low:{sign}.3f}, {of.high:{sign}.3f}]"
