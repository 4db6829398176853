"""Training configurations where none is recorded: documented defaults, and what a rule's own agents had."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from lpg.evaluation.search_space import CONVOLUTION, DENSE, TABLE, AgentKind
from lpg.evaluation.train_config import TrainConfig
from lpg.update_rules.registry import NamedRule

_NETWORK = TrainConfig(
    learning_rate=0.003, gamma=0.99, num_envs=16, num_steps=8, max_gradient_norm=0.5, final_learning_rate=0.0,
    normalise_observations=True, normalise_rewards=True,
)  # fmt: skip
_CONVOLUTION = dataclasses.replace(_NETWORK, learning_rate=0.005, num_steps=16, normalise_observations=False)
_DEFAULTS = {
    (TABLE, True): TrainConfig(learning_rate=8.0, y_weight=1.0, num_envs=16),
    (TABLE, False): TrainConfig(learning_rate=1.0, y_weight=0.15, policy_entropy_weight=0.01, num_envs=16),
    (DENSE, True): _NETWORK,
    (DENSE, False): dataclasses.replace(_NETWORK, policy_entropy_weight=0.003),
    (CONVOLUTION, True): _CONVOLUTION,
    (CONVOLUTION, False): dataclasses.replace(_CONVOLUTION, policy_entropy_weight=0.05),
}
_CATEGORICAL_TABLE = TrainConfig(
    learning_rate=16.0, y_weight=0.4, policy_entropy_weight=0.003, num_envs=16, normalise_rewards=True
)
"""Of a hand-written rule in the LPG's form."""

_SEVERAL_UPDATES: dict[AgentKind, dict[str, Any]] = {
    TABLE: {"num_epochs": 4, "num_minibatches": 2},
    DENSE: {"num_steps": 32, "num_epochs": 4, "num_minibatches": 4, "normalise_advantages": True},
    CONVOLUTION: {"num_steps": 32, "num_epochs": 4, "num_minibatches": 4, "normalise_advantages": True},
}
"""What differs for rules that use a rollout several times."""


def default_for(
    kind: AgentKind, *, is_learned: bool, is_valued: bool = True, step_limit: str | None = None
) -> TrainConfig:
    """The configuration of a kind of agent where no table has one: tables step by visits, networks by Adam.

    Args:
        is_valued: see `lpg.evaluation.search_space.is_valued`; of no importance for learned rules.
        step_limit: see `lpg.update_rules.proximal.step_limit_of`.
    """
    config = _DEFAULTS[kind, is_learned]
    if kind == TABLE and not (is_learned or is_valued):
        config = _CATEGORICAL_TABLE
    return config if step_limit is None else dataclasses.replace(config, **_SEVERAL_UPDATES[kind])


def atari_default(rule: NamedRule) -> TrainConfig:
    """Table 4 of the paper, with a baseline for rules without a value function and 30 games at once.

    The paper gives no configuration for A2C on Atari; its entropy bonus is the usual one.
    """
    several = {"num_epochs": 4, "num_minibatches": 3, "normalise_advantages": True}
    return TrainConfig(
        **(several if rule.step_limit is not None else {}),  # type: ignore[arg-type]
        learning_rate=5e-4,
        policy_entropy_weight=0.0 if rule.is_learned else 0.01,
        baseline=rule.rule.discovers_predictions,
        num_envs=30,
    )


def of_meta_training(card: Mapping[str, Any], kind: AgentKind) -> TrainConfig | None:
    """The middle of the arms that a rule's card records for a kind of agent; none without a record.

    Networks have clipping and a falling rate besides, as without a record. Only meta-trainings with normalised
    observations count for them, because networks are trained so elsewhere. Tables that step by visits have at most the
    default's environments: meta-gradients want many, agents learn faster from more updates with fewer.
    """
    config = card.get("config")
    if not isinstance(config, Mapping) or not {"learning_rates", "y_weights"} <= set(config):
        return None
    rates, weights, num_envs = config["learning_rates"], config["y_weights"], config.get("num_envs", 64)
    if kind == TABLE and config.get("table_step") == "visits":
        num_envs = min(num_envs, default_for(kind, is_learned=True).num_envs)
    if kind != TABLE:
        rates, weights = config.get("network_learning_rates"), config.get("network_y_weights") or weights
        if kind != DENSE or not rates or not config.get("normalise_observations"):
            return None
    return dataclasses.replace(
        TrainConfig() if kind == TABLE else default_for(kind, is_learned=True),
        learning_rate=float(np.median(rates)),
        y_weight=float(np.median(weights)),
        num_envs=num_envs,
        num_steps=config.get("num_steps", 20),
        table_step=config.get("table_step", "samples"),
        normalise_observations=kind != TABLE,
        normalise_rewards=config.get("normalise_rewards", False),
    )
