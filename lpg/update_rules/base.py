"""The contract of a rule: what makes targets from a trajectory, and what an agent does with them.

A rule η is an Equinox module: learned rules have float leaves, hand-written ones have none. Nothing downstream asks
which kind it holds.
"""

from typing import Protocol, runtime_checkable

import equinox as eqx
from jaxtyping import Array, Float

from lpg.types import AgentOutput, Hyperparameters, Targets, Trajectory


class RuleInputs(eqx.Module):
    """All that a rule may look at."""

    trajectory: Trajectory
    """Observations are there for the plumbing; a rule that reads them is tied to one environment."""
    output: AgentOutput
    """The agent in s_0 … s_{T−1}."""
    next_prediction: Float[Array, " T B P"]
    """The agent's prediction in s_1 … s_T; at an episode's end that of the final state."""


@runtime_checkable
class Rule(Protocol):
    """A value of this type is an η."""

    @property
    def prediction_size(self) -> int:
        """How many numbers the agent must predict, all of them zero at first: m for the LPG, 1 for a value."""
        ...

    @property
    def discovers_predictions(self) -> bool:
        """Whether η itself decides what is predicted."""
        ...

    def targets(self, inputs: RuleInputs, hyper: Hyperparameters) -> Targets:
        """π̂ and ŷ for every step of the trajectory."""
        ...

    def loss(
        self, output: AgentOutput, inputs: RuleInputs, targets: Targets, hyper: Hyperparameters
    ) -> Float[Array, ""]:
        """The agent's loss, a mean over all steps, as a function of `output`; everything else is a constant."""
        ...
