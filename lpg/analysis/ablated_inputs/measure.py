"""Agents under a rule and under the same rule with one input or part removed: same environments and random numbers.

The inputs are removed after the rule was discovered; nothing else in it changes.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lpg.agents.outputs import MASKED_LOGIT
from lpg.analysis.study import Tables
from lpg.analysis.table import make_table
from lpg.environments.registry import suite
from lpg.evaluation.curves import Curve
from lpg.evaluation.evaluate import Progress, Trial, run_trials
from lpg.evaluation.tasks import references
from lpg.evaluation.train_config import TrainConfig
from lpg.types import AgentOutput, Hyperparameters, Targets
from lpg.update_rules.base import Rule, RuleInputs
from lpg.update_rules.lpg import LPG


class InputAblated(eqx.Module):
    """An LPG whose inputs are changed before η sees them; the loss has the original ones."""

    rule: LPG
    change: Callable[[RuleInputs], RuleInputs] = eqx.field(static=True)

    @property
    def discovers_predictions(self) -> bool:
        """As the full rule."""
        return self.rule.discovers_predictions

    @property
    def prediction_size(self) -> int:
        """As the full rule."""
        return self.rule.prediction_size

    def targets(self, inputs: RuleInputs, hyper: Hyperparameters) -> Targets:
        """π̂ and ŷ from the changed inputs."""
        return self.rule.targets(self.change(inputs), hyper)

    def loss(
        self, output: AgentOutput, inputs: RuleInputs, targets: Targets, hyper: Hyperparameters
    ) -> Float[Array, ""]:
        """As the full rule."""
        return self.rule.loss(output, inputs, targets, hyper)


def uniform_predictions(inputs: RuleInputs) -> RuleInputs:
    """All predictions are uniform: φ(y(s)) and φ(y(s′)) are constant."""
    output = dataclasses.replace(inputs.output, prediction=jnp.zeros_like(inputs.output.prediction))
    return dataclasses.replace(inputs, output=output, next_prediction=jnp.zeros_like(inputs.next_prediction))


def uniform_policy(inputs: RuleInputs) -> RuleInputs:
    """π(a|s) is that of the uniform policy over the valid actions."""
    exists = inputs.output.logits > MASKED_LOGIT / 2
    logits = jnp.where(exists, 0.0, inputs.output.logits)
    return dataclasses.replace(inputs, output=dataclasses.replace(inputs.output, logits=logits))


@dataclasses.dataclass(frozen=True)
class InputAblation:
    """A change of a rule, of what it sees, or of its agents."""

    about: str
    apply: Callable[[LPG], Rule] = lambda rule: rule
    keeps_predictions: bool = True
    """False: predictions stay at their initial value, uniform, because α_y is 0."""


FULL, FROZEN, UNIFORM_POLICY = "full rule", "frozen predictions", "uniform π as input"
INPUT_ABLATIONS: dict[str, InputAblation] = {
    FULL: InputAblation("nothing"),
    FROZEN: InputAblation("predictions stay uniform", keeps_predictions=False),
    "uniform y as input": InputAblation(
        "η sees the same prediction everywhere", lambda rule: InputAblated(rule=rule, change=uniform_predictions)
    ),
    "no bootstrapping": InputAblation("φ(y(s′)) is 0", lambda rule: dataclasses.replace(rule, without="bootstrap")),
    UNIFORM_POLICY: InputAblation(
        "η sees the same π(a|s) everywhere", lambda rule: InputAblated(rule=rule, change=uniform_policy)
    ),
    "no recurrence": InputAblation("the LSTM forgets", lambda rule: dataclasses.replace(rule, without="recurrence")),
}
"""`no bootstrapping` and `no recurrence` remove the part from an η that was discovered with it and may rely on it;
the variants of figure 7 are discovered without it.

η sees the same with frozen predictions and with uniform y as input. In a table both are the same training; in a network
the predictions of the latter still change the layers that they share with the policy.
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """What fixes the measurement, beside rule and seed."""

    environments: str = "tabular/dense,tabular/sparse,tabular/long_dense,chain/short,chain/long"
    """A suite, or names with commas; all exactly solvable."""
    updates: int = 400
    """Agent updates of every training."""
    seeds: int = 8
    """Agents for each ablation and environment."""

    def __post_init__(self) -> None:
        suite(self.environments)
        if self.updates < 1 or self.seeds < 1:
            raise ValueError(f"updates {self.updates} and seeds {self.seeds} given; both must be at least 1")

    @property
    def steps(self) -> int:
        """Environment steps of the measurement with 64 × 20 steps an update."""
        trainings = len(INPUT_ABLATIONS) * len(suite(self.environments)) * self.seeds
        return trainings * self.updates * TrainConfig().steps_per_update


def measure(
    rule: Rule,
    config: Config,
    train_config: TrainConfig,
    seed: int,
    progress: Progress | None = None,
    config_for: Callable[[str], TrainConfig] | None = None,
    run: Callable[..., Sequence[Curve]] = run_trials,
) -> Tables:
    """Trains agents under every ablated rule.

    Args:
        seed: instances and random numbers are those of the report seeds from here on.
        train_config: how agents are trained, the same under the full rule and under the ablated ones.
        config_for: configurations by environment instead of it.
        run: trains the agents.

    Returns:
        `areas`, with columns `ablation`, `environment`, `seed`, `area`: mean normalised return over the learning
        curve.

    Raises:
        ValueError: the rule is not a full LPG, so that a part to remove is absent; or the best
            return somewhere is not known, so that there is nothing to normalise with.
    """
    why = refusal(rule)
    if why is not None or not isinstance(rule, LPG):
        raise ValueError(why)
    names, seeds = suite(config.environments), range(seed, seed + config.seeds)
    reference_returns = {name: references(name, seeds, "report") for name in names}
    for name, reference in reference_returns.items():
        if not np.all(np.isfinite(reference)):
            raise ValueError(f"the best return of {name} is not known; areas need environments where it is")
    rows: list[dict[str, Any]] = []
    for ablation, one in INPUT_ABLATIONS.items():
        chosen = {name: config_for(name) if config_for else train_config for name in names}
        if not one.keeps_predictions:
            chosen = {name: dataclasses.replace(each, y_weight=0.0) for name, each in chosen.items()}
        trials = [Trial(name, each, chosen[name], config.updates) for name in names for each in seeds]
        curves = run(one.apply(rule), trials, "report", progress=progress)
        for trial, (_, returns, *_) in zip(trials, curves, strict=True):
            random, best = (reference[trial.seed - seed] for reference in reference_returns[trial.environment])
            rows.append(
                {"ablation": ablation, "environment": trial.environment, "seed": trial.seed,
                 "area": float(np.nanmean((np.asarray(returns) - random) / (best - random)))}
            )  # fmt: skip
    return {"areas": make_table(rows)}


def refusal(rule: Rule) -> str | None:
    """Why a rule cannot be ablated, or None; only an LPG with all parts can."""
    if isinstance(rule, LPG) and rule.without == "nothing":
        return None
    what = f"LPG without {rule.without}" if isinstance(rule, LPG) else type(rule).__name__
    return f"the rule is {what}; a full LPG is needed, whose inputs can be removed"
