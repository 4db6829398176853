"""What a claim of the paper comes to here: a criterion written before the measurement, what was found, a verdict."""

import dataclasses
from typing import Literal

Verdict = Literal["reproduced", "partly", "not reproduced", "no results yet"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim and how it fared."""

    figure: str
    """Where it is from: a figure of the paper, or `ours`."""
    says: str
    """What the paper claims, or what we ask."""
    criterion: str
    """What counts as reproduced and what as partly; fixed before the rules it judges were measured."""
    found: str
    """The measurement in words and numbers."""
    verdict: Verdict


def judge(value: float | int, *, reproduced: float | int, partly: float | int) -> Verdict:
    """A verdict from a number and two bounds.

    Args:
        reproduced: at least so much is reproduced if it lies above `partly`, at most so much if below.
        partly: the same for `partly`.
    """
    sign = 1.0 if reproduced >= partly else -1.0
    if sign * value >= sign * reproduced:
        return "reproduced"
    return "partly" if sign * value >= sign * partly else "not reproduced"


def missing(figure: str, says: str, criterion: str, why: str) -> Claim:
    """A claim that nothing has been measured for."""
    return Claim(figure=figure, says=says, criterion=criterion, found=why, verdict="no results yet")
