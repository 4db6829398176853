"""Shared containers of arrays, the letters in shape annotations, and the time index.

Shape letters
    N lifetimes · K agent updates per window · T steps per rollout · B parallel environments per lifetime · A actions ·
    P prediction size (m for the LPG, 1 for a value) · S states of a table · H hidden units · R rows, 1 or T

Time index
    Row t of every array is one transition: in state s_t the agent takes action a_t, receives reward r_t and arrives in
    state s_{t+1}. `observation[t]` shows s_t. `next_observation[t]` shows s_{t+1} *before* any reset: at the end of an
    episode it is the final state, never the first state of the next episode. Public arrays are [T, B]; inside
    meta-training `jax.vmap` adds a leading axis of N lifetimes.

`docs/glossary.md` maps the paper's symbols to these names.
"""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Shaped


class Trajectory(eqx.Module):
    """T steps of one agent in B parallel environments."""

    observation: Shaped[Array, " T B *obs"]
    next_observation: Shaped[Array, " R B *obs"]
    """s_{t+1} before any reset, with R = T rows. R = 1 (the last row alone) is enough if every end of an episode is a
    termination: nothing bootstraps from a final state then, and inside an episode s_{t+1} is the next row of
    `observation`."""
    action: Int[Array, " T B"]
    reward: Float[Array, " T B"]
    terminated: Bool[Array, " T B"]
    """The episode ended in a terminal state: no bootstrapping from s_{t+1}."""
    is_last: Bool[Array, " T B"]
    """The episode ended here, by termination or by truncation (time limit)."""
    action_mask: Bool[Array, " T B A"] | None = None
    """Which actions s_t allowed, where that differs between states; None: all that the environment has. The agent's
    policy is masked with it when it acts and when it learns."""

    def __check_init__(self) -> None:
        rows, num_steps = self.next_observation.shape[0], self.reward.shape[0]
        if rows not in (1, num_steps):
            raise ValueError(
                f"next_observation has {rows} rows; {num_steps} are needed (one for each step), or 1 (the last alone)"
            )


class AgentOutput(eqx.Module):
    """Output of an agent θ for an observation."""

    logits: Float[Array, " *batch A"]
    """Logits of the policy π; unavailable actions have a large negative logit."""
    prediction: Float[Array, " *batch P"]
    """Prediction y before any normalisation: logits over m categories for the LPG, a value for A2C and LPG-V."""


class Targets(eqx.Module):
    """Output of a rule η for a trajectory."""

    pi_hat: Float[Array, " T B"]
    """π̂: weight of log π(a|s) in the agent's loss; any sign."""
    y_hat: Float[Array, " T B P"]
    """ŷ: target of the prediction."""


class Hyperparameters(eqx.Module):
    """The agent's hyper-parameters α of one lifetime, as traced scalars: a sweep is a `jax.vmap` over them."""

    learning_rate: Float[Array, ""]
    """α_lr."""
    y_weight: Float[Array, ""]
    """α_y: weight of the prediction loss relative to the policy loss."""
    gamma: Float[Array, ""]
    """Discount γ per step, in [0, 1]."""
    policy_entropy_weight: Float[Array, ""]
    """Weight of the entropy bonus in the agent's loss; used by A2C, ignored by the LPG. Not β0 of the meta-loss."""
    lambda_: Float[Array, ""]
    """λ of the λ-returns, in [0, 1]; used by rules with a value function."""
    clip: Float[Array, ""] | None = None
    """ε > 0 of PPO, see `lpg.update_rules.proximal`; None: the rule's own."""
    drift_scale: Float[Array, ""] | None = None
    """Factor > 0 of the constants of DPO's drift; None: 1."""
    progress: Float[Array, ""] | None = None
    """n/N: share of the agent's updates that are done, 0 at the first and 1 at the last; None: unknown. Read by rules
    that know the time, see `lpg.update_rules.ta_lpg`."""
    num_updates: Float[Array, ""] | None = None
    """N ≥ 1: agent updates of the whole training; None: unknown."""


def after_updates(hyper: Hyperparameters, count: Int[Array, ""]) -> Hyperparameters:
    """The hyper-parameters so many updates later; unchanged if the time is unknown."""
    if hyper.progress is None or hyper.num_updates is None:
        return hyper
    step = count.astype(hyper.progress.dtype) / jnp.maximum(hyper.num_updates - 1, 1)
    return dataclasses.replace(hyper, progress=hyper.progress + step)


def at_update(
    hyper: Hyperparameters, number: Shaped[Array, ""] | int, num_updates: Shaped[Array, ""] | int
) -> Hyperparameters:
    """The hyper-parameters with the time of one update.

    Args:
        number: of the update, from 0.
        num_updates: N ≥ 1.
    """
    kind = hyper.gamma.dtype
    progress = jnp.asarray(number, kind) / jnp.maximum(jnp.asarray(num_updates, kind) - 1, 1)
    return dataclasses.replace(hyper, progress=progress, num_updates=jnp.asarray(num_updates, kind))
