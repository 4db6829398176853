"""The list of rules: hand-written ones by name, discovered ones by the files that ship with the package."""

import dataclasses
import difflib
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

from lpg.update_rules.a2c import A2C
from lpg.update_rules.a2c_categorical import CategoricalA2C, optimistic_a2c
from lpg.update_rules.base import Rule
from lpg.update_rules.disco import rule as disco
from lpg.update_rules.library_algorithm import LibraryAlgorithm
from lpg.update_rules.lpg import LPG
from lpg.update_rules.lpg_v import LPGV
from lpg.update_rules.own_rule import is_own, make_own
from lpg.update_rules.proximal import DPO, PPO, step_limit_of
from lpg.update_rules.rule_file import read_rule
from lpg.update_rules.rule_paths import find_file, shipped

HAND_WRITTEN: dict[str, tuple[Callable[[], Rule], str]] = {
    "a2c": (A2C, "hand-written: advantage actor-critic with λ-returns"),
    "a2c-categorical": (CategoricalA2C, "hand-written: the same, with a distribution over values as its prediction"),
    "a2c-optimistic": (optimistic_a2c, "hand-written: the same, with optimistic initial values and bounded advantages"),
    "ppo": (PPO, "hand-written: proximal policy optimisation, several updates on each rollout with clipped ratios"),
    "dpo": (DPO, "hand-written: discovered policy optimisation, the same with a drift in place of the clipping"),
}

LIBRARY_ALGORITHMS = {
    "rejax/ppo": "PPO of the library rejax, for `lpg train` and `lpg evaluate` (needs lpg[rejax])",
}
"""Algorithms that another library trains; they are compared with rules, and are none."""

FROM_FILES = {
    "disco:PATH": "the rule of DiscoRL with your copy of its published weights, disco_103.npz, for `lpg train` and "
    "`lpg evaluate`",
}
"""Rules whose weights are the user's own copy of a file of other authors."""

_ORIGINS: dict[int, dict[str, Any]] = {}
"""Name, label, card and path of the rules that `load_rule` returned, by `id`."""


@dataclasses.dataclass(frozen=True)
class NamedRule:
    """A rule and where it came from."""

    rule: Rule
    name: str
    """What recorded settings call it: its name, or the name of its file or run folder."""
    label: str
    """What tables of results call it; its name unless the user gives another."""
    card: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Empty for hand-written rules."""
    path: Path | None = None
    """Its file; none if it has none."""

    @property
    def is_learned(self) -> bool:
        """Whether the rule has learned parameters."""
        return bool(jax.tree.leaves(self.rule))

    @property
    def step_limit(self) -> str | None:
        """See `lpg.update_rules.proximal.step_limit_of`."""
        return step_limit_of(self.rule)


def load_rule(name: str | Path) -> Rule:
    """A rule by name, rule file, run folder, folder of `lpg export` or `module:factory`.

    Its name, card and file are remembered as long as the object exists, so that `lpg.train` uses its recorded settings.

    Raises:
        ValueError: there is no such rule (names the nearest), or its file is damaged.
    """
    found = find_rule(name)
    # By identity: rules hold arrays and have no hash. NamedRule would hold the rule, so only its other fields are kept.
    _ORIGINS[id(found.rule)] = {"name": found.name, "label": found.label, "card": found.card, "path": found.path}
    weakref.finalize(found.rule, _ORIGINS.pop, id(found.rule), None)
    return found.rule


def named_rule(rule: Rule | str | Path) -> NamedRule:
    """A rule with name, card and file: what `load_rule` takes, what it returned, or a rule object of any other origin.

    An object that `load_rule` did not return is called by its class and has neither card nor file.

    Raises:
        ValueError: see `load_rule`.
    """
    if isinstance(rule, str | Path):
        return find_rule(rule)
    name = type(rule).__name__.lower()
    return NamedRule(rule=rule, **_ORIGINS.get(id(rule), {"name": name, "label": name}))


def find_rule(name: str | Path) -> NamedRule:
    """Like `load_rule`, with name, card and file."""
    text = str(name)
    if text in LIBRARY_ALGORITHMS:
        raise ValueError(
            f"{text} given; a rule is needed, and this is an algorithm of another library, which only lpg train and "
            "lpg evaluate (without --tune) can run"
        )
    if text.startswith(disco.PREFIX):
        raise ValueError(disco.ONLY_WHOLE)
    if text in HAND_WRITTEN:
        return NamedRule(rule=HAND_WRITTEN[text][0](), name=text, label=text)
    if (found := find_file(name)) is not None:
        rule, card = read_rule(found[0])
        return NamedRule(rule=rule, name=found[1], label=found[1], card=card, path=found[0])
    if is_own(text):
        return NamedRule(rule=make_own(text, jax.random.key(0)), name=text, label=text)
    if text == "lpo":
        raise ValueError(
            "lpo given; its drift is a network whose weights do not come with lpg; dpo, its closed form, does"
        )
    nearest = difflib.get_close_matches(text, [*HAND_WRITTEN, *shipped()], n=1, cutoff=0.0)[0]
    raise ValueError(f"unknown rule, rule file or run folder {text!r}; did you mean {nearest!r}?")


def named_algorithm(rule: Rule | str | Path) -> NamedRule:
    """Like `named_rule`; algorithms of other libraries and `disco:PATH`, too."""
    return find_algorithm(rule) if isinstance(rule, str | Path) else named_rule(rule)


def find_algorithm(name: str | Path) -> NamedRule:
    """Like `find_rule`; algorithms of other libraries and `disco:PATH`, too."""
    text = str(name)
    if text.startswith(disco.PREFIX):
        rule, card, path = disco.read_disco(text.removeprefix(disco.PREFIX))
        return NamedRule(rule, name=disco.NAME, label=disco.NAME, card=card, path=path)
    if text not in LIBRARY_ALGORITHMS:
        return find_rule(name)
    return NamedRule(LibraryAlgorithm(text), name=text.replace("/", "-"), label=text, card=LibraryAlgorithm.card)


def check_entropy_weight(weight: float, rule: Rule, label: str) -> None:
    """Whether a rule uses the entropy bonus that somebody gives it.

    Raises:
        ValueError: it does not, and the weight is not zero.
    """
    if weight and isinstance(rule, LPG | LPGV):
        raise ValueError(
            f"policy_entropy_weight is {weight}; {label} does not use it, only hand-written rules such as a2c do"
        )
