"""What trainings hand to sinks: their configuration, and the rows of the results table."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from lpg.evaluation.backend import TrainingPlan
from lpg.evaluation.results import Row
from lpg.sinks import Sinks


def plan_config(plan: TrainingPlan) -> dict[str, Any]:
    """What a training is, as JSON values."""
    return {
        "rule": plan.rule.label,
        "environment": plan.environment,
        "agent": plan.agent,
        "steps": plan.steps_per_agent,
        "source": plan.chosen.source,
        **dataclasses.asdict(plan.config),
    }


def configs_of(plans: Mapping[str, Sequence[TrainingPlan]]) -> dict[str, Any]:
    """What an evaluation is, by rule and environment, as JSON values."""
    return {rule: {plan.environment: plan_config(plan) for plan in own} for rule, own in plans.items()}


def log_rows(sinks: Sinks, rows: Sequence[Row]) -> None:
    """Hands over points of learning curves."""
    for row in rows:
        sinks.row(row.steps, numbers(row, without=("steps",)), training_name(row.rule, row.environment, row.seed))


def training_name(rule: str, environment: str, seed: int) -> str:
    """What one training is called among several."""
    return f"{rule}/{environment}/seed-{seed}"


def numbers(row: Any, without: Sequence[str] = ()) -> dict[str, float]:
    """Numbers of a row of a table by column; NaN, an empty cell, is left out."""
    without = ("rule", "environment", "seed", *without)
    values = {name: float(value) for name, value in vars(row).items() if name not in without}
    return {name: value for name, value in values.items() if not math.isnan(value)}
