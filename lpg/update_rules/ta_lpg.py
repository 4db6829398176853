"""TA-LPG, the temporally adaptive LPG: a rule that knows how much of the training is done, and how long it is.

Agents should explore at the beginning and commit themselves towards the end; the LPG sees no clock and cannot tell the
two apart. The inputs of TA-LPG are those of the LPG, then n/N and log N, the same at all steps of a trajectory.

Reference: Jackson et al. (2024).
"""

import dataclasses
import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from lpg.types import Hyperparameters
from lpg.update_rules.lpg import LPG, init_lpg
from lpg.update_rules.lstm import LSTM

NUM_INPUTS = 6
"""Of the LPG."""
NUM_TIMES = 2
TIME_LEAVES = ["lstm.weight"]
"""Paths of the arrays with weights of the two."""
LOG_SCALE = math.log(1000.0)
"""log N is divided by it, so that both inputs are about 1 at most: N = 1,000 gives 1.

Differs from Jackson et al., who give log N as it is."""


class TALPG(LPG):
    """The rule η with the inputs r, d, γ, π(a|s), φ(y(s)), φ(y(s′)), n/N and log N / log 1000."""

    def more_inputs(self, hyper: Hyperparameters) -> list[Float[Array, ""]]:
        """n/N and log N.

        Raises:
            ValueError: the hyper-parameters do not have them.
        """
        if hyper.progress is None or hyper.num_updates is None:
            raise ValueError(
                "the rule is a ta-lpg, which reads how much of the training is done; progress and num_updates are "
                "needed: lpg.train, lpg.evaluate and meta-training give them, a Learner must be told both"
            )
        return [hyper.progress, jnp.log(hyper.num_updates) / LOG_SCALE]


def init_ta_lpg(
    key: PRNGKeyArray, *, lstm_size: int = 256, prediction_size: int = 30, embedding_size: int = 16
) -> TALPG:
    """A randomly initialised η; arguments as of `init_lpg`, which gives all weights but those of the two inputs."""
    rule = init_lpg(key, lstm_size=lstm_size, prediction_size=prediction_size, embedding_size=embedding_size)
    bound = 1 / math.sqrt(lstm_size)
    rows = jax.random.uniform(jax.random.fold_in(key, 1), (NUM_TIMES, 4 * lstm_size), minval=-bound, maxval=bound)
    return with_time(rule, rows)


def with_time(rule: LPG, rows: Float[Array, "2 G"] | None = None) -> TALPG:
    """A TA-LPG from an LPG.

    Args:
        rows: the LSTM's weights of the two inputs; None: zeros, so that the rule does what it did.
    """
    weight = rule.lstm.weight
    rows = jnp.zeros((NUM_TIMES, weight.shape[1]), weight.dtype) if rows is None else rows
    weight = jnp.concatenate([weight[:NUM_INPUTS], rows, weight[NUM_INPUTS:]])
    fields = {field.name: getattr(rule, field.name) for field in dataclasses.fields(rule)}
    return TALPG(**{**fields, "lstm": LSTM(weight=weight, bias=rule.lstm.bias)})


def time_weights(rule: TALPG) -> TALPG:
    """A pytree like the rule that keeps the LSTM's weights of n/N and log N, and is zero elsewhere."""
    zeros, rows = jax.tree.map(jnp.zeros_like, rule), slice(NUM_INPUTS, NUM_INPUTS + NUM_TIMES)
    weight = zeros.lstm.weight.at[rows].set(rule.lstm.weight[rows])
    return dataclasses.replace(zeros, lstm=LSTM(weight=weight, bias=zeros.lstm.bias))
