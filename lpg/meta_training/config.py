"""Everything that defines a meta-training, as one flat frozen dataclass that is stored as JSON."""

import dataclasses
from typing import Annotated, Literal

from msgspec import Meta

from lpg.agents.registry import TableStep
from lpg.checks import Count, Positive, Share, Steps, Weight, checked_fields
from lpg.environments.registry import suite

Gamma = Annotated[float, Meta(ge=0, lt=1, description="0 ≤ γ < 1, because returns must be finite")]
Weights = Annotated[tuple[Weight, ...], Meta(min_length=1)]
Rates = Annotated[tuple[Positive, ...], Meta(min_length=1)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class MetaConfig:
    """A meta-training. Defaults are the paper's values (tables 2 and 3)."""

    suite: str = "paper"
    """Environments to train on: a suite, or names with commas; one that is named twice has twice the lifetimes."""
    rule: Literal["lpg", "lpg-v", "lpg-no-softmax", "lpg-no-bootstrap", "lpg-no-recurrence"] = "lpg"
    """Which rule to discover; the last three are ablations of the first."""
    lstm_size: Count = 256
    """Hidden units of the rule's LSTM."""
    prediction_size: Count = 30
    """m, the size of the prediction y (lpg only)."""
    embedding_size: Count = 16
    """Width of the hidden layer of φ (lpg only)."""
    initial_rule: str | None = None
    """A rule to begin with (name, file or run folder; of the same kind and sizes); none: a random one."""

    lifetimes_per_environment: Count = 64
    """Parallel lifetimes of each environment."""
    num_lifetimes: Count | None = None
    """All parallel lifetimes, dealt out evenly over the environments; none: `lifetimes_per_environment` of each."""
    num_envs: Count = 64
    """Parallel copies of the environment in one lifetime."""
    num_steps: Steps = 20
    """Steps of each copy per agent update."""
    num_updates: Count = 5
    """K, agent updates per meta-update: the window through which the meta-gradient flows."""
    lifetime_updates: Count | None = None
    """Agent updates per lifetime; none: the environment's own budget of steps (Table 3) …"""
    lifetime_scale: Annotated[float, Meta(gt=0, le=1, description="a share of each environment's own budget")] = 1.0
    """… times this: chains are solved, or not, long before grids are."""
    table_step: TableStep = "samples"
    """What the step of a table's row is the mean over: its own visits, or all samples (the paper)."""
    stagger: bool = True
    """Shorten each slot's first lifetime at random, so that lifetimes do not end all at once."""
    time_limit_is_termination: bool = True
    """Show rules a time limit as a termination (the paper) or as what it is."""

    gammas: Annotated[tuple[Gamma, ...], Meta(min_length=1)] = (0.997, 0.995, 0.99)
    """Discounts; one is drawn per lifetime."""
    policy_entropy_weights: Weights = (0.01, 0.02)
    """β0; one is drawn per lifetime."""
    prediction_entropy_weight: Weight = 1e-3
    """β1."""
    pi_hat_weight: Weight = 1e-3
    """β2."""
    y_hat_weight: Weight = 1e-3
    """β3."""
    objective: Literal["last", "every"] = "last"
    """Fresh rollouts that carry the meta-objective: after the window's last update, or after every update."""
    outer_lambda: Share = 0.95
    """λ of the outer advantages."""
    critic_rate: Share = 0.3
    """How far the outer critic moves towards its targets after each rollout."""
    critic_learning_rate: Positive = 1e-3
    """Adam's learning rate for outer critics that are networks."""
    scale_advantages: bool = False
    """Divide each lifetime's outer advantages by their running root mean square."""
    max_lifetime_gradient_norm: Positive | None = None
    """Clip each lifetime's meta-gradient to this global norm before averaging; none: never."""
    scale_gradients: bool = False
    """Divide each environment's meta-gradient by its running norm before averaging."""

    learning_rates: Rates = (20.0, 40.0, 80.0)
    """The bandit's arms: agent learning rates α_lr, of agents that are tables …"""
    network_learning_rates: Rates | None = None
    """… and of networks (none: Table 3 of the paper, environment by environment) …"""
    y_weights: Weights = (0.1, 0.5, 1.0)
    """… times prediction weights α_y, of agents that are tables …"""
    network_y_weights: Weights | None = None
    """… and of networks (none: the same)."""
    bandit_temperature: Positive = 0.1
    """τ of equation 6."""
    bandit_exploration: Weight = 0.2
    """ρ of equation 6."""
    bandit_history: Count = 10
    """Lifetimes that R(α, E) is averaged over."""
    normalise_bandit: bool = False
    """Scale returns to unit spread within each environment before equation 6 (the paper: raw)."""
    share_bandit: bool = False
    """One bandit for all environments (needs normalise_bandit); the paper has one for each."""

    meta_updates: Count = 14_000
    """Updates of η."""
    meta_learning_rate: Positive = 1e-4
    """Adam's learning rate for η."""
    warmup: Annotated[int, Meta(ge=0)] = 0
    """Meta-updates over which the learning rate rises linearly from zero."""
    final_learning_rate: Share = 1.0
    """Fraction of the learning rate that is left at the end; the fall is a half cosine."""
    max_gradient_norm: Positive | None = None
    """Clip the mean meta-gradient to this global norm; none: never."""
    averaging: Annotated[float, Meta(ge=0, lt=1, description="at 1 the mean would never move")] = 0.0
    """Decay of the running mean of η that is validated and kept as the rule; 0: η itself."""

    validation_every: Count = 500
    """Meta-updates between two validations; the best validated η becomes the rule."""
    validation_updates: Count = 400
    """Agent updates of a validation lifetime."""
    validation_learning_rates: Rates = (20.0, 40.0, 80.0)
    """Agent learning rates of tables at validation (networks: those of training); each environment counts with its
    best."""
    validation_seeds: Count = 2
    """Validation agents per environment."""
    checkpoint_every: Count = 100
    """Meta-updates between two checkpoints."""
    chunk: Count = 4
    """Lifetimes that are differentiated together on one device; only speed and memory depend on it."""
    remat: bool = True
    """Compute each update again in the backward pass instead of storing it; saves memory, costs a quarter of time."""

    def __post_init__(self) -> None:
        checked_fields(type(self), vars(self))
        environments = suite(self.suite)
        if self.rule == "lpg-no-softmax" and self.prediction_entropy_weight != 0:
            raise ValueError(
                f"prediction_entropy_weight is {self.prediction_entropy_weight}; it must be 0 for lpg-no-softmax, "
                "whose predictions are not a distribution and have no entropy"
            )
        if self.num_lifetimes is not None and self.num_lifetimes < len(environments):
            raise ValueError(
                f"num_lifetimes is {self.num_lifetimes}; {self.suite} has {len(environments)} environments, and each "
                "needs at least one lifetime"
            )
        if self.lifetime_updates is not None and self.lifetime_updates < self.num_updates:
            raise ValueError(
                f"lifetime_updates is {self.lifetime_updates}; at least num_updates = {self.num_updates} are needed, "
                "because a lifetime is made of whole windows"
            )

    @property
    def steps_per_update(self) -> int:
        """Environment steps behind one agent update, all environments together."""
        return self.num_envs * self.num_steps
