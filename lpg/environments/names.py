"""Names of environments: with keyword arguments, `gymnasium/FrozenLake-v1?is_slippery=false`, and of objects.

Keyword arguments are a part of the name, so that tables, checkpoints and trained agents say which environment they are
of. An environment that was given as an object has a name in this process, `given/Maze`; the second object of a class is
`given/Maze#2`.
"""

import itertools
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from lpg.checks import json_or_text

GIVEN = "given/"
_OBJECTS: dict[str, Any] = {}


def with_kwargs(name: str, kwargs: Mapping[str, Any] | None) -> str:
    """The name of an environment that is made with these keyword arguments.

    Raises:
        ValueError: the environment takes none, or a value is neither a JSON value nor a string.
    """
    if not kwargs:
        return name
    if not name.startswith(("gymnasium/", "gymnax/", "pgx/", "jumanji/")) and ":" not in name:
        raise ValueError(
            f"keyword arguments {', '.join(kwargs)} given, and {name} takes none; gymnasium/*, gymnax/*, pgx/*, "
            "jumanji/* and module:factory do"
        )
    plain, before = split_kwargs(name)
    texts = {key: _text(key, value) for key, value in sorted({**before, **kwargs}.items())}
    return f"{plain}?{urlencode(texts, quote_via=quote)}"


def split_kwargs(name: str) -> tuple[str, dict[str, Any]]:
    """A name without keyword arguments, and these."""
    plain, _, query = name.partition("?")
    return plain, {key: json_or_text(text) for key, text in parse_qsl(query, keep_blank_values=True)}


def keep(made: Any, label: str, family: str = "") -> str:
    """A name for an object, by which it is found again in this process.

    Args:
        label: its class, say.
        family: what the name begins with.
    """
    for number in itertools.count(1):
        name = f"{family}{GIVEN}{label}" + (f"#{number}" if number > 1 else "")
        if _OBJECTS.setdefault(name, made) is made:
            return name
    raise AssertionError


def kept(name: str) -> Any:
    """The object of a name.

    Raises:
        ValueError: it was given in another process.
    """
    if name not in _OBJECTS:
        raise ValueError(
            f"{name} was an object in another process; give it again: lpg.load_agent(folder, environment=…), "
            "lpg.train(rule, …)"
        )
    return _OBJECTS[name]


def is_kept(name: str) -> bool:
    """Whether a name is that of an object."""
    return name.startswith((GIVEN, f"gymnasium/{GIVEN}"))


def stable(name: str) -> str:
    """A name that is the same in every process: without the number of the object."""
    return name.partition("#")[0] if is_kept(name) else name


def _text(key: str, value: Any) -> str:
    if isinstance(value, str) and json_or_text(value) == value:
        return value
    try:
        return json.dumps(value)
    except TypeError as error:
        raise ValueError(
            f"{key} is a {type(value).__name__}; numbers, texts, lists and dictionaries are possible (for other values "
            "give a function that makes the environment)"
        ) from error
