"""The configuration of a meta-training: one flat frozen dataclass, stored as JSON."""

import dataclasses
from typing import Annotated, Literal

from msgspec import Meta

from lpg.agents.registry import TableStep
from lpg.checks import Count, Positive, Share, Steps, Value, Weight, checked_fields, known
from lpg.environments.base import ExactEnvironment
from lpg.environments.registry import env_spec, suite
from lpg.meta_training.levels import LevelSampling
from lpg.update_rules.own_rule import is_own
from lpg.update_rules.rule_file import INPUTS

Gamma = Annotated[float, Meta(ge=0, lt=1, description="0 ≤ γ < 1, because returns must be finite")]
Weights = Annotated[tuple[Weight, ...], Meta(min_length=1)]
Rates = Annotated[tuple[Positive, ...], Meta(min_length=1)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class MetaConfig:
    """A meta-training. Defaults are the paper's values (tables 2 and 3)."""

    suite: str = "paper"
    """Environments to train on: a suite, or names with commas; one that is named twice has twice the lifetimes."""
    rule: str = "lpg"
    """Which rule to discover: `lpg`, `lpg-v`; `ta-lpg`, an `lpg` that also reads how much of a training is done;
    `lpg-no-softmax`, `lpg-no-bootstrap` or `lpg-no-recurrence`, which are ablations of `lpg`; or `module:factory`,
    which makes one of your own."""
    lstm_size: Count = 256
    """Hidden units of the rule's LSTM."""
    prediction_size: Count = 30
    """m, the size of the prediction y (not of lpg-v)."""
    embedding_size: Count = 16
    """Width of the hidden layer of φ (not of lpg-v)."""
    initial_rule: str | None = None
    """Rule at meta-update 0 (name, file or run folder; of the same kind and sizes, or an `lpg` for a `ta-lpg`, which
    then begins without regard to the time); none: random initialisation."""
    trained_weights: Literal["all", "time"] = "all"
    """Which weights of η move: all, or those of the inputs n/N and log N alone (ta-lpg only)."""

    level_sampling: LevelSampling = "uniform"
    """How new lifetimes choose the parameters of their environment: always new ones; or also ones that were seen, by
    regret or learnability, see `lpg.meta_training.levels`. Environments that cannot be solved exactly draw new ones."""
    level_replay: Share = 0.5
    """Share of new lifetimes that begin on a level that was seen (unless level_sampling is uniform)."""

    lifetimes_per_environment: Count = 64
    """Parallel lifetimes of each environment."""
    num_lifetimes: Count | None = None
    """Parallel lifetimes in all, distributed evenly over environments; none: `lifetimes_per_environment` of each."""
    num_envs: Count = 64
    """Parallel copies of the environment in one lifetime."""
    num_steps: Steps = 20
    """Steps of each copy per agent update."""
    num_updates: Count = 5
    """K, agent updates per meta-update: the window through which the meta-gradient flows."""
    lifetime_updates: Count | None = None
    """Agent updates per lifetime; none: the environment's budget of steps (Table 3) times `lifetime_scale`."""
    min_lifetime_updates: Count | None = None
    """Draw each lifetime's length from here up to that, uniformly on a logarithmic axis; none: all are equally long."""
    lifetime_scale: Annotated[float, Meta(gt=0, le=1, description="a share of each environment's own budget")] = 1.0
    """Factor of the environment's budget of steps, if `lifetime_updates` is none."""
    table_step: TableStep = "samples"
    """Update of a table's row: a mean over its visits, or over all samples (the paper)."""
    stagger: bool = True
    """Shorten each slot's first lifetime at random, so that lifetimes do not end all at once."""
    normalise_observations: bool = False
    """Show networks observations with mean 0 and standard deviation 1, by running statistics of each lifetime."""
    normalise_rewards: bool = False
    """Divide rewards by the running standard deviation of the discounted return, so that their size does not matter."""
    time_limit_is_termination: bool = True
    """Show rules a time limit as a termination (the paper) or as a truncation."""

    gammas: Annotated[tuple[Gamma, ...], Meta(min_length=1)] = (0.997, 0.995, 0.99)
    """Discounts; one is drawn per lifetime."""
    initial_values: Annotated[tuple[Value, ...], Meta(min_length=1)] = (0.0,)
    """v₀, the value that fresh agents predict in all states, see `lpg.agents.initial_value`; one is drawn per
    lifetime."""
    policy_entropy_weights: Weights = (0.01, 0.02)
    """β0, weight of the entropy of π in the meta-objective; one is drawn per lifetime."""
    prediction_entropy_weight: Weight = 1e-3
    """β1, weight of the entropy of y in the meta-objective."""
    pi_hat_weight: Weight = 1e-3
    """β2, weight of the penalty on π̂²."""
    y_hat_weight: Weight = 1e-3
    """β3, weight of the penalty on ‖ŷ‖²."""
    meta_term: str | None = None
    """A term of your own in the meta-objective: `module:function`, see docs/changing_the_objective.md; none: only those
    above."""
    objective: Literal["last", "every", "imitate"] = "last"
    """Rollouts in the meta-objective: after the window's last update, or after every update. Or none: η is fitted to a
    hand-written rule, see `lpg.meta_training.imitation`."""
    teacher: Literal["a2c-categorical", "a2c-optimistic"] = "a2c-categorical"
    """The hand-written rule that η is fitted to (objective imitate only)."""
    meta_optimizer: Literal["gradient", "es"] = "gradient"
    """Where the direction for Adam comes from: the meta-gradient, or evolution strategies, which have no use for the
    objective, its weights and the critic; a lifetime is then a pair of agents, see `lpg.meta_training.evolution`."""
    es_std: Positive = 0.1
    """σ, the standard deviation of what is added to and taken from every parameter of η (es only)."""
    es_fitness: Literal["area", "end"] = "area"
    """The mean return over the updates of a window, or after the last one, which needs whole lifetimes (es only)."""
    es_shaping: Literal["rank", "difference"] = "rank"
    """Whether it counts which agent of a pair is better, or also by how much (es only)."""
    outer_lambda: Share = 0.95
    """λ of the outer advantages."""
    critic_rate: Share = 0.3
    """Update rate of outer critics that are tables, in [0, 1]."""
    critic_learning_rate: Positive = 1e-3
    """Adam's learning rate for outer critics that are networks."""
    scale_advantages: bool = False
    """Divide each lifetime's outer advantages by their running root mean square."""
    max_lifetime_gradient_norm: Positive | None = None
    """Clip each lifetime's meta-gradient to this global norm before averaging; none: never."""
    scale_gradients: bool = False
    """Divide each environment's meta-gradient by its running norm before averaging."""

    learning_rates: Rates = (20.0, 40.0, 80.0)
    """Learning rates α_lr of agents that are tables; the bandit's arms are all pairs with `y_weights`."""
    network_learning_rates: Rates | None = None
    """The same for networks; none: those of Table 3 of the paper for each environment."""
    y_weights: Weights = (0.1, 0.5, 1.0)
    """Prediction weights α_y of agents that are tables."""
    network_y_weights: Weights | None = None
    """The same for networks; none: `y_weights`."""
    bandit_temperature: Positive = 0.1
    """τ of equation 6."""
    bandit_exploration: Weight = 0.2
    """ρ of equation 6."""
    bandit_history: Count = 10
    """Number of the latest lifetimes that R(α, E) averages."""
    normalise_bandit: bool = False
    """Standardise returns within each environment before equation 6 (the paper: raw returns)."""
    share_bandit: bool = False
    """One bandit for all environments (needs normalise_bandit); the paper has one for each."""

    meta_updates: Count = 14_000
    """Updates of η."""
    meta_learning_rate: Positive = 1e-4
    """Adam's learning rate for η."""
    warmup: Annotated[int, Meta(ge=0)] = 0
    """Meta-updates over which the learning rate rises linearly from zero."""
    final_learning_rate: Share = 1.0
    """Fraction of the learning rate at the end of a cosine decay; 1: constant."""
    max_gradient_norm: Positive | None = None
    """Clip the mean meta-gradient to this global norm; none: never."""
    averaging: Annotated[float, Meta(ge=0, lt=1, description="at 1 the mean would never move")] = 0.0
    """Decay of the running mean of η, which is validated and saved as the rule; 0: η itself."""

    validation_every: Count = 500
    """Meta-updates between two validations; the best validated η becomes the rule."""
    validation_updates: Count = 400
    """Agent updates of a validation lifetime."""
    validation_learning_rates: Rates = (20.0, 40.0, 80.0)
    """Agent learning rates of tables at validation (networks: those of training); the best of each environment
    counts."""
    validation_seeds: Count = 2
    """Validation agents per environment."""
    checkpoint_every: Count = 100
    """Meta-updates between two checkpoints."""
    chunk: Count | None = None
    """At most so many lifetimes are differentiated together on one device; only speed and memory depend on it. None: on
    a CPU as few as fill its vector units, elsewhere all that have equal shapes."""
    remat: bool = True
    """Recompute each update in the backward pass instead of storing it: less memory, and on CPUs a third less time."""

    def __post_init__(self) -> None:
        checked_fields(type(self), vars(self))
        environments = suite(self.suite)
        if not is_own(self.rule):
            known(self.rule, INPUTS, "rule")
        if self.trained_weights == "time" and self.rule != "ta-lpg":
            raise ValueError(
                f"trained_weights is time and rule {self.rule}; ta-lpg is needed, because only it reads the time"
            )
        if self.level_sampling != "uniform" and not any(
            isinstance(env_spec(name).distribution.env, ExactEnvironment) for name in environments
        ):
            raise ValueError(
                f"level_sampling is {self.level_sampling} and suite {self.suite}; an environment that can be solved "
                "exactly is needed, a table, because levels are chosen by their optimum"
            )
        if self.rule == "lpg-no-softmax" and self.prediction_entropy_weight != 0:
            raise ValueError(
                f"prediction_entropy_weight is {self.prediction_entropy_weight}; it must be 0 for lpg-no-softmax, "
                "whose predictions are not a distribution and have no entropy"
            )
        if self.objective == "imitate" and (self.rule != "lpg" or self.num_updates != 1):
            raise ValueError(
                f"objective is imitate, rule {self.rule} and num_updates {self.num_updates}; rule must be lpg, whose "
                "form the imitated rule has, and num_updates 1, because every rollout is imitated once"
            )
        if self.meta_term is not None and (self.meta_optimizer == "es" or self.objective == "imitate"):
            raise ValueError(
                f"meta_term is {self.meta_term}, meta_optimizer {self.meta_optimizer} and objective {self.objective}; "
                "gradient and last or every are needed, because nothing else has a meta-loss with terms"
            )
        if self.meta_optimizer == "es" and self.objective == "imitate":
            raise ValueError(
                "meta_optimizer is es and objective imitate; gradient is needed, because a distance between targets "
                "has an exact one"
            )
        if self.meta_optimizer == "es" and self.es_fitness == "end" and self.lifetime_updates != self.num_updates:
            raise ValueError(
                f"es_fitness is end, num_updates {self.num_updates} and lifetime_updates {self.lifetime_updates}; the "
                "last two must be equal, because only a window that is a whole lifetime ends with it"
            )
        if self.num_lifetimes is not None and self.num_lifetimes < len(environments):
            raise ValueError(
                f"num_lifetimes is {self.num_lifetimes}; {self.suite} has {len(environments)} environments, and each "
                "needs at least one lifetime"
            )
        if self.min_lifetime_updates is not None and self.min_lifetime_updates < self.num_updates:
            raise ValueError(
                f"min_lifetime_updates is {self.min_lifetime_updates}; at least num_updates = {self.num_updates} are "
                "needed, because a lifetime is made of whole windows"
            )
        if self.lifetime_updates is not None and self.lifetime_updates < self.num_updates:
            raise ValueError(
                f"lifetime_updates is {self.lifetime_updates}; at least num_updates = {self.num_updates} are needed, "
                "because a lifetime is made of whole windows"
            )

    @property
    def steps_per_update(self) -> int:
        """Environment steps of one agent update, over all parallel environments."""
        return self.num_envs * self.num_steps

    @property
    def agents_per_lifetime(self) -> int:
        """2 for the pairs of evolution strategies, else 1."""
        return 2 if self.meta_optimizer == "es" else 1
