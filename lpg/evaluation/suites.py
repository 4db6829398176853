"""Environments to evaluate on, by name: single ones, suites, or several with commas; in JAX and of Gymnasium."""

from lpg.checks import known
from lpg.environments import registry
from lpg.learner import gymnasium_environments


def members(name: str) -> tuple[str, ...]:
    """Names of environments, each once. Names of Gymnasium environments are not checked here.

    Args:
        name: a suite, an environment, or several of either with commas.

    Raises:
        ValueError: one of them is neither; the nearest known name is offered.
    """
    everything = {**registry.SUITES, **registry.ENVIRONMENTS, **gymnasium_environments.SUITES}
    found: list[str] = []
    for part in (part.strip() for part in name.split(",")):
        if gymnasium_environments.is_gymnasium(part):
            found.append(part)
        elif registry.is_open(part):
            found += registry.suite(part)
        else:
            known(part, everything, "suite or environment")
            found += gymnasium_environments.SUITES.get(part) or registry.suite(part)
    return tuple(dict.fromkeys(found))
