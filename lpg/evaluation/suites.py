"""What agents can be evaluated on: environments in JAX and on the host, alone, in suites, or several with commas."""

from lpg.checks import known
from lpg.environments import registry
from lpg.learner import gymnasium_environments


def members(name: str) -> tuple[str, ...]:
    """Names of environments, each of them once. Whether one on the host exists is not known before it is made.

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
        elif ":" in part:
            found += registry.suite(part)
        else:
            known(part, everything, "suite or environment")
            found += gymnasium_environments.SUITES.get(part) or registry.suite(part)
    return tuple(dict.fromkeys(found))
