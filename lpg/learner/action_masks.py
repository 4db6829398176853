"""Which actions the current states of a Gymnasium vector environment allow, from its `info["action_mask"]`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool

from lpg.learner.actions import Actions


def read_masks(
    info: Mapping[str, Any], actions: Actions, is_over: Bool[np.ndarray, " B"], name: str
) -> Bool[np.ndarray, " B A"] | None:
    """Which actions the current states of a vector environment allow; none if it does not say.

    Args:
        info: what a reset or a step of the vector environment returned.
        is_over: copies that wait for a reset, in whose states no action matters: all are allowed.
        name: of the environment, for errors.

    Raises:
        ValueError: as `Actions.read_mask`.
    """
    if "action_mask" not in info:
        return None
    given = np.asarray(info.get("_action_mask", np.ones(len(is_over), bool))) & ~is_over
    masks = np.ones((len(is_over), actions.count), bool)
    if given.any():
        masks[given] = actions.read_mask(np.asarray(info["action_mask"])[given], name)
    return masks
