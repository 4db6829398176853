"""Actions of Gymnasium's spaces as one choice of several.

An action with several parts (MultiDiscrete, MultiBinary) is one of all their combinations, because these are few in
practice: any joint policy can then be learned, and rules, losses and trained agents stay what they are. Parts drawn
independently would need fewer outputs, but a rule would see the same probability of the whole action.
"""

import dataclasses
import functools
import math
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from lpg.learner.observations import brief
from lpg.packages import import_optional

MAX_ACTIONS = 4096
"""Most combinations of the parts of an action."""


@dataclasses.dataclass(frozen=True)
class Actions:
    """What an agent can do in an environment."""

    sizes: tuple[int, ...]
    """Choices of each part; of a Discrete space there is one."""
    first: tuple[int, ...]
    """The environment's number of the first choice of each part; agents count from 0."""
    shape: tuple[int, ...] = ()
    """Of one action, as the environment takes it."""

    @property
    def count(self) -> int:
        """A: all combinations."""
        return math.prod(self.sizes)

    def to_env(self, action: Int[np.ndarray, " *batch"]) -> np.ndarray:
        """Actions as the environment takes them: [*batch, *shape]."""
        if self.shape == ():
            return np.asarray(action + self.first[0])
        parts = np.stack(np.unravel_index(action, self.sizes), axis=-1) + np.asarray(self.first)
        return parts.reshape(*np.shape(action), *self.shape)

    def read_mask(self, mask: Any, name: str) -> Bool[np.ndarray, " *batch A"]:
        """A mask as `info["action_mask"]` has it, over all combinations.

        Args:
            mask: [*batch, choices], non-zero where a choice is allowed; the choices of the parts stand one after the
                other.
            name: of the environment, for the error.

        Raises:
            ValueError: its last axis has another length, or it allows nothing.
        """
        found, choices = np.asarray(mask), sum(self.sizes)
        if found.ndim == 0 or found.shape[-1] != choices or found.dtype == object:
            raise ValueError(
                f'{name} gave an info["action_mask"] of shape {list(found.shape)}; [{choices}] is needed, a truth '
                "value for each choice of an action"
            )
        parts = np.split(found.astype(bool), np.cumsum(self.sizes)[:-1], axis=-1)
        joint = functools.reduce(
            lambda a, b: (a[..., :, None] & b[..., None, :]).reshape(*a.shape[:-1], -1), parts
        )  # fmt: skip
        if not joint.any(axis=-1).all():
            raise ValueError(f'{name} gave an info["action_mask"] that allows no action; one at least is needed')
        return joint


def actions_of(space: Any, name: str) -> Actions:
    """What can be done in a space.

    Args:
        name: of the environment, for errors.

    Raises:
        ValueError: it is not discrete, or has too many combinations.
    """
    spaces = import_optional("gymnasium", name).spaces
    if isinstance(space, spaces.Discrete):
        return Actions((int(space.n),), (int(space.start),))
    if isinstance(space, spaces.MultiDiscrete):
        found = Actions(_ints(space.nvec), _ints(space.start), tuple(space.shape))
    elif isinstance(space, spaces.MultiBinary):
        parts = int(np.prod(space.shape))
        found = Actions((2,) * parts, (0,) * parts, tuple(space.shape))
    else:
        way_out = (
            "gymnasium.wrappers.DiscretizeAction makes some of them (docs/adding_an_environment.md shows how)"
            if isinstance(space, spaces.Box)
            else "a wrapper can number them"
        )
        raise ValueError(
            f"{name} has actions {brief(space)}; Discrete ones are needed, because policies here choose one of several "
            f"actions; {way_out}"
        )
    if found.count > MAX_ACTIONS:
        raise ValueError(
            f"{name} has actions {brief(space)}, which have {found.count:,} combinations; at most {MAX_ACTIONS:,} are "
            "possible, because every combination is an action of its own; leave some out by a wrapper"
        )
    return found


def _ints(values: Any) -> tuple[int, ...]:
    return tuple(int(value) for value in np.ravel(values))
