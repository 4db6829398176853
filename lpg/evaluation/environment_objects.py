"""Environments given as objects or functions in Python: everything inside works with names."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

from lpg.environments.games import is_gymnax_style
from lpg.environments.names import keep, with_kwargs
from lpg.environments.registry import EnvDistribution, as_distribution
from lpg.learner.gymnasium_environments import GYMNASIUM
from lpg.places import described


def name_of(environment: Any, kwargs: Mapping[str, Any] | None = None) -> str:
    """The name of an environment.

    Args:
        environment: its name; an environment with the interface of gymnax, or a pair of it and its parameters; a
            distribution of environments of lpg; an environment that `gymnasium.make` made; or a function or class that
            makes one of these when it is called without arguments.
        kwargs: keyword arguments, where it is a name or a function.

    Raises:
        ValueError: it is nothing of these, or cannot be copied.
    """
    if isinstance(environment, str):
        return with_kwargs(environment, kwargs)
    if callable(environment) and not is_gymnax_style(environment):
        return _of_function(environment, dict(kwargs or {}))
    if kwargs:
        raise ValueError(f"env_kwargs given with a {type(environment).__name__}; they are for names and functions")
    return _of_object(environment)


def _of_object(given: Any) -> str:
    made, params = given if isinstance(given, tuple) and len(given) == 2 else (given, None)
    label = type(made).__name__
    if is_gymnax_style(made) or isinstance(made, EnvDistribution):
        if isinstance(made, EnvDistribution) and not is_gymnax_style(made):
            return keep(made, label)
        return keep(_game_of(made, params), label)
    if _is_gymnasium(made):
        return _of_gymnasium(made)
    raise ValueError(
        f"an environment of type {label} given; a name, an environment with the interface of gymnax (reset(key, "
        "params), step(key, state, action, params), action_space(params)), one from gymnasium.make, or a function that "
        "makes one is needed"
    )


_GAMES: dict[tuple[int, int], tuple[Any, Any, EnvDistribution]] = {}


def _game_of(made: Any, params: Any) -> EnvDistribution:
    """The same for the same objects, so that nothing is compiled twice."""
    key = (id(made), id(params))
    if key not in _GAMES:
        _GAMES[key] = (made, params, as_distribution(made, type(made).__name__, params))
    return _GAMES[key][2]


def _of_function(function: Callable[..., Any], kwargs: dict[str, Any]) -> str:
    """Of what it makes; a function of a module has a name that other processes know, too."""
    try:
        made = function(**kwargs)
    except Exception as error:
        raise ValueError(f"{_label(function)} failed: {described(error)}") from error
    if not _is_gymnasium(made):
        return _of_object(made)
    made.close()
    module, label = getattr(function, "__module__", None) or "", _label(function)
    if module not in ("", "__main__") and getattr(sys.modules.get(module), label, None) is function:
        return with_kwargs(f"{GYMNASIUM}{module}:{label}", kwargs)
    if kwargs:
        raise ValueError(f"env_kwargs given with {label}; put them into the function, lambda: {label}(...)")
    return keep(function, type(made).__name__ if "<" in label else label, GYMNASIUM)


def _of_gymnasium(made: Any) -> str:
    import gymnasium

    spec = getattr(made, "spec", None)
    if isinstance(made, gymnasium.vector.VectorEnv) or spec is None:
        raise ValueError(
            f"a {type(made).__name__} given; several copies are needed, so give a function that makes one, "
            "lambda: MyEnv(size=5) say, or its name"
        )
    if gymnasium.registry.get(spec.id) == spec:
        return f"{GYMNASIUM}{spec.id}"
    return keep(_Remade(spec), spec.id, GYMNASIUM)


class _Remade:
    """Makes copies of an environment as `gymnasium.make` made it."""

    def __init__(self, spec: Any) -> None:
        self.spec = spec

    def __call__(self) -> Any:
        """One copy."""
        import gymnasium

        return gymnasium.make(self.spec)


def _is_gymnasium(made: Any) -> bool:
    """Whether it has the interface of a Gymnasium environment; gymnasium need not be installed."""
    return all(hasattr(made, name) for name in ("action_space", "observation_space", "reset", "step", "close"))


def _label(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", type(function).__name__)
