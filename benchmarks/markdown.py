"""How the pages about measurements write numbers, intervals and tables, and how a page's marked parts are made anew."""

import re
from collections.abc import Callable, Sequence

import numpy as np

from lpg.evaluation.aggregates import Estimate

BASELINE = "a2c"
NAMES = {"a2c": "A2C", "ppo": "PPO", "dpo": "DPO", "rejax/ppo": "PPO (rejax)"}
"""What pages call rules whose names are abbreviations."""
MARKED = re.compile(r"(<!-- measured: (\S+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
"""What stands between `<!-- measured: NAME -->` and `<!-- end -->` is made by a command."""


def with_parts(page: str, make: Callable[[str], str]) -> str:
    """The page with its marked parts made anew.

    Args:
        make: a part, by its name.
    """
    return MARKED.sub(lambda found: f"{found[1]}\n{make(found[2])}\n\n{found[4]}", page)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def interval(of: Estimate, *, signed: bool = False) -> str:
    """A mean, or a difference of two, and its interval; empty for NaN."""
    value, low, high = (number(one, 3, signed=signed) for one in (of.value, of.low, of.high))
    return f"{value} [{low}, {high}]" if value else ""


def plus_minus(mean: float, error: float) -> str:
    """With as many digits as its size asks for."""
    digits = 2 if abs(mean) < 10 else 1 if abs(mean) < 1000 else 0
    return f"{number(mean, digits)} ± {number(error, digits)}"


def number(value: float, digits: int = 2, *, signed: bool = False) -> str:
    """As the pages write numbers: no zero before the point, a real minus; empty for NaN."""
    if not np.isfinite(value):
        return ""
    text = re.sub(r"^([+-]?)0\.(?=\d)", r"\1.", f"{value:{'+' if signed else ''}.{digits}f}")
    return text.replace("-", "−")


def bold(text: str, is_best: bool) -> str:
    """Marks the largest of a row or column."""
    return f"**{text}**" if is_best and text else text
