"""Which fields of `TrainConfig` a sweep changes, and over which values: by kind of agent and kind of rule."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lpg.agents.atari import TORSOS
from lpg.agents.registry import TABULAR
from lpg.update_rules.a2c_categorical import CategoricalA2C
from lpg.update_rules.base import Rule

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

AgentKind = str
TABLE, DENSE, CONVOLUTION = KINDS = ("table", "dense", "convolution")
"""Kinds of agents that can share a setting."""

Range = tuple[float, float]
LAMBDA: Range = (0.8, 1.0)
ENTROPY: Range = (3e-4, 0.1)
TABLE_RATES = {True: (1.0, 64.0), False: (0.25, 8.0)}
"""Learning rates of tables that step by visits, for rules that are learned or have the form of the LPG, and for others.
A value overshoots from learning rate × weight = 2 on; a categorical prediction does not."""
NETWORK_RATES: Range = (3e-4, 1e-2)
Y_WEIGHTS = {True: (0.125, 4.0), False: (0.02, 0.5)}
"""For rules whose prediction is categorical, and for rules whose prediction is a value."""
INITIAL_VALUES: Range = (0.0, 6.0)
"""Of rules whose predictions are values."""
GEOMETRIES = {
    TABLE: ("8 x 20", "16 x 20", "32 x 20", "64 x 20"),
    DENSE: ("8 x 8", "8 x 16", "8 x 32", "16 x 8", "16 x 16"),
    CONVOLUTION: ("8 x 8", "8 x 16", "16 x 8", "16 x 16", "32 x 8"),
}
"""Parallel environments × steps of an update."""
STEP_LIMITS: dict[str, Range] = {"clip": (0.05, 0.5), "drift_scale": (0.25, 4.0)}
"""How far the policy may move from the one that acted, by the rule's `step_limit`."""
WHOLE_EPOCHS = (1, 2, 4)
"""Updates on one whole rollout, of networks under hand-written rules without a step limit."""
EPOCHS = (1, 2, 4, 8)
"""Of learned rules, whose policy may be clipped, and of rules that use a rollout several times."""
MINIBATCHES = (1, 2, 4, 8)
"""Of the latter; all geometries can be split so."""
LONG_GEOMETRIES = {
    TABLE: GEOMETRIES[TABLE],
    DENSE: ("8 x 16", "8 x 32", "16 x 16", "16 x 32", "8 x 128"),
    CONVOLUTION: ("16 x 16", "16 x 32", "32 x 16", "16 x 64"),
}
"""For them on networks, more steps of an update."""


def agent_kind(agent: str) -> AgentKind:
    """The kind of an agent by name; custom agents count as dense networks."""
    if agent == TABULAR:
        return TABLE
    return CONVOLUTION if "C(" in agent or agent in TORSOS else DENSE


def is_valued(rule: Rule) -> bool:
    """Whether what agents predict under a rule are values; else it is categorical, or the rule's own invention."""
    return rule.prediction_size == 1 or not (rule.discovers_predictions or isinstance(rule, CategoricalA2C))


def predicts_values(rule: Rule, card: Mapping[str, Any]) -> bool:
    """Whether a prediction, a number or a distribution, is a value: under hand-written rules, and fitted ones."""
    config = card.get("config")
    return not rule.discovers_predictions or (isinstance(config, Mapping) and config.get("objective") == "imitate")


def search_space(
    kind: AgentKind,
    *,
    is_learned: bool,
    is_valued: bool,
    step_limit: str | None = None,
    predicts_values: bool = False,
) -> dict[str, "BaseDistribution"]:
    """Distributions of the hyper-parameters that a sweep changes, by name.

    γ is not searched: it belongs to the task. All rules without a step limit have the same geometries for a kind of
    agent. On networks a learned rule's policy may be clipped, see `lpg.update_rules.clipped`.

    Args:
        is_learned: learned rules have neither an entropy bonus nor λ.
        is_valued: see the function of this name.
        step_limit: see `lpg.update_rules.proximal.step_limit_of`; rules that have one use parts of a rollout several
            times.
        predicts_values: see the function of this name; on networks such agents may begin with an optimistic value.
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    def log(bounds: Range) -> FloatDistribution:
        return FloatDistribution(*bounds, log=True)

    space: dict[str, BaseDistribution] = {
        "learning_rate": log(TABLE_RATES[is_learned or not is_valued] if kind == TABLE else NETWORK_RATES),
        "y_weight": log(Y_WEIGHTS[not is_valued]),
        "geometry": CategoricalDistribution((GEOMETRIES if step_limit is None else LONG_GEOMETRIES)[kind]),
    }
    if not is_learned:
        space |= {"policy_entropy_weight": log(ENTROPY), "lambda_": FloatDistribution(*LAMBDA)}
    if kind == TABLE or is_learned:
        # A learned rule reads rewards and has seen only those of its meta-training. Networks under hand-written rules
        # always want them scaled.
        space["normalise_rewards"] = CategoricalDistribution((False, True))
    if step_limit is not None:
        space[step_limit] = log(STEP_LIMITS[step_limit])
        space |= {
            "num_epochs": CategoricalDistribution(EPOCHS),
            "num_minibatches": CategoricalDistribution(MINIBATCHES),
        }
    elif kind != TABLE:
        space["num_epochs"] = CategoricalDistribution(EPOCHS if is_learned else WHOLE_EPOCHS)
        if is_learned:  # A2C with it is PPO, which has a search of its own
            space["clip_policy"] = CategoricalDistribution((False, True))
    if kind != TABLE:
        space["normalise_advantages"] = CategoricalDistribution((False, True))
        if predicts_values:
            space["initial_value"] = FloatDistribution(*INITIAL_VALUES)
    return space


def fields_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of `TrainConfig` for values from a search space."""
    fields = dict(values)
    if "geometry" in fields:
        num_envs, num_steps = fields.pop("geometry").split(" x ")
        fields |= {"num_envs": int(num_envs), "num_steps": int(num_steps)}
    return fields


def values_of(fields: Mapping[str, Any], space: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `fields_of`, for the names in a search space."""
    values = {**fields, "geometry": f"{fields['num_envs']} x {fields['num_steps']}"}
    return {name: values[name] for name in space}
