"""Recorded training configurations: the tuning tables, and the documented defaults where nothing is recorded."""

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lpg.evaluation.search_space import CONVOLUTION, DENSE, KINDS, TABLE, AgentKind, agent_kind, is_valued
from lpg.evaluation.train_config import TrainConfig
from lpg.files import write_atomic
from lpg.learner.gymnasium_environments import ATARI
from lpg.update_rules.registry import NamedRule

TABLE_FORMAT = 1
TUNED_FOLDER = Path(__file__).parent / "tuned"

ATARI_GAMES = "atari"
GENERAL = (*KINDS, ATARI_GAMES)
"""What a general setting may be for: a kind of agent, or all Atari games, which have networks of their own."""

Settings = Literal["general", "tuned"]
"""The one setting for all environments of a kind of agent; or the environment's own, where it was tuned."""

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


Level = Literal["tuned", "general", "default", "given"]


@dataclasses.dataclass(frozen=True)
class ChosenConfig:
    """A configuration and where it is from."""

    config: TrainConfig
    source: str
    """In words."""
    level: Level = "given"
    """How well it is tuned: on the environment; on several environments of a kind of agent; not at all; or unknown."""
    trials: int | None = None
    """How many configurations it is the best of, by its tuning table; none where no number is recorded."""
    is_confirmed: bool = False
    """Whether those were the best of an earlier search, tried again with more agents or steps."""


def choose_config(
    rule: NamedRule,
    environment: str,
    num_steps: int | float,
    agent: str,
    *,
    own: str,
    settings: Settings = "tuned",
) -> ChosenConfig:
    """The recorded configuration of a rule on an environment; without one, or if asked: `general_config`.

    An entry of a tuning table counts if it was made with the agent that is going to learn. The first table that has one
    counts: that beside the rule's file, then `tuned/<name>.json` of the package. Of its entries the one for the nearest
    number of steps is taken. Atari games have a general setting of their own, without one Table 4 of the paper.

    Args:
        num_steps: environment steps of the training, all environments together.
        agent: which agent learns.
        own: the environment's own agent, which made the entries that name none.
        settings: "general" ignores what was tuned on this environment.
    """
    for path in _files(rule) if settings == "tuned" else []:
        entries = read_table(path)["environments"].get(environment, [])
        entries = [entry for entry in entries if entry.get("agent", own) == agent]
        if entries:
            # Twice as many is as far away as half as many.
            nearest = min(entries, key=lambda entry: abs(np.log(steps_of(entry) / num_steps)))
            config = TrainConfig.of_record(nearest["setting"]).for_rule(rule.card)
            source = f"tuned at {nearest['updates']} updates ({path.name})"
            return ChosenConfig(config, source, "tuned", **_search_of(nearest))
    if environment.startswith(ATARI):
        return _recorded(rule, (ATARI_GAMES,)) or ChosenConfig(
            _atari_config(rule).for_rule(rule.card), "default", "default"
        )
    return general_config(rule, agent_kind(agent))


def general_config(rule: NamedRule, kind: AgentKind) -> ChosenConfig:
    """The general setting of a rule for a kind of agent: of its tuning table; without one, a documented default.

    A rule without one for convolutions uses that of dense networks. The default of a learned rule for tables and dense
    networks is the middle of what such agents had in its own meta-training, see its card.
    """
    if recorded := _recorded(rule, (kind, DENSE) if kind == CONVOLUTION else (kind,)):
        return recorded
    if (found := of_meta_training(rule.card, kind)) is not None:
        return ChosenConfig(found.for_rule(rule.card), "the middle of its meta-training's", "default")
    config = default_for(kind, is_learned=rule.is_learned, is_valued=is_valued(rule.rule), step_limit=rule.step_limit)
    return ChosenConfig(config.for_rule(rule.card), "default", "default")


