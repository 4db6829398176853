"""The rules of the training sets on environments that none of them has seen."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lpg.analysis.table import Table, make_table
from lpg.evaluation.evaluate import Progress, evaluate_rule, reference_rows
from lpg.evaluation.results import Row
from lpg.evaluation.scores import scores
from lpg.evaluation.settings import Setting
from lpg.evaluation.train_agents import TrainingSizes
from lpg.update_rules.base import Rule


def measure(
    rules: Mapping[tuple[str, int], tuple[Rule, TrainingSizes]],
    environments: Sequence[str],
    seeds: int,
    updates: Mapping[str, int],
    learning_rates: Mapping[str, Sequence[float]],
    progress: Progress | None = None,
    evaluate: Callable[..., list[Row]] = evaluate_rule,
) -> Table:
    """Fresh agents under each rule.

    Args:
        rules: by training set and meta-seed, with the sizes of the agents' training.
        updates: agent updates by environment.
        learning_rates: tried by environment (networks do not live on a table's), for every rule alike; the best counts.

    Returns:
        Columns `variant`, `meta_seed`, `environment`, `score`, `learning_rate`: normalised area under the learning
        curve, mean over seeds; the raw final return where nothing can be normalised.
    """
    reference_returns = reference_rows(environments, seeds, "report")
    rows: list[dict[str, Any]] = []
    for (variant, meta_seed), (rule, sizes) in rules.items():
        best: dict[str, tuple[float, float]] = {}
        for trial in range(max(map(len, learning_rates.values()))):
            rate = {name: learning_rates[name][trial] for name in environments if trial < len(learning_rates[name])}
            found = evaluate(
                rule, variant, tuple(rate), seeds, updates, "report",
                {name: Setting(learning_rate=value) for name, value in rate.items()}, sizes=sizes, progress=progress,
            )  # fmt: skip
            one = scores([*found, *reference_returns])[variant]
            areas = one.area.per_environment if one.area else {}
            for name in rate:
                value = areas.get(name, one.raw_end.get(name, np.nan))
                if np.isfinite(value) and (name not in best or value > best[name][0]):
                    best[name] = (value, rate[name])
        rows += [
            {"variant": variant, "meta_seed": meta_seed, "environment": name, "score": value, "learning_rate": rate}
            for name, (value, rate) in best.items()
        ]
    return make_table(rows)
