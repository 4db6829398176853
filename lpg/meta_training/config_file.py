"""Configurations from shipped names, JSON files and `key=value` changes."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from lpg.checks import assignments, checked_fields, known, read_json_object
from lpg.meta_training.config import MetaConfig
from lpg.update_rules.registry import HAND_WRITTEN


def shipped_configs() -> dict[str, Path]:
    """Names and files of the configurations that ship with the package."""
    folder = Path(str(resources.files("lpg"))) / "configs"
    return {path.stem: path for path in sorted(folder.glob("*.json"))}


def load_config(name: str, changes: Sequence[str] | Mapping[str, Any] = ()) -> MetaConfig:
    """A configuration by shipped name or JSON file, with some values changed.

    A file contains only the values that differ from the defaults of `MetaConfig`, which are the paper's.

    Args:
        name: a shipped name, or the path of a JSON file.
        changes: values by key; or `key=value` texts, where values are JSON or strings without quotes.

    Raises:
        ValueError: no such configuration, malformed JSON, an unknown key (names the nearest), a wrong type, or a value
            out of range.
    """
    shipped = shipped_configs()
    path = Path(name)
    if name in shipped:
        path = shipped[name]
    elif not path.is_file():
        if path.suffix == ".json" or len(path.parts) > 1:
            raise ValueError(f"there is no configuration file {name}")
        known(name, shipped, "configuration")
    values = read_json_object(path.read_bytes(), path)
    return make_config({**values, **(changes if isinstance(changes, Mapping) else assignments(changes))})


def completed(stored: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as a run stores it; fields that are newer than the run have their defaults."""
    return {**json.loads(json.dumps(dataclasses.asdict(MetaConfig()))), **stored}


def make_config(values: dict[str, Any]) -> MetaConfig:
    """A configuration from JSON values.

    Raises:
        ValueError: an unknown key, a wrong type, or a value out of range.
    """
    if values.get("rule") in HAND_WRITTEN:
        raise ValueError(f"rule is {values['rule']}, which is written by hand: there is nothing to discover; a kind of "
                         "learned rule, lpg say, is needed")  # fmt: skip
    return MetaConfig(**checked_fields(MetaConfig, values))
