"""Everything that defines a meta-training, as one flat frozen dataclass that is stored as JSON."""

import dataclasses
from typing import Literal, get_args

from lpg.agents.registry import TableStep
from lpg.environments.registry import known, suite
from lpg.update_rules.rule_file import SIZES


@dataclasses.dataclass(frozen=True, kw_only=True)
class MetaConfig:
    """A meta-training. Defaults are the paper's values (tables 2 and 3)."""

    suite: str = "paper"
    """Environments to train on: a suite, or names with commas; one that is named twice has twice the lifetimes."""
    rule: Literal["lpg", "lpg-v", "lpg-no-softmax", "lpg-no-bootstrap", "lpg-no-recurrence"] = "lpg"
    """Which rule to discover; the last three are ablations of the first."""
    lstm_size: int = 256
    """Hidden units of the rule's LSTM."""
    prediction_size: int = 30
    """m, the size of the prediction y (lpg only)."""
    embedding_size: int = 16
    """Width of the hidden layer of φ (lpg only)."""
    initial_rule: str | None = None
    """A rule to begin with (name, file or run folder; of the same kind and sizes); none: a random one."""

    lifetimes_per_environment: int = 64
    """Parallel lifetimes of each environment."""
    num_lifetimes: int | None = None
    """All parallel lifetimes, dealt out evenly over the environments; none: `lifetimes_per_environment` of each."""
    num_envs: int = 64
    """Parallel copies of the environment in one lifetime."""
    num_steps: int = 20
    """Steps of each copy per agent update."""
    num_updates: int = 5
    """K, agent updates per meta-update: the window through which the meta-gradient flows."""
    lifetime_updates: int | None = None
    """Agent updates per lifetime; none: the environment's own budget of steps (Table 3) …"""
    lifetime_scale: float = 1.0
    """… times this: chains are solved, or not, long before grids are."""
    table_step: TableStep = "samples"
    """What the step of a table's row is the mean over: its own visits, or all samples (the paper)."""
    stagger: bool = True
    """Shorten each slot's first lifetime at random, so that lifetimes do not end all at once."""
    time_limit_is_termination: bool = True
    """Show rules a time limit as a termination (the paper) or as what it is."""

    gammas: tuple[float, ...] = (0.997, 0.995, 0.99)
    """Discounts; one is drawn per lifetime."""
    policy_entropy_weights: tuple[float, ...] = (0.01, 0.02)
    """β0; one is drawn per lifetime."""
    prediction_entropy_weight: float = 1e-3
    """β1."""
    pi_hat_weight: float = 1e-3
    """β2."""
    y_hat_weight: float = 1e-3
    """β3."""
    objective: Literal["last", "every"] = "last"
    """Fresh rollouts that carry the meta-objective: after the window's last update, or after every update."""
    outer_lambda: float = 0.95
    """λ of the outer advantages."""
    critic_rate: float = 0.3
    """How far the outer critic moves towards its targets after each rollout."""
    critic_learning_rate: float = 1e-3
    """Adam's learning rate for outer critics that are networks."""
    scale_advantages: bool = False
    """Divide each lifetime's outer advantages by their running root mean square."""
    max_lifetime_gradient_norm: float | None = None
    """Clip each lifetime's meta-gradient to this global norm before averaging; none: never."""
    scale_gradients: bool = False
    """Divide each environment's meta-gradient by its running norm before averaging."""

    learning_rates: tuple[float, ...] = (20.0, 40.0, 80.0)
    """The bandit's arms: agent learning rates α_lr, of agents that are tables …"""
    network_learning_rates: tuple[float, ...] | None = None
    """… and of networks (none: Table 3 of the paper, environment by environment) …"""
    y_weights: tuple[float, ...] = (0.1, 0.5, 1.0)
    """… times prediction weights α_y, of agents that are tables …"""
    network_y_weights: tuple[float, ...] | None = None
    """… and of networks (none: the same)."""
    bandit_temperature: float = 0.1
    """τ of equation 6."""
    bandit_exploration: float = 0.2
    """ρ of equation 6."""
    bandit_history: int = 10
    """Lifetimes that R(α, E) is averaged over."""
    normalise_bandit: bool = False
    """Scale returns to unit spread within each environment before equation 6 (the paper: raw)."""
    share_bandit: bool = False
    """One bandit for all environments (needs normalise_bandit); the paper has one for each."""

    meta_updates: int = 14_000
    """Updates of η."""
    meta_learning_rate: float = 1e-4
    """Adam's learning rate for η."""
    warmup: int = 0
    """Meta-updates over which the learning rate rises linearly from zero."""
    final_learning_rate: float = 1.0
    """Fraction of the learning rate that is left at the end; the fall is a half cosine."""
    max_gradient_norm: float | None = None
    """Clip the mean meta-gradient to this global norm; none: never."""
    averaging: float = 0.0
    """Decay of the running mean of η that is validated and kept as the rule; 0: η itself."""

    validation_every: int = 500
    """Meta-updates between two validations; the best validated η becomes the rule."""
    validation_updates: int = 400
    """Agent updates of a validation lifetime."""
    validation_learning_rates: tuple[float, ...] = (20.0, 40.0, 80.0)
    """Agent learning rates of tables at validation (networks: those of training); each environment counts with its
    best."""
    validation_seeds: int = 2
    """Validation agents per environment."""
    checkpoint_every: int = 100
    """Meta-updates between two checkpoints."""
    chunk: int = 4
    """Lifetimes that are differentiated together on one device; only speed and memory depend on it."""
    remat: bool = True
    """Compute each update again in the backward pass instead of storing it; saves memory, costs a quarter of time."""

    def __post_init__(self) -> None:
        suite(self.suite)
        known(self.rule, tuple(SIZES), "rule")
        if self.rule == "lpg-no-softmax" and self.prediction_entropy_weight != 0:
            raise ValueError(
                f"prediction_entropy_weight is {self.prediction_entropy_weight}; it must be 0 for lpg-no-softmax, "
                "whose predictions are no distribution and have no entropy"
            )
        known(self.objective, ("last", "every"), "objective")
        known(self.table_step, get_args(TableStep), "table_step")
        positive = ("lstm_size", "prediction_size", "embedding_size", "lifetimes_per_environment", "num_envs",
                    "num_updates", "bandit_temperature", "bandit_history", "meta_updates", "meta_learning_rate",
                    "critic_learning_rate", "validation_every", "validation_updates", "validation_seeds",
                    "checkpoint_every", "chunk")  # fmt: skip
        for name in positive:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be positive")
        if self.num_lifetimes is not None and self.num_lifetimes < len(suite(self.suite)):
            raise ValueError(
                f"num_lifetimes is {self.num_lifetimes}; {self.suite} has {len(suite(self.suite))} environments, and "
                "each needs at least one lifetime"
            )
        if self.num_steps < 2:
            raise ValueError(f"num_steps is {self.num_steps}; at least 2 are needed, because a target looks ahead")
        if not 0 <= self.averaging < 1:
            raise ValueError(f"averaging is {self.averaging}; 0 ≤ averaging < 1 is needed, or the mean never moves")
        if not 0 < self.lifetime_scale <= 1:
            raise ValueError(
                f"lifetime_scale is {self.lifetime_scale}; a share in (0, 1] of each environment's own budget is needed"
            )
        if self.lifetime_updates is not None and self.lifetime_updates < self.num_updates:
            raise ValueError(
                f"lifetime_updates is {self.lifetime_updates}; at least num_updates = {self.num_updates} are needed, "
                "because a lifetime is made of whole windows"
            )
        for name in ("gammas", "policy_entropy_weights", "learning_rates", "y_weights", "validation_learning_rates"):
            if not getattr(self, name):
                raise ValueError(f"{name} is empty; at least one value is needed")
        for gamma in self.gammas:
            if not 0 <= gamma < 1:
                raise ValueError(f"gamma {gamma} given; 0 ≤ γ < 1 is needed, because returns must be finite")
        for name, low, high in (("outer_lambda", 0, 1), ("critic_rate", 0, 1), ("final_learning_rate", 0, 1)):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} is {getattr(self, name)}; it must lie in [{low}, {high}]")
        for name in ("warmup", "bandit_exploration", "prediction_entropy_weight", "pi_hat_weight", "y_hat_weight"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must not be negative")
        if min(*self.learning_rates, *self.validation_learning_rates, *(self.network_learning_rates or ())) <= 0:
            raise ValueError("learning rates must be positive")
        if min(*self.y_weights, *(self.network_y_weights or ()), *self.policy_entropy_weights) < 0:
            raise ValueError("y_weights and policy_entropy_weights must not be negative")
        for name in ("max_gradient_norm", "max_lifetime_gradient_norm"):
            if getattr(self, name) is not None and getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be positive, or null for none")

    @property
    def steps_per_update(self) -> int:
        """Environment steps behind one agent update, all environments together."""
        return self.num_envs * self.num_steps
