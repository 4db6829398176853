"""The words of the package: shape letters, the time index, and the containers that carry arrays between rooms.

Shape letters
    N lifetimes · K agent updates per window · T steps per update · B environment environments per lifetime ·
    A actions · P prediction size (m for the LPG, 1 for a value) · S table states · H hidden units · C cells · O objects

Time index
    Row t of every array is one transition: in state s_t the agent took a_t, received r_t and arrived in s_{t+1}.
    `observation[t]` shows s_t; `next_observation[t]` shows s_{t+1} as it was *before* any reset, so that at the end of
    an episode it is the final state and never the next episode's first. Public arrays are [T, B]; inside
    meta-training a leading axis N of lifetimes is added by `jax.vmap`.
"""

import equinox as eqx
from jaxtyping import Array, Bool, Float, Int, Shaped


class Trajectory(eqx.Module):
    """What one agent saw in T steps of B parallel environments."""

    observation: Shaped[Array, " T B *obs"]
    next_observation: Shaped[Array, " N B *obs"]
    """s_{t+1} before any reset: N = T rows; or, where every episode's end is a termination, N = 1, the last row alone,
    because then nobody asks what comes after an end, and before one s_{t+1} is the next row of `observation`."""
    action: Int[Array, " T B"]
    reward: Float[Array, " T B"]
    terminated: Bool[Array, " T B"]
    """The episode ended here and nothing follows: no bootstrapping."""
    is_last: Bool[Array, " T B"]
    """The episode ended here, by termination or by a time limit (truncation)."""

    def __check_init__(self) -> None:
        rows, needed = self.next_observation.shape[0], self.reward.shape[0]
        if rows not in (1, needed):
            raise ValueError(
                f"next_observation has {rows} rows; {needed} are needed, one for each step, or the last alone"
            )


class AgentOutput(eqx.Module):
    """What an agent θ computes from an observation."""

    logits: Float[Array, " *batch A"]
    """Policy preferences; actions that the environment lacks carry a large negative number."""
    prediction: Float[Array, " *batch P"]
    """The prediction vector before any normalisation. What it means is the rule's business."""


class Targets(eqx.Module):
    """What a rule tells an agent to do with a trajectory."""

    pi_hat: Float[Array, " T B"]
    """π̂: how strongly to reinforce the action taken; any sign."""
    y_hat: Float[Array, " T B P"]
    """ŷ: where the prediction should move."""


class Hyperparameters(eqx.Module):
    """The agent's hyper-parameters α of one lifetime: traced scalars, so a sweep is a `vmap`."""

    learning_rate: Float[Array, ""]
    y_weight: Float[Array, ""]
    """α_y: weight of the prediction's loss against the policy's."""
    gamma: Float[Array, ""]
    """Discount γ per step, in [0, 1]."""
    policy_entropy_weight: Float[Array, ""]
    """Entropy bonus inside the agent's own loss; only hand-written rules use it."""
    lambda_: Float[Array, ""]
    """λ of the λ-returns, in [0, 1]; only rules with a value function use it."""
