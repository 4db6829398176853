"""What stands for DiscoRL's rule where a rule is expected."""

from pathlib import Path
from typing import Any, ClassVar

import equinox as eqx

from lpg.types import AgentOutput, Hyperparameters, Targets
from lpg.update_rules.base import RuleInputs
from lpg.update_rules.disco.network import DiscoNetwork, network_of
from lpg.update_rules.disco.weights import PREDICTION_SIZE, read_weights

NAME, PREFIX = "disco", "disco:"


class Disco(eqx.Module):
    """DiscoRL's rule with its weights.

    Its agents, targets and updates are not those of other rules, so that it is trained by code of its own, see
    `lpg.evaluation.disco_backend`, and can only be given where whole trainings are asked for.
    """

    network: DiscoNetwork

    prediction_size: ClassVar[int] = PREDICTION_SIZE
    discovers_predictions: ClassVar[bool] = True

    def targets(self, inputs: RuleInputs, hyper: Hyperparameters) -> Targets:
        """Not in this form.

        Raises:
            ValueError: always.
        """
        raise ValueError(ONLY_WHOLE)

    def loss(self, output: AgentOutput, inputs: RuleInputs, targets: Targets, hyper: Hyperparameters) -> Any:
        """Not in this form.

        Raises:
            ValueError: always.
        """
        raise ValueError(ONLY_WHOLE)


ONLY_WHOLE = (
    "disco: given; DiscoRL's rule has agents and updates of its own, so that only lpg train and lpg evaluate (without "
    "--tune) can run it, on environments in JAX"
)


def read_disco(path: str) -> tuple[Disco, dict[str, Any], Path]:
    """The rule from a file of weights, its card, and the file.

    Raises:
        ValueError: see `read_weights`.
    """
    arrays, sha = read_weights(path)
    # A time limit is shown as the end of an episode, as in its discovery.
    card = {"config": {"time_limit_is_termination": True}, "weights_sha256": sha}
    return Disco(network_of(arrays)), card, Path(path)
