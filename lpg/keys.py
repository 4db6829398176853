"""Disjoint streams of random keys: what is reported is never what a rule was trained, chosen or tuned on."""

from typing import Literal, get_args

import jax
from jaxtyping import PRNGKeyArray

Purpose = Literal["meta", "validation", "report", "tuning"]
"""meta: meta-training · validation: choice of the checkpoint · report: published results · tuning: hyper-parameters."""


def stream(seed: int, purpose: Purpose) -> PRNGKeyArray:
    """Root key of one purpose.

    Args:
        seed: two rules that are compared with the same seed get the same environments and the same random numbers.
        purpose: streams of different purposes share no key, whatever the seeds.
    """
    return jax.random.fold_in(jax.random.key(seed), get_args(Purpose).index(purpose))
