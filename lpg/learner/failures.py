"""What a user's environment raises, in one line with its place; and rewards that are no numbers."""

import contextlib
from collections.abc import Iterator

import numpy as np

from lpg.places import described

OLD_SIGNS = ("expected 5, got 4", "values to unpack (expected 2", "unexpected keyword argument 'seed'")
"""Parts of the errors that environments with the interface of old Gym cause in Gymnasium."""
OLD = (
    "; it seems to have the interface of old Gym, and that of Gymnasium is needed: reset(seed=…, options=…) returns "
    "(observation, info), step(action) returns five values"
)


@contextlib.contextmanager
def environment_failures(name: str, what: str) -> Iterator[None]:
    """Names the environment.

    Args:
        name: of the environment.
        what: the method that is called.

    Raises:
        RuntimeError: it failed.
    """
    try:
        yield
    except Exception as error:
        text = described(error)
        hint = OLD if any(sign in text for sign in OLD_SIGNS) else ""
        raise RuntimeError(f"{name} failed in {what}: {text}{hint}") from error


@contextlib.contextmanager
def observed_in(step: int) -> Iterator[None]:
    """Says when an environment showed what is no observation of its space.

    Args:
        step: its number, counted from 1, of each copy.

    Raises:
        RuntimeError: it did.
    """
    try:
        yield
    except ValueError as error:
        raise RuntimeError(f"{error} (in step {step} of each copy)") from error


def checked_rewards(reward: np.ndarray, name: str, step: int) -> np.ndarray:
    """The same array.

    Args:
        reward: [B] of one step.
        step: its number, counted from 1, of each copy.

    Raises:
        RuntimeError: one is not finite.
    """
    if not np.isfinite(reward).all():
        copy = int(np.flatnonzero(~np.isfinite(reward))[0])
        raise RuntimeError(
            f"{name} gave the reward {reward[copy]} in step {step} (copy {copy}); all rewards must be finite numbers"
        )
    return reward
