"""`lpg list`: what there is."""

import dataclasses
from typing import Annotated

import tyro

from lpg.checks import known
from lpg.cli.parsing import parse


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Lists environments, suites, agents, rules or configs."""

    what: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="WHAT")]
    """environments, suites, agents, rules or configs"""


def run(argv: list[str]) -> int:
    """Prints a list, one entry a line: its name and what it is."""
    lists = {
        "environments": _environments,
        "suites": _suites,
        "agents": _agents,
        "rules": _rules,
        "configs": _configs,
    }
    what = known(parse(Arguments, argv, "lpg list").what, lists, "list")
    entries = lists[what]()
    width = max((len(name) for name in entries), default=0)
    for name, about in entries.items():
        print(f"{name:<{width}}  {about}".rstrip())
    return 0


def _environments() -> dict[str, str]:
    from lpg.environments.registry import ENVIRONMENTS
    from lpg.learner.gymnasium_environments import FAMILIES

    found = {name: entry.about for name, entry in ENVIRONMENTS.items()}
    return {**found, **{name + what: about for name, (what, about) in FAMILIES.items()}}


def _suites() -> dict[str, str]:
    from lpg.environments.registry import SUITES
    from lpg.learner import gymnasium_environments

    return {name: ", ".join(members) for name, members in {**SUITES, **gymnasium_environments.SUITES}.items()}


def _agents() -> dict[str, str]:
    from lpg.agents.registry import AGENTS

    return AGENTS


def _rules() -> dict[str, str]:
    from lpg.update_rules.registry import HAND_WRITTEN, LIBRARY_ALGORITHMS
    from lpg.update_rules.rule_file import origin, read_rule
    from lpg.update_rules.rule_paths import shipped

    found = {name: about for name, (_, about) in HAND_WRITTEN.items()}
    for name, path in shipped().items():
        card = read_rule(path)[1]
        found[name] = str(card.get("about") or f"a discovered rule of kind {card['kind']}, from {origin(card)}")
    return {**found, **LIBRARY_ALGORITHMS}


def _configs() -> dict[str, str]:
    from lpg.meta_training.config_file import load_config, shipped_configs

    found = {}
    for name in shipped_configs():
        config = load_config(name)
        found[name] = (
            f"{config.rule} on {config.suite}: {config.lstm_size} LSTM units, {config.lifetimes_per_environment} "
            f"lifetimes per environment, {config.meta_updates:,} meta-updates"
        )
    return found
