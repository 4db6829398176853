"""Optional dependencies: imported when used; if missing, the error names the extra that installs them."""

import importlib
from types import ModuleType

EXTRAS = {"gymnasium": "gym", "ale_py": "atari"}
"""Package → extra of `lpg` in pyproject.toml."""


def import_optional(package: str, purpose: str) -> ModuleType:
    """Imports a package or a module of it.

    Args:
        purpose: what needs it, for the error.

    Raises:
        ValueError: it is not installed; says how to install it.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        name = package.partition(".")[0]
        raise ValueError(
            f"{purpose} needs the package {name.replace('_', '-')}, which is not installed ({error}); "
            f"install it with: pip install 'lpg[{EXTRAS[name]}]'"
        ) from error
