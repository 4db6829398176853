"""Disjoint streams of random keys, so that what a rule was trained, chosen and tuned on is never what is reported."""

from typing import Literal, get_args

import jax
from jaxtyping import PRNGKeyArray

Purpose = Literal["meta", "validation", "report", "tuning"]


def stream(seed: int, purpose: Purpose) -> PRNGKeyArray:
    """The key that everything of one purpose descends from.

    Args:
        seed: the same seed gives the same instances and the same luck to every rule.
        purpose: streams of two purposes share no key, whatever the seeds.
    """
    return jax.random.fold_in(jax.random.key(seed), get_args(Purpose).index(purpose))
