"""What `human-normalised` means on Atari: scores of the random policy and of a person, from the literature."""

import functools
import json
import math
from pathlib import Path

from lpg.evaluation.reference_returns import Reference
from lpg.learner.gymnasium_environments import ATARI

FILE = Path(__file__).parent / "atari_scores.json"


@functools.cache
def atari_reference(name: str) -> Reference | None:
    """The two reference returns of a game; none of a game that the literature does not list.

    Args:
        name: `atari/GAME`.
    """
    content = json.loads(FILE.read_text())
    found = content["games"].get(name.removeprefix(ATARI))
    if found is None:
        return None
    return Reference(
        random=found["random"], random_stderr=math.nan, best=found["human"], best_stderr=math.nan, is_optimum=False,
        is_human=True, random_from=content["source"], best_from=content["source"],
    )  # fmt: skip
