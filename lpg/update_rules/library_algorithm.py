"""What stands for an algorithm of another library where a rule is expected: a name."""

from typing import Any, ClassVar

import equinox as eqx

from lpg.types import AgentOutput, Hyperparameters, Targets
from lpg.update_rules.base import RuleInputs


class LibraryAlgorithm(eqx.Module):
    """An algorithm that the library's own code trains, see `lpg.evaluation.rejax_backend`; not usable as a rule."""

    name: str = eqx.field(static=True)

    card: ClassVar[dict[str, Any]] = {"config": {"time_limit_is_termination": True}}
    """The libraries' environments have one flag for all ends of episodes."""
    step_limit: ClassVar[str] = "clip"
    prediction_size: ClassVar[int] = 0
    discovers_predictions: ClassVar[bool] = False

    def targets(self, inputs: RuleInputs, hyper: Hyperparameters) -> Targets:
        """There are none.

        Raises:
            ValueError: always.
        """
        raise ValueError(f"{self.name} given; a rule is needed, and it is an algorithm of another library")

    def loss(self, output: AgentOutput, inputs: RuleInputs, targets: Targets, hyper: Hyperparameters) -> Any:
        """There is none.

        Raises:
            ValueError: always.
        """
        raise ValueError(f"{self.name} given; a rule is needed, and it is an algorithm of another library")
