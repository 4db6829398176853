"""The interface of a rule: targets from a trajectory, and the loss that an agent minimises given these targets.

A rule η is an Equinox module. Learned rules (LPG, LPG-V) have floating-point leaves, hand-written rules (A2C) have
none; training, evaluation and analysis treat both alike.
"""

from typing import Protocol, runtime_checkable

import equinox as eqx
from jaxtyping import Array, Float

from lpg.types import AgentOutput, Hyperparameters, Targets, Trajectory


class RuleInputs(eqx.Module):
    """Everything a rule may depend on."""

    trajectory: Trajectory
    """A rule that reads the observations is bound to one environment; the LPG does not read them."""
    output: AgentOutput
    """Outputs of the agent in s_0 … s_{T−1}."""
    next_prediction: Float[Array, " T B P"]
    """The agent's prediction in s_1 … s_T; at the end of an episode that of the final state."""
    old_log_prob: Float[Array, " T B"] | None = None
    """log π(a|s) of the policy that acted, with which the updates on a rollout begin; None: that of `output`, as at the
    first update."""


@runtime_checkable
class Rule(Protocol):
    """A rule η."""

    @property
    def prediction_size(self) -> int:
        """Size P of the agent's prediction, which is zero at initialisation: m for the LPG, 1 for a value."""
        ...

    @property
    def discovers_predictions(self) -> bool:
        """Whether η determines the meaning of the prediction; if so, meta-training regularises it."""
        ...

    def targets(self, inputs: RuleInputs, hyper: Hyperparameters) -> Targets:
        """π̂ [T, B] and ŷ [T, B, P] for every step of the trajectory."""
        ...

    def loss(
        self, output: AgentOutput, inputs: RuleInputs, targets: Targets, hyper: Hyperparameters
    ) -> Float[Array, ""]:
        """The agent's loss: a mean over all steps, differentiated w.r.t. `output` alone.

        Args:
            output: the agent's outputs in s_0 … s_{T−1}, the only differentiated argument.
            inputs: what the targets were computed from.
            targets: π̂ and ŷ, constants in this gradient.
            hyper: the agent's hyper-parameters.
        """
        ...


class RuleWrapper(eqx.Module):
    """Another rule, unchanged; a derived class replaces what it changes."""

    rule: Rule

    @property
    def prediction_size(self) -> int:
        """That of the inner rule."""
        return self.rule.prediction_size

    @property
    def discovers_predictions(self) -> bool:
        """As the inner rule."""
        return self.rule.discovers_predictions

    def targets(self, inputs: RuleInputs, hyper: Hyperparameters) -> Targets:
        """Those of the inner rule."""
        return self.rule.targets(inputs, hyper)

    def loss(
        self, output: AgentOutput, inputs: RuleInputs, targets: Targets, hyper: Hyperparameters
    ) -> Float[Array, ""]:
        """That of the inner rule."""
        return self.rule.loss(output, inputs, targets, hyper)
