"""`lpg.evaluate`: rules against each other on a suite of environments."""

import dataclasses
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lpg.analysis.training_report import Report, check_writable, log_figures, write_files
from lpg.evaluation import final, results
from lpg.evaluation.backend import TrainingPlan
from lpg.evaluation.chosen_config import Settings
from lpg.evaluation.evaluate import reference_rows
from lpg.evaluation.final import GREEDY_EPISODES, THRESHOLD, Final, final_scores
from lpg.evaluation.log import configs_of, log_rows
from lpg.evaluation.progress import Bars, Silent
from lpg.evaluation.results import REFERENCES, Row
from lpg.evaluation.suites import members
from lpg.evaluation.trainer import train_plans
from lpg.evaluation.training_plan import make_plan
from lpg.sinks import Callback, Sinks, as_sink
from lpg.update_rules.base import Rule
from lpg.update_rules.registry import NamedRule, named_algorithm


def evaluate(
    rules: Rule | str | Path | Sequence[Rule | str | Path] | Mapping[str, Rule | str | Path],
    suite: str | Sequence[str],
    *,
    seeds: int = 8,
    steps_scale: int | float = 1.0,
    settings: Settings = "tuned",
    num_actions: int | None = None,
    greedy_episodes: int = GREEDY_EPISODES,
    threshold: int | float = THRESHOLD,
    threshold_return: int | float | None = None,
    out: str | Path | None = None,
    callback: Callback | None = None,
) -> Report:
    """Compares rules: fresh agents, the same environment parameters and random numbers for every rule.

    Args:
        rules: one or several, each of anything that `lpg.train` takes; a mapping says how tables call them.
        suite: a suite or an environment, see `lpg list suites`; or several.
        seeds: agents per rule and environment.
        steps_scale: share of each environment's own budget of steps.
        settings: which recorded configurations, see `lpg.train`.
        num_actions: actions of the grids: 9 or 18 (the default).
        greedy_episodes: episodes that each trained agent plays by its most probable actions; 0: none.
        threshold: normalised return whose first step on the learning curve is reported.
        threshold_return: the same as a plain return, for environments without reference returns.
        out: a folder for results.csv, final.csv and figures/learning_curves.png.
        callback: a sink or a function of (step, values), see `lpg.train`; called for each row of the tables, rule by
            rule.

    Returns:
        Rows of the results table, final scores, normalised scores by rule (`report.scores`) and paired differences from
        the first hand-written rule, or the last one (`report.differences`).

    Raises:
        ValueError: there is no such rule, suite or environment, two rules have one label, a number is out of range, or
            the folder holds other results.
        OSError: the folder cannot be written.
    """
    for name, value in (("seeds", seeds), ("steps_scale", steps_scale)):
        if not 0 < value < float("inf"):
            raise ValueError(f"{name} is {value}; it must be positive")
    named = _named(rules)
    check_labels(named)
    names = members(suite if isinstance(suite, str) else ",".join(suite))
    table = None if out is None else Path(out) / "results.csv"
    plans = {
        rule.label: [
            make_plan(rule, name, steps_scale=steps_scale, settings=settings, num_actions=num_actions)
            for name in names
        ]
        for rule in named
    }  # fmt: skip
    check_writable(table)
    if table is not None:
        results.check_free(table, planned(plans, range(seeds)))
    with Sinks([] if callback is None else [as_sink(callback)], _warn) as sinks:
        report = compare(
            plans, range(seeds), sinks=sinks, num_actions=num_actions, greedy_episodes=greedy_episodes,
            threshold=threshold, threshold_return=threshold_return,
        )  # fmt: skip
        log_figures(sinks, write_files(report, table, None))
    return report


def compare(
    plans: Mapping[str, Sequence[TrainingPlan]],
    seeds: Sequence[int],
    *,
    sinks: Sinks,
    num_actions: int | None = None,
    greedy_episodes: int = GREEDY_EPISODES,
    threshold: int | float = THRESHOLD,
    threshold_return: int | float | None = None,
    progress: Bars = Silent,
) -> Report:
    """Trains by plans and measures; see `evaluate`.

    Args:
        plans: by the rule's label; of each rule the same environments.
        seeds: of the agents.
        sinks: told of the configuration and of every row, rule by rule.
        num_actions: see `evaluate`; so are the next three.
        greedy_episodes: see there.
        threshold: see there.
        threshold_return: see there.
        progress: is told of each rule's.
    """
    names = [plan.environment for plan in next(iter(plans.values()))]
    reference_returns = reference_rows(names, seeds, "report", num_actions)
    rows: list[Row] = []
    finals: list[Final] = []
    steps, seconds = 0, 0.0
    sinks.start(configs_of(plans))
    log_rows(sinks, reference_returns)
    for label, own_plans in plans.items():
        total, began = sum(plan.steps_per_agent for plan in own_plans) * len(seeds), time.monotonic()
        with progress(label, total) as bar:
            trained = train_plans(own_plans, seeds, progress=bar.advance)
        steps, seconds = steps + total, seconds + time.monotonic() - began
        own = [row for one in trained for row in one.rows]
        scored = final_scores(
            trained, reference_returns, num_episodes=greedy_episodes, threshold=threshold,
            threshold_return=threshold_return,
        )  # fmt: skip
        log_rows(sinks, own)
        final.log(sinks, scored, own)
        rows, finals = rows + own, finals + scored
    return Report(
        rows=[*rows, *reference_returns], finals=finals, plans=plans, steps=steps, seconds=seconds,
        threshold=threshold, threshold_return=threshold_return,
    )  # fmt: skip


def planned(plans: Mapping[str, Sequence[TrainingPlan]], seeds: Sequence[int]) -> list[tuple[str, str, int]]:
    """Rule, environment and seed of every training."""
    return [(label, plan.environment, seed) for label, own in plans.items() for plan in own for seed in seeds]


def check_labels(rules: Sequence[NamedRule]) -> None:
    """Whether tables can tell rules apart.

    Raises:
        ValueError: there is none, one is called like a reference return, or two have one label.
    """
    if not rules:
        raise ValueError("no rule given; at least one is needed, a2c say")
    labels = [rule.label for rule in rules]
    for number, label in enumerate(labels):
        if not label or label in REFERENCES:
            raise ValueError(f"a rule cannot be called {label!r}; give another label, as --rule label=RULE or in "
                             "Python {label: rule}")  # fmt: skip
        if label in labels[:number]:
            raise ValueError(f"two rules are called {label!r}; tell them apart by labels, as --rule label=RULE or in "
                             "Python {label: rule}")  # fmt: skip


def _named(rules: Any) -> list[NamedRule]:
    """Rules with their labels."""

    if isinstance(rules, Mapping):
        return [dataclasses.replace(named_algorithm(rule), label=label) for label, rule in rules.items()]
    return [named_algorithm(rule) for rule in (rules if isinstance(rules, list | tuple) else [rules])]


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=2)
