"""Packages that only some need: imported when used, and if missing, named together with the extra that brings them."""

import importlib
from types import ModuleType

EXTRAS = {"gymnasium": "gym", "ale_py": "atari"}


def import_optional(package: str, what: str) -> ModuleType:
    """Imports a package.

    Args:
        what: for what it is needed.

    Raises:
        ValueError: it is not installed; says how to install it.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        name = package.partition(".")[0]
        raise ValueError(
            f"{what} needs the package {name.replace('_', '-')}, which is not installed ({error}); "
            f"install it with: pip install 'lpg[{EXTRAS[name]}]'"
        ) from error