def _recorded(rule: NamedRule, kinds: Sequence[str]) -> ChosenConfig | None:
    """The general setting of a rule's first table that has one; of several kinds the first counts.

    Args:
        kinds: of `GENERAL`; the first is what the setting is for.
    """
    for path in _files(rule):
        general = read_table(path).get("general", {})
        for entry in (general[kind] for kind in kinds if kind in general):
            config = TrainConfig.of_record(entry["setting"]).for_rule(rule.card)
            source = f"general setting for {in_words(kinds[0])} ({path.name})"
            return ChosenConfig(config, source, "general", **_search_of(entry))
    return None


def _atari_config(rule: NamedRule) -> TrainConfig:
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


def in_words(kind: str) -> str:
    """One of `GENERAL`."""
    return f"{kind} games" if kind == ATARI_GAMES else f"{kind} agents"


def steps_of(entry: Mapping[str, Any]) -> int:
    """Environment steps of the trainings behind an entry; one without num_envs and num_steps had 64 × 20 an update."""
    return entry["updates"] * TrainConfig.of_record(entry["setting"]).steps_per_update


def tuned_beside(path: Path) -> Path:
    """The tuning table that belongs to a rule file: `rule.tuned.json` beside `rule.safetensors`."""
    return path.with_suffix(".tuned.json")


def read_table(path: Path) -> dict[str, Any]:
    """Reads a tuning table.

    Raises:
        ValueError: it is not one.
    """
    try:
        table = json.loads(path.read_text())
        if table["format_version"] != TABLE_FORMAT:
            raise ValueError(f"format version {table['format_version']}; {TABLE_FORMAT} is needed")
        for entries in table["environments"].values():
            for entry in entries:
                TrainConfig.of_record(entry["setting"])
                if not entry["updates"] > 0:
                    raise ValueError(f"updates is {entry['updates']}")
        for kind, entry in table.get("general", {}).items():
            if kind not in GENERAL:
                raise ValueError(f"general setting for {kind!r}; one of {', '.join(GENERAL)} is needed")
            TrainConfig.of_record(entry["setting"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: not a tuning table ({type(error).__name__}: {error})") from error
    return table


def save_table(path: Path, rule: str, entries: Mapping[str, dict[str, Any]]) -> None:
    """Adds a sweep to a tuning table; an older entry for the same environment, agent and steps goes.

    Raises:
        ValueError: there is a file and it is no tuning table.
    """
    table: dict[str, Any] = (
        read_table(path) if path.is_file() else {"format_version": TABLE_FORMAT, "rule": rule, "environments": {}}
    )
    for name, entry in entries.items():
        others = [e for e in table["environments"].get(name, []) if _sweep_of(e) != _sweep_of(entry)]
        table["environments"][name] = sorted([*others, entry], key=steps_of)
    write_atomic(path, (_dump(table) + "\n").encode())


def save_general(path: Path, rule: str, kind: AgentKind, entry: Mapping[str, Any]) -> None:
    """Puts a sweep over several environments into a tuning table, as the general setting of a kind of agent.

    Raises:
        ValueError: there is a file and it is no tuning table.
    """
    table: dict[str, Any] = (
        read_table(path) if path.is_file() else {"format_version": TABLE_FORMAT, "rule": rule, "environments": {}}
    )
    table["general"] = {**table.get("general", {}), kind: entry}
    write_atomic(path, (_dump(table) + "\n").encode())


def _files(rule: NamedRule) -> list[Path]:
    beside = [] if rule.path is None else [tuned_beside(rule.path)]
    return [path for path in (*beside, TUNED_FOLDER / f"{rule.name}.json") if path.is_file()]


def _search_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `ChosenConfig` that tell how an entry was found."""
    return {"trials": entry.get("trials"), "is_confirmed": "confirms" in entry}


def _sweep_of(entry: Mapping[str, Any]) -> tuple[float, str | None]:
    """What an entry of an environment is the only one for: a budget of steps, which whole updates meet to a percent or
    so, and an agent; no agent: the environment's own."""
    return float(f"{steps_of(entry):.2g}"), entry.get("agent")


def _dump(table: dict[str, Any]) -> str:
    """JSON with one trial per line, so that a person can read it and a diff stays small."""
    innermost = re.compile(r"\[([^\[\]{}]*)\]")
    return innermost.sub(lambda found: "[" + " ".join(found[1].split()) + "]", json.dumps(table, indent=1))
