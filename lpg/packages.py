"""Optional dependencies: imported when used; if missing, the error names the extra that installs them."""

import importlib
import importlib.util
from types import ModuleType

EXTRAS = {
    "gymnasium": "gym", "ale_py": "atari", "gymnax": "envs", "pgx": "envs", "optuna": "tuning", "rejax": "rejax",
    "jumanji": "jumanji", "tensorboard": "tensorboard", "wandb": "wandb", "mlflow": "mlflow",
}  # fmt: skip
"""Package → extra of `lpg` in pyproject.toml."""


def import_optional(package: str, purpose: str) -> ModuleType:
    """Imports a package or a module of it.

    Args:
        purpose: what needs it, for the error.

    Raises:
        ValueError: it cannot be imported; says how to install it.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ValueError(_message(package, purpose, str(error))) from error


def check_installed(package: str, purpose: str) -> None:
    """Looks for a package without importing it, which can take seconds.

    Raises:
        ValueError: it is not installed; as `import_optional`.
    """
    if importlib.util.find_spec(package) is None:
        raise ValueError(_message(package, purpose, "not found"))


def _message(package: str, purpose: str, reason: str) -> str:
    name = package.partition(".")[0]
    return (
        f"{purpose} needs the package {name.replace('_', '-')}, which is not installed ({reason}); "
        f"install it with: pip install 'lpg[{EXTRAS[name]}]'"
    )
