"""Rules from which one sense or habit is cut after they were discovered; nothing else in them changes."""

import dataclasses
from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from lpg.agents.outputs import MASKED_LOGIT
from lpg.types import AgentOutput, Hyperparameters, Targets
from lpg.update_rules.base import Rule, RuleInputs
from lpg.update_rules.lpg import LPG


class Lesioned(eqx.Module):
    """An LPG whose η sees less. What it computes targets from is changed, not the loss."""

    rule: LPG
    sees: Callable[[RuleInputs], RuleInputs] = eqx.field(static=True)

    @property
    def discovers_predictions(self) -> bool:
        """As the whole rule."""
        return self.rule.discovers_predictions

    @property
    def prediction_size(self) -> int:
        """As the whole rule."""
        return self.rule.prediction_size

    def targets(self, inputs: RuleInputs, hyper: Hyperparameters) -> Targets:
        """π̂ and ŷ from what is left to see."""
        return self.rule.targets(self.sees(inputs), hyper)

    def loss(
        self, output: AgentOutput, inputs: RuleInputs, targets: Targets, hyper: Hyperparameters
    ) -> Float[Array, ""]:
        """As the whole rule."""
        return self.rule.loss(output, inputs, targets, hyper)


def uniform_predictions(inputs: RuleInputs) -> RuleInputs:
    """All predictions say the same: φ(y(s)) and φ(y(s′)) are constant."""
    output = dataclasses.replace(inputs.output, prediction=jnp.zeros_like(inputs.output.prediction))
    return dataclasses.replace(inputs, output=output, next_prediction=jnp.zeros_like(inputs.next_prediction))


def uniform_policy(inputs: RuleInputs) -> RuleInputs:
    """π(a|s) is that of the uniform policy over the actions that there are."""
    exists = inputs.output.logits > MASKED_LOGIT / 2
    logits = jnp.where(exists, 0.0, inputs.output.logits)
    return dataclasses.replace(inputs, output=dataclasses.replace(inputs.output, logits=logits))


@dataclasses.dataclass(frozen=True)
class InputAblation:
    """What is cut."""

    about: str
    cut: Callable[[LPG], Rule] = lambda rule: rule
    keeps_predictions: bool = True
    """False: agents' predictions stay as they began, uniform, because α_y is 0."""


WHOLE, FROZEN, BLIND = "whole", "frozen predictions", "blind to policy"
INPUT_ABLATIONS: dict[str, InputAblation] = {
    WHOLE: InputAblation("nothing"),
    FROZEN: InputAblation("predictions never change", keeps_predictions=False),
    "blind to predictions": InputAblation(
        "η sees the same prediction everywhere", lambda rule: Lesioned(rule=rule, sees=uniform_predictions)
    ),
    "no bootstrapping": InputAblation("φ(y(s′)) is 0", lambda rule: dataclasses.replace(rule, without="bootstrap")),
    BLIND: InputAblation("η sees the same π(a|s) everywhere", lambda rule: Lesioned(rule=rule, sees=uniform_policy)),
    "no recurrence": InputAblation("the LSTM forgets", lambda rule: dataclasses.replace(rule, without="recurrence")),
}
"""Those with the names of ablations cut from an η that was discovered with the part, and may rely on it.

What is frozen is uniform, so η sees there what it sees where it is blind to predictions. In a table both are the same
training; in a network the predictions of a blind η still move the torso that they share with the policy.
"""
