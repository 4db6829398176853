"""What `--rule` means: rules, each with the label under which tables show it."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from lpg.evaluation.results import REFERENCES
from lpg.update_rules.registry import NamedRule, find_rule


def named_rules(specs: Sequence[str], find: Callable[[str], NamedRule] = find_rule) -> list[NamedRule]:
    """Loads rules given as `RULE` or `label=RULE`.

    Args:
        find: what finds one by name; `lpg.update_rules.registry.find_algorithm` where other algorithms may be given.

    Raises:
        ValueError: none is given, one cannot be loaded, or two have one label.
    """
    if not specs:
        raise ValueError("no rule given; at least one --rule is needed, a2c say")
    rules: list[NamedRule] = []
    for spec in specs:
        label, separator, rest = spec.partition("=")
        is_labelled = bool(separator) and not Path(spec).exists()
        rule = find(rest if is_labelled else spec)
        if is_labelled:
            rule = dataclasses.replace(rule, label=label.strip())
        if not rule.label or rule.label in REFERENCES:
            raise ValueError(f"a rule cannot be called {rule.label!r}; give another one as --rule label={rest or spec}")
        if any(other.label == rule.label for other in rules):
            raise ValueError(f"two rules are called {rule.label!r}; tell them apart by --rule label=RULE")
        rules.append(rule)
    return rules
