"""`lpg evaluate` and `lpg train` in several processes: each trains its own seeds, the first one puts them together."""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lpg.analysis.training_report import Report
from lpg.evaluation import final
from lpg.evaluation.backend import TrainingPlan
from lpg.evaluation.evaluate import reference_rows
from lpg.evaluation.final import final_scores
from lpg.evaluation.log import configs_of, log_rows
from lpg.evaluation.parts import Part, Parts, own_share
from lpg.evaluation.progress import Bars, Silent
from lpg.evaluation.trainer import Trained, train_plans
from lpg.processes import is_first
from lpg.sinks import Sinks


def compare_in_parts(
    plans: Mapping[str, Sequence[TrainingPlan]],
    seeds: Sequence[int],
    out: Path,
    *,
    sinks: Sinks,
    num_actions: int | None,
    greedy_episodes: int,
    threshold: float,
    threshold_return: float | None,
    progress: Bars = Silent,
) -> Report | None:
    """What `lpg.analysis.compare.compare` does, environment by environment and with parts that are kept.

    Args:
        plans: as there, and so are the others.
        out: the folder of the results, which all processes see; parts that are there are not trained again.

    Returns:
        In the first process the report of all; none in the others. Afterwards call `finish`.
    """
    own, began, steps = own_share(seeds), time.monotonic(), 0
    options = {"num_episodes": greedy_episodes, "threshold": threshold, "threshold_return": threshold_return}
    parts = Parts(out, options)
    sinks.start(configs_of(plans))
    for label, own_plans in plans.items():
        missing = [(plan, [seed for seed in seeds if not parts.has(plan, seed)]) for plan in own_plans]
        steps += sum(plan.steps_per_agent * len(left) for plan, left in missing)
        missing = [(plan, [seed for seed in left if seed in own]) for plan, left in missing]
        with progress(label, sum(plan.steps_per_agent * len(left) for plan, left in missing)) as bar:
            for plan, left in missing:
                if left:
                    trained = train_plans([plan], left, progress=bar.advance)
                    for part in parts_of(trained, num_actions, **options):
                        parts.write(plan, part)
    if not is_first():
        return None
    found = parts.wait_for((plan, seed) for own_plans in plans.values() for plan in own_plans for seed in seeds)
    report = report_of(found, plans, steps, time.monotonic() - began)
    report = dataclasses.replace(report, threshold=threshold, threshold_return=threshold_return)
    log_rows(sinks, report.rows)
    final.log(sinks, report.finals, report.rows)
    return report


def parts_of(trained: Sequence[Trained], num_actions: int | None, **options: Any) -> list[Part]:
    """What is known of each agent, all of one plan.

    Args:
        num_actions: see `lpg.evaluation.evaluate.reference_rows`.
        options: of `final_scores`.
    """
    seeds = sorted({one.seed for one in trained})
    references = reference_rows([trained[0].plan.environment], seeds, "report", num_actions)
    return [
        Part(one.rows, [row for row in references if row.seed == one.seed], score)
        for one, score in zip(trained, final_scores(trained, references, **options), strict=True)
    ]


def report_of(found: Sequence[Part], plans: Mapping[str, Sequence[TrainingPlan]], steps: int, seconds: float) -> Report:
    """A report of all parts, which stand rule by rule.

    Args:
        steps: environment steps that were done now, in all processes.
        seconds: their wall time.
    """
    # Rules have the same ones.
    references = {(row.rule, row.environment, row.seed): row for part in found for row in part.references}
    rows = [row for part in found for row in part.rows]
    return Report(
        rows=[*rows, *references.values()], finals=[part.final for part in found], plans=plans, steps=steps,
        seconds=seconds,
    )  # fmt: skip


def finish(out: Path) -> None:
    """After the first process has written the results: parts are removed, and the others wait for that."""
    parts = Parts(out, {})
    if is_first():
        parts.remove()
    else:
        parts.wait_until_removed()
