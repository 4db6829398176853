"""What went wrong in code that is not ours, in one line and with its place."""

import sysconfig
import traceback
from pathlib import Path

OURS, STANDARD = Path(__file__).parent, sysconfig.get_paths()["stdlib"]


def described(error: BaseException) -> str:
    """Type, message, and the last place outside of this package and installed ones; of a syntax error where that is."""
    message = " ".join(str(error).split())
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {message}"  # which has file and line
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_library(frame.filename)]
    place = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {message}{place}"


def _is_library(file: str) -> bool:
    return file.startswith((str(OURS), STANDARD, "<")) or "site-packages" in file
