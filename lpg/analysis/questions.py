"""The only list of questions: what is asked, how it is measured, scored and drawn."""

import dataclasses
from collections.abc import Callable
from types import ModuleType
from typing import Any

from lpg.analysis import ablated_inputs, ablation, convergence, diversity, predictions, probe, value_regression
from lpg.analysis.ablated_inputs import measure as ablated_inputs_measure
from lpg.analysis.ablated_inputs import plot as ablated_inputs_plot
from lpg.analysis.ablated_inputs import score as ablated_inputs_score
from lpg.analysis.ablation import plot as ablation_plot
from lpg.analysis.ablation import score as ablation_score
from lpg.analysis.convergence import measure as convergence_measure
from lpg.analysis.convergence import plot as convergence_plot
from lpg.analysis.convergence import score as convergence_score
from lpg.analysis.diversity import plot as diversity_plot
from lpg.analysis.diversity import score as diversity_score
from lpg.analysis.predictions import measure as predictions_measure
from lpg.analysis.predictions import plot as predictions_plot
from lpg.analysis.predictions import score as predictions_score
from lpg.analysis.probe import measure as probe_measure
from lpg.analysis.probe import plot as probe_plot
from lpg.analysis.probe import score as probe_score
from lpg.analysis.study import Question
from lpg.analysis.value_regression import measure as regression_measure
from lpg.analysis.value_regression import plot as regression_plot
from lpg.analysis.value_regression import score as regression_score


def _question(name: str, package: ModuleType, score: ModuleType, plot: ModuleType) -> Question:
    return Question(name, str(package.__doc__), score.score, plot.plot)


QUESTIONS: dict[str, Question] = {
    "predictions": _question("predictions", predictions, predictions_score, predictions_plot),
    "value-regression": _question("value-regression", value_regression, regression_score, regression_plot),
    "convergence": _question("convergence", convergence, convergence_score, convergence_plot),
    "probe": _question("probe", probe, probe_score, probe_plot),
    "ablated-inputs": _question("ablated-inputs", ablated_inputs, ablated_inputs_score, ablated_inputs_plot),
    "ablation": _question("ablation", ablation, ablation_score, ablation_plot),
    "diversity": _question("diversity", diversity, diversity_score, diversity_plot),
}


@dataclasses.dataclass(frozen=True)
class Measurement:
    """How a question is put to one rule."""

    settings: type
    """A dataclass of numbers; `steps` are the environment steps it takes."""
    measure: Callable[..., Any]
    """(rule, settings, sizes, seed, progress) → tables."""
    quick: dict[str, Any]
    """Settings for a glance that takes seconds and proves nothing."""
    trained_updates: Callable[[Any], int] | None = None
    """Settings → updates of the agents that it trains with hyper-parameters of the rule's own, which `measure` then
    takes as `setting`: environment → hyper-parameters; none: it trains no such agents."""


MEASUREMENTS: dict[str, Measurement] = {
    "predictions": Measurement(
        predictions_measure.Settings, predictions_measure.measure, {"iterations": 4, "frames": 2}
    ),
    "value-regression": Measurement(
        regression_measure.Settings,
        regression_measure.measure,
        {"iterations": 3, "training_grids": 2, "test_grids": 1, "fit_steps": 20},
    ),
    "convergence": Measurement(
        convergence_measure.Settings, convergence_measure.measure, {"iterations": 4, "grids": 2, "switch_grids": 1}
    ),
    "probe": Measurement(
        probe_measure.Settings,
        probe_measure.measure,
        {"iterations": 2, "environments": "chain/short", "updates": (1,)},
        trained_updates=lambda settings: max(settings.updates),
    ),
    "ablated-inputs": Measurement(
        ablated_inputs_measure.Settings,
        ablated_inputs_measure.measure,
        {"environments": "chain/short", "updates": 2, "seeds": 1},
        trained_updates=lambda settings: settings.updates,
    ),
}
"""The questions about one rule; ablation and diversity are about meta-trainings."""
