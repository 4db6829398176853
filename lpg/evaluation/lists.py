"""What there is, by name: environments, suites, agents, rules, configurations of meta-trainings."""

from lpg.agents.registry import AGENTS
from lpg.environments.registry import ENVIRONMENTS, LIBRARIES, SUITES
from lpg.learner import gymnasium_environments
from lpg.meta_training.config_file import load_config, shipped_configs
from lpg.update_rules.registry import FROM_FILES, HAND_WRITTEN, LIBRARY_ALGORITHMS
from lpg.update_rules.rule_file import FITTED, origin, read_rule
from lpg.update_rules.rule_paths import shipped


def list_environments() -> dict[str, str]:
    """Names of environments, and what they are."""
    found = {name: entry.about for name, entry in ENVIRONMENTS.items()}
    families = {**LIBRARIES, **gymnasium_environments.FAMILIES}
    return {**found, **{name + what: about for name, (what, about) in families.items()}}


def list_suites() -> dict[str, str]:
    """Names of suites, and their environments."""
    return {name: ", ".join(members) for name, members in {**SUITES, **gymnasium_environments.SUITES}.items()}


def list_agents() -> dict[str, str]:
    """Names of agents, and what they are."""
    return dict(AGENTS)


def list_rules() -> dict[str, str]:
    """Names of rules, and what they are; those with "/" or ":" are for `lpg.train` and `lpg.evaluate` alone."""
    found = {name: about for name, (_, about) in HAND_WRITTEN.items()}
    for name, path in shipped().items():
        card = read_rule(path)[1]
        began = origin(card) if origin(card).startswith(FITTED) else f"from {origin(card)}"
        found[name] = str(card.get("about") or f"a learned rule of kind {card['kind']}, {began}")
    return {**found, **LIBRARY_ALGORITHMS, **FROM_FILES}


def list_configs() -> dict[str, str]:
    """Names of configurations of `lpg.meta_train`, and what they are."""
    found = {}
    for name in shipped_configs():
        config = load_config(name)
        found[name] = (
            f"{config.rule} on {config.suite}: {config.lstm_size} LSTM units, {config.lifetimes_per_environment} "
            f"lifetimes per environment, {config.meta_updates:,} meta-updates"
        )
    return found
