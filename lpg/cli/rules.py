"""What `--rule` means: rules, each with the label under which tables show it."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from lpg.analysis.compare import check_labels
from lpg.update_rules.registry import NamedRule, find_rule


def named_rules(specs: Sequence[str], find: Callable[[str], NamedRule] = find_rule) -> list[NamedRule]:
    """Loads rules given as `RULE` or `label=RULE`.

    Args:
        find: what finds one by name; `lpg.update_rules.registry.find_algorithm` where other algorithms may be given.

    Raises:
        ValueError: none is given, one cannot be loaded, or two have one label.
    """
    rules: list[NamedRule] = []
    for spec in specs:
        label, separator, rest = spec.partition("=")
        is_labelled = bool(separator) and not Path(spec).exists()
        rule = find(rest if is_labelled else spec)
        rules.append(dataclasses.replace(rule, label=label.strip()) if is_labelled else rule)
    check_labels(rules)
    return rules
