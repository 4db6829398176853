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
    from lpg.evaluation import lists as there

    lists = {
        "environments": there.list_environments,
        "suites": there.list_suites,
        "agents": there.list_agents,
        "rules": there.list_rules,
        "configs": there.list_configs,
    }
    what = known(parse(Arguments, argv, "lpg list").what, lists, "list")
    entries = lists[what]()
    width = max((len(name) for name in entries), default=0)
    for name, about in entries.items():
        print(f"{name:<{width}}  {about}".rstrip())
    return 0
