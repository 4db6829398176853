"""Advantages and value loss of the rules whose prediction is a value function (A2C, LPG-V)."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from lpg.types import AgentOutput, Hyperparameters
from lpg.update_rules.base import RuleInputs
from lpg.update_rules.returns import generalised_advantages


def advantages(inputs: RuleInputs, hyper: Hyperparameters) -> Float[Array, " T B"]:
    """Generalised advantages with the agent's value function; advantage + v(s_t) is the TD(λ) target."""
    trajectory = inputs.trajectory
    return generalised_advantages(
        trajectory.reward,
        inputs.output.prediction[..., 0],
        inputs.next_prediction[..., 0],
        trajectory.terminated,
        trajectory.is_last,
        hyper.gamma,
        hyper.lambda_,
    )


def value_loss(output: AgentOutput, target: Float[Array, " T B P"]) -> Float[Array, " T B"]:
    """½ (v(s_t) − target_t)²."""
    return 0.5 * jnp.sum((output.prediction - target) ** 2, axis=-1)
