"""Which training configuration is used: one that is recorded for the environment, a general one, or a default."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from lpg.evaluation.default_config import atari_default, default_for, of_meta_training
from lpg.evaluation.search_space import CONVOLUTION, DENSE, AgentKind, agent_kind, is_valued
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.tuning_table import ATARI_GAMES, files_of, in_words, read_table, steps_of
from lpg.learner.gymnasium_environments import ATARI
from lpg.update_rules.registry import NamedRule

Settings = Literal["general", "tuned"]
"""The one setting for all environments of a kind of agent; or the environment's own, where it was tuned."""
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
    for path in files_of(rule) if settings == "tuned" else []:
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
            atari_default(rule).for_rule(rule.card), "default", "default"
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
    for path in files_of(rule):
        general = read_table(path).get("general", {})
        for entry in (general[kind] for kind in kinds if kind in general):
            config = TrainConfig.of_record(entry["setting"]).for_rule(rule.card)
            source = f"general setting for {in_words(kinds[0])} ({path.name})"
            return ChosenConfig(config, source, "general", **_search_of(entry))
    return None


def _search_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `ChosenConfig` that tell how an entry was found."""
    return {"trials": entry.get("trials"), "is_confirmed": "confirms" in entry}
