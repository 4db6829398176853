"""How one agent is trained: the configuration that users give, tuning tables record and compiled programs read."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lpg.checks import Count, Positive, Share, Steps, Weight, checked_fields
from lpg.types import Hyperparameters

TRACED = ("learning_rate", "y_weight", "gamma", "policy_entropy_weight", "lambda_")
"""Fields that may differ between agents inside one compiled program; see `lpg.types.Hyperparameters`."""
STATIC = ("baseline", "num_envs", "num_steps", "time_limit_is_termination")
"""Fields that fix the program: agents that differ in one of them train in different programs."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Hyper-parameters of one agent and the geometry of its updates. Hashable; every field is a plain value."""

    learning_rate: Positive = 40.0
    """Step size of the agent's optimiser: plain gradient descent for tables, Adam for networks."""
    y_weight: Weight = 0.5
    """Weight of the prediction's loss: α_y, or the weight of the value loss."""
    gamma: Share = 0.995
    """Discount γ per step, in [0, 1]."""
    policy_entropy_weight: Weight = 0.0
    """Entropy bonus of hand-written rules; learned rules do not use it."""
    lambda_: Share = 0.95
    """λ in [0, 1] of rules with a value function; other rules do not use it."""
    baseline: bool = False
    """Subtract a learned baseline from π̂ (equation 7 of the paper), see `lpg.learner.baseline`."""
    num_envs: Count = 64
    """Parallel copies of the environment."""
    num_steps: Steps = 20
    """Steps of each copy per agent update."""
    time_limit_is_termination: bool | None = None
    """Show the rule a time limit as a termination, as the paper does. None: as when the rule was discovered, see
    `for_rule`; a rule without such a record sees time limits as what they are."""

    def __post_init__(self) -> None:
        checked_fields(type(self), vars(self))

    @property
    def steps_per_update(self) -> int:
        """Environment steps per agent update, all environments together."""
        return self.num_envs * self.num_steps

    @property
    def static(self) -> "TrainConfig":
        """The static fields alone, traced ones at their defaults: configs with equal `static` share a program."""
        fields = {name: getattr(self, name) for name in STATIC}
        return TrainConfig(**{**fields, "time_limit_is_termination": bool(self.time_limit_is_termination)})

    def num_updates(self, num_steps: int | float) -> int:
        """Agent updates in a budget of environment steps (all environments together); at least one."""
        return max(1, round(num_steps / self.steps_per_update))

    def for_rule(self, card: Mapping[str, Any]) -> "TrainConfig":
        """The same, with `time_limit_is_termination` from a rule's card unless it is given."""
        if self.time_limit_is_termination is not None:
            return self
        config = card.get("config")
        shown = config.get("time_limit_is_termination", False) if isinstance(config, Mapping) else False
        return dataclasses.replace(self, time_limit_is_termination=bool(shown))

    def hyperparameters(self) -> Hyperparameters:
        """The traced fields as scalar arrays."""
        return Hyperparameters(**{name: jnp.asarray(float(getattr(self, name))) for name in TRACED})

    @staticmethod
    def stack(configs: Sequence["TrainConfig"]) -> Hyperparameters:
        """The traced fields of R configs as arrays [R]."""
        columns = [jnp.asarray(np.array([getattr(config, name) for config in configs], float)) for name in TRACED]
        return jax.tree.unflatten(jax.tree.structure(configs[0].hyperparameters()), columns)

    def record(self) -> dict[str, Any]:
        """What a tuning table keeps: not how time limits are shown, and the geometry only if it is not 64 × 20."""
        fields = dataclasses.asdict(self)
        del fields["time_limit_is_termination"]
        if (self.num_envs, self.num_steps) == (TrainConfig.num_envs, TrainConfig.num_steps):
            del fields["num_envs"], fields["num_steps"]
        return fields
