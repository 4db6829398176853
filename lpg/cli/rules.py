"""What `--rule` means: a rule with the name by which tables call it, and how its agents are set up."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from lpg.evaluation.results import REFERENCES
from lpg.evaluation.settings import Chosen, chosen, tuned_beside
from lpg.evaluation.train_agents import TrainingSizes
from lpg.update_rules.registry import NamedRule, find_rule


@dataclasses.dataclass(frozen=True)
class Contestant:
    """A rule under the name that the user gave it."""

    label: str
    named: NamedRule

    @property
    def sizes(self) -> TrainingSizes:
        """Streams, steps, and how time limits are shown to this rule."""
        return TrainingSizes.of_card(self.named.card)

    def chosen(self, environment: str, num_updates: int, agent: str | None = None) -> Chosen:
        """Its agents' hyper-parameters: of a table beside its file, of the package's table, or the defaults.

        Args:
            agent: which agents; none: the environment's own.
        """
        path = self.named.path
        tables = () if path is None else (tuned_beside(path),)
        return chosen(
            self.named.name, environment, num_updates, is_learned=self.named.is_learned, agent=agent, tables=tables
        )


def contestants(specs: Sequence[str]) -> list[Contestant]:
    """Loads rules given as `RULE` or `label=RULE`.

    Raises:
        ValueError: none is given, one cannot be loaded, or two have one name.
    """
    if not specs:
        raise ValueError("no rule given; at least one --rule is needed, a2c say")
    found: list[Contestant] = []
    for spec in specs:
        label, separator, rest = spec.partition("=")
        is_labelled = bool(separator) and not Path(spec).exists()
        named = find_rule(rest if is_labelled else spec)
        one = Contestant(label=label.strip() if is_labelled else named.name, named=named)
        if not one.label or one.label in REFERENCES:
            raise ValueError(f"a rule cannot be called {one.label!r}; give another one as --rule label={rest or spec}")
        if any(other.label == one.label for other in found):
            raise ValueError(f"two rules are called {one.label!r}; tell them apart by --rule label=RULE")
        found.append(one)
    return found
