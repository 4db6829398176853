"""Where rule files are: those that ship with the package, files, run folders, folders of model hubs. Needs no JAX."""

from pathlib import Path

SHIPPED_FOLDER = Path(__file__).parent.parent / "rules"
SUFFIX = ".safetensors"
RUN_FILE = "rule.safetensors"
"""Name of the rule file in a run folder."""
HUB_FILE = "model.safetensors"
"""Its name in the folder that `lpg export` writes."""


def shipped() -> dict[str, Path]:
    """Names and files of the discovered rules that come with the package."""
    return {path.stem: path for path in sorted(SHIPPED_FOLDER.glob(f"*{SUFFIX}"))}


def find_file(name: str | Path) -> tuple[Path, str] | None:
    """File and name of a rule that is given as a shipped name, a rule file, a run folder or one of `lpg export`.

    Returns:
        None if it is none of these, and does not look like a path.

    Raises:
        ValueError: there is no such file, or no rule in the folder.
    """
    text, path = str(name), Path(name)
    if text in shipped():
        return shipped()[text], text
    if path.is_dir():
        return _in_folder(path), path.resolve().name
    if path.is_file():
        return path, path.resolve().parent.name if path.name in (RUN_FILE, HUB_FILE) else path.stem
    if path.suffix == SUFFIX or len(path.parts) > 1:
        raise ValueError(f"{text}: no such file or folder; a rule file (*{SUFFIX}) or a run folder is needed")
    return None


def rule_in(folder: Path) -> Path | None:
    """The rule file of a run folder or of one of `lpg export`; none if there is none."""
    return next((folder / name for name in (RUN_FILE, HUB_FILE) if (folder / name).is_file()), None)


def _in_folder(folder: Path) -> Path:
    if (path := rule_in(folder)) is not None:
        return path
    started = (folder / "config.json").is_file()
    why = "this run has no rule yet; continue it with `lpg meta-train --resume`" if started else "no run folder"
    raise ValueError(f"{folder}: no {RUN_FILE} in it ({why})")
