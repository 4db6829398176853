"""The registry of questions: what is asked, how it is measured, scored and drawn."""

from types import ModuleType

from lpg.analysis import ablated_inputs, ablation, convergence, diversity, predictions, probe, value_regression
from lpg.analysis.ablated_inputs import findings as ablated_inputs_findings
from lpg.analysis.ablated_inputs import measure as ablated_inputs_measure
from lpg.analysis.convergence import findings as convergence_findings
from lpg.analysis.convergence import measure as convergence_measure
from lpg.analysis.predictions import findings as predictions_findings
from lpg.analysis.predictions import measure as predictions_measure
from lpg.analysis.probe import findings as probe_findings
from lpg.analysis.probe import measure as probe_measure
from lpg.analysis.study import Measurement, Question
from lpg.analysis.value_regression import findings as regression_findings
from lpg.analysis.value_regression import measure as regression_measure


def _question(name: str, package: ModuleType, findings: ModuleType, measurement: Measurement | None = None) -> Question:
    """The first line of the package's docstring is the question."""
    return Question(name, str(package.__doc__).splitlines()[0], findings.score, findings.plot, measurement)


QUESTIONS: dict[str, Question] = {
    question.name: question
    for question in (
        _question(
            "predictions",
            predictions,
            predictions_findings,
            Measurement(predictions_measure.Config, predictions_measure.measure, {"iterations": 4, "frames": 2}),
        ),
        _question(
            "value-regression",
            value_regression,
            regression_findings,
            Measurement(
                regression_measure.Config,
                regression_measure.measure,
                {"iterations": 3, "training_grids": 2, "test_grids": 1, "fit_steps": 20},
            ),
        ),
        _question(
            "convergence",
            convergence,
            convergence_findings,
            Measurement(
                convergence_measure.Config,
                convergence_measure.measure,
                {"iterations": 4, "grids": 2, "switch_grids": 1, "control_grids": 1},
            ),
        ),
        _question(
            "probe",
            probe,
            probe_findings,
            Measurement(
                probe_measure.Config,
                probe_measure.measure,
                {"iterations": 2, "environments": "chain/short", "updates": (1,)},
                trained_updates=lambda config: max(config.updates),
            ),
        ),
        _question(
            "ablated-inputs",
            ablated_inputs,
            ablated_inputs_findings,
            Measurement(
                ablated_inputs_measure.Config,
                ablated_inputs_measure.measure,
                {"environments": "chain/short", "updates": 2, "seeds": 1},
                trained_updates=lambda config: config.updates,
            ),
        ),
        _question("ablation", ablation, ablation),
        _question("diversity", diversity, diversity),
    )
}
