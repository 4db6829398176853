"""A rule as the folder that model hubs expect: weights, a README.md with metadata, and recorded settings.

    model.safetensors  README.md  model.tuned.json

Nothing is sent anywhere: upload the folder with the hub's own tool. `lpg.load_rule` and `lpg.torch.Rule` read it.
"""

import hashlib
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.tuning_table import GENERAL, in_words, read_table, steps_of, tuned_beside
from lpg.files import write_atomic
from lpg.update_rules.base import Rule
from lpg.update_rules.own_rule import is_own
from lpg.update_rules.registry import NamedRule, named_rule
from lpg.update_rules.rule_file import describe, origin, save_rule
from lpg.update_rules.rule_paths import HUB_FILE

README = "README.md"
_SHOWN = ("learning_rate", "y_weight", "gamma", "num_envs", "num_steps", "table_step")
"""Fields of a setting in the tables of README.md."""


def export_rule(rule: Rule | str | Path, folder: str | Path, *, license: str | None = None) -> list[Path]:
    """Writes a learned rule as such a folder.

    Args:
        rule: a rule, or anything that `lpg.load_rule` takes.
        folder: created if it does not exist. Other files in it stay as they are.
        license: of the weights, as hubs call it ("apache-2.0"); none: README.md names no licence.

    Returns:
        The files.

    Raises:
        ValueError: there is no such rule, it has no weights, or the folder holds another rule or another README.md.
        OSError: the folder cannot be written.
    """
    named, folder = named_rule(rule), Path(folder)
    if not named.is_learned:
        raise ValueError(f"{named.label} given; a learned rule is needed, because a hand-written one has no weights")
    if license is not None and not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", license):
        raise ValueError(f"license is {license!r}; a hub's name of one is needed, in small letters: apache-2.0, say")
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; a folder is needed")
    weights = _weights(named)
    contents = {HUB_FILE: weights}
    table = None
    if named.path is not None and tuned_beside(named.path).is_file():
        table = read_table(tuned_beside(named.path))
        contents[tuned_beside(Path(HUB_FILE)).name] = tuned_beside(named.path).read_bytes()
    contents[README] = _readme(named, weights, table, license).encode()
    for name, content in contents.items():
        if (folder / name).exists() and (folder / name).read_bytes() != content:
            raise ValueError(f"{folder / name} exists and has other content; give another folder, or remove it first")
    for name, content in contents.items():
        write_atomic(folder / name, content)
    return [folder / name for name in contents]


def _weights(named: NamedRule) -> bytes:
    """The rule file, as it is if there is one."""
    if named.path is not None:
        return named.path.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        save_rule(Path(folder) / HUB_FILE, named.rule, named.card)
        return (Path(folder) / HUB_FILE).read_bytes()


def _readme(named: NamedRule, weights: bytes, table: Mapping[str, Any] | None, license: str | None) -> str:
    """The card as Markdown, with the metadata block of model hubs; `rule_folder.md` is its template."""
    import jinja2

    card = named.card
    environments = card.get("environments") or ["chain/short"]
    facts = {
        "kind": describe(named.rule, card)[0],
        "parameters": sum(leaf.size for leaf in jax.tree.leaves(named.rule)),
        "meta-trained on": card.get("environments"),
        "began from": origin(card) if card else None,
        "meta-updates": card.get("meta_updates"),
        "environment steps": card.get("environment_steps"),
        "seed": card.get("seed"),
        "validation score": card.get("evaluation", {}).get("validation"),
        "JAX": card.get("jax"),
        "SHA-256 of the weights": hashlib.sha256(weights).hexdigest(),
    }
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lpg", "evaluation"), trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    environment.filters["cell"] = _cell
    return environment.get_template("rule_folder.md").render(
        name=named.label, license=license, is_in_torch=facts["kind"] in ("lpg", "lpg-v"),
        needs_module=is_own(str(facts["kind"])), environment=environments[0], facts=facts,
        config=card.get("config"), settings=[] if table is None else _settings(table), shown=_SHOWN,
    )  # fmt: skip


def _settings(table: Mapping[str, Any]) -> list[list[Any]]:
    """Rows of settings, by environment and general ones by kind of agent: for what, steps, and the fields shown."""
    general = table.get("general", {})
    named: list[tuple[str, int | None, Any]]
    named = [(f"{in_words(kind)} in general", None, general[kind]) for kind in GENERAL if kind in general]
    named += [(name, steps_of(entry), entry) for name, own in table["environments"].items() for entry in own]
    configs = [TrainConfig.of_record(entry["setting"]) for _, _, entry in named]
    return [
        [name, steps, *(getattr(config, field) for field in _SHOWN)]
        for (name, steps, _), config in zip(named, configs, strict=True)
    ]


def _cell(value: Any) -> str:
    """A value in a table of Markdown."""
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    if isinstance(value, float):
        value = f"{value:.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        value = f"{value:,}"
    return "" if value is None else str(value).replace("|", "\\|").replace("\n", " ")
