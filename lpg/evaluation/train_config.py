"""How one agent is trained: the configuration that users give, tuning tables record and compiled programs read."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from lpg.agents.registry import TableStep
from lpg.checks import Count, Positive, Share, Steps, Value, Weight, checked_fields
from lpg.learner.baseline import check_baseline
from lpg.types import Hyperparameters
from lpg.update_rules.learning import LearnOptions, StepSize, check_minibatches
from lpg.update_rules.proximal import CLIP

TRACED = ("learning_rate", "y_weight", "gamma", "policy_entropy_weight", "lambda_", "clip", "drift_scale")
"""Fields that may differ between agents inside one compiled program; see `lpg.types.Hyperparameters`."""
STEP_SIZE = ("max_gradient_norm", "final_learning_rate")
"""The same; see `lpg.update_rules.learning.StepSize`."""
LEARN_OPTIONS = (
    "num_epochs", "num_minibatches", "normalise_observations", "normalise_rewards", "normalise_advantages",
    "clip_policy",
)  # fmt: skip
"""See `lpg.update_rules.learning.LearnOptions`."""
STATIC = ("baseline", "num_envs", "num_steps", "time_limit_is_termination", "table_step", *LEARN_OPTIONS)
"""Fields that fix the program: agents that differ in one of them train in different programs."""

_STABLE_BASELINES = {
    "n_envs": "num_envs",
    "n_steps": "num_steps",
    "n_epochs": "num_epochs",
    "batch_size": "num_minibatches (the number of parts)",
    "ent_coef": "policy_entropy_weight",
    "vf_coef": "y_weight",
    "gae_lambda": "lambda_",
    "clip_range": "clip",
    "max_grad_norm": "max_gradient_norm",
    "normalize_advantage": "normalise_advantages",
    "total_timesteps": "the budget, --steps (in Python num_steps of lpg.train)",
    "net_arch": "the agent, --agent 'D(64-64)' (in Python agent='D(64-64)')",
    "policy_kwargs": "the agent, --agent 'D(64-64)' (in Python agent='D(64-64)')",
    "seed": "--seeds, how many agents (in Python seed of lpg.train)",
}


def check_key(name: str) -> None:
    """Whether a name is not one of Stable-Baselines3 for something that has another name here.

    Raises:
        ValueError: it is; says what it is called.
    """
    if name in _STABLE_BASELINES:
        raise ValueError(f"unknown key {name!r}; here it is {_STABLE_BASELINES[name]}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Hyper-parameters of one agent and the geometry of its updates. Hashable; every field is a plain value."""

    learning_rate: Positive = 1.0
    """Step size of the agent's optimiser: descent for tables (see `table_step`), Adam for networks."""
    y_weight: Weight = 0.5
    """Weight of the prediction's loss: α_y, or the weight of the value loss."""
    gamma: Share = 0.995
    """Discount γ per step, in [0, 1]."""
    policy_entropy_weight: Weight = 0.0
    """Entropy bonus of hand-written rules; discovered rules do not use it."""
    lambda_: Share = 0.95
    """λ in [0, 1] of rules with a value function; other rules do not use it."""
    clip: Positive = CLIP
    """ε of `ppo`, and of other rules with `clip_policy`: the ratio of new and old probabilities gains nothing beyond
    1 ± ε."""
    drift_scale: Positive = 1.0
    """Factor of the constants of the drift of `dpo`; larger: the policy moves further on one rollout."""
    initial_value: Value = 0.0
    """v₀: fresh agents predict this value in all states, in rewards as the rule sees them; above zero, states without
    visits attract agents. For rules whose predictions are values, see `lpg.agents.initial_value`."""
    baseline: bool = False
    """Subtract a learned baseline from π̂ (equation 7 of the paper), see `lpg.learner.baseline`."""
    num_envs: Count = 64
    """Parallel copies of the environment."""
    num_steps: Steps = 20
    """Steps of each copy per agent update."""
    table_step: TableStep = "visits"
    """A table's row moves by the mean over its "visits", or over all "samples" of an update (the paper's)."""
    max_gradient_norm: Positive | None = None
    """Clip the agent's gradient to this global norm; None: never."""
    final_learning_rate: Share = 1.0
    """Fraction of the learning rate at the end of training, after a linear decay. 1: constant."""
    num_epochs: Count = 1
    """Passes over each rollout; the rule computes new targets at every optimiser step."""
    num_minibatches: Count = 1
    """Number of parts into which a pass splits the parallel environments, with one optimiser step for each."""
    normalise_observations: bool = False
    """Show the agent observations with mean 0 and standard deviation 1, by running statistics."""
    normalise_rewards: bool = False
    """Divide rewards by the running standard deviation of the discounted return."""
    normalise_advantages: bool = False
    """Centre and scale π̂ over each batch."""
    clip_policy: bool = False
    """Hold the policy near the one that acted by PPO's clipped objective, with π̂ as the advantage; for several epochs
    under any rule without a step limit of its own."""
    time_limit_is_termination: bool | None = None
    """Show the rule a time limit as a termination, as the paper does. None: as when the rule was discovered, see
    `for_rule`; without a record, as a truncation."""

    def __post_init__(self) -> None:
        checked_fields(type(self), vars(self))
        check_minibatches(self.learn_options, self.num_envs)
        check_baseline(
            baseline=self.baseline, normalise_advantages=self.normalise_advantages, clip_policy=self.clip_policy
        )

    @property
    def steps_per_update(self) -> int:
        """Environment steps per agent update, all environments together."""
        return self.num_envs * self.num_steps

    @property
    def static(self) -> "TrainConfig":
        """The static fields alone, traced ones at their defaults: configs with equal `static` share a program."""
        fields = {name: getattr(self, name) for name in STATIC}
        return TrainConfig(**{**fields, "time_limit_is_termination": bool(self.time_limit_is_termination)})

    @property
    def learn_options(self) -> LearnOptions:
        """How a rollout is used."""
        return LearnOptions(**{name: getattr(self, name) for name in LEARN_OPTIONS})

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

    def step_size(self) -> StepSize:
        """Clipping and schedule as scalar arrays; no clipping is a limit of infinity."""
        limit = math.inf if self.max_gradient_norm is None else float(self.max_gradient_norm)
        share = float(self.final_learning_rate)
        return StepSize(max_gradient_norm=jnp.asarray(limit), final_learning_rate=jnp.asarray(share))

    @staticmethod
    def stack(configs: Sequence["TrainConfig"]) -> Hyperparameters:
        """The hyper-parameters of R configs as arrays [R]."""
        return _stack([config.hyperparameters() for config in configs])

    @staticmethod
    def stack_step_sizes(configs: Sequence["TrainConfig"]) -> StepSize:
        """Clipping and schedules of R configs as arrays [R]; clipping is None if none of them clips."""
        steps = _stack([config.step_size() for config in configs])
        has_limit = any(config.max_gradient_norm is not None for config in configs)
        return steps if has_limit else eqx.tree_at(lambda s: s.max_gradient_norm, steps, None)

    def record(self) -> dict[str, Any]:
        """What a tuning table keeps: everything but how time limits are shown."""
        fields = dataclasses.asdict(self)
        del fields["time_limit_is_termination"]
        return fields

    @staticmethod
    def of_record(record: Mapping[str, Any]) -> "TrainConfig":
        """What `record` gave. Older records name neither geometry (64 × 20 then) nor table step ("samples" then)."""
        return TrainConfig(**{"num_envs": 64, "num_steps": 20, "table_step": "samples", **record})


def _stack(items: Sequence[Any]) -> Any:
    return jax.tree.map(lambda *leaves: jnp.asarray(np.array(leaves, float)), *items)
