"""`lpg export`: a rule as the folder that model hubs expect."""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from lpg.cli.main import DONE
from lpg.cli.parsing import parse
from lpg.evaluation.rule_folder import export_rule


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Writes a rule as the folder that model hubs expect: weights, README.md with metadata, recorded settings. Nothing
    is sent anywhere."""

    rule: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RULE")]
    """A learned rule, see `lpg list rules`, a rule file or a run folder."""
    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DIR")]
    """The folder; `lpg.load_rule` and --rule take it."""
    license: str | None = None
    """Licence of the weights, as hubs call it: apache-2.0, say."""


def run(argv: list[str]) -> int:
    """Writes the folder and names its files."""
    arguments = parse(Arguments, argv, "lpg export")
    for path in export_rule(arguments.rule, arguments.folder, license=arguments.license):
        print(f"wrote {path}")
    return DONE
