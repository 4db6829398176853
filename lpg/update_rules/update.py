"""One agent update: rule + trajectory + optimiser, θ → θ′. Meta-training and evaluation call the same function."""

import equinox as eqx
import jax
import optax
from jaxtyping import Array, Bool

from lpg.agents.outputs import Agent, next_rows, outputs
from lpg.types import AgentOutput, Hyperparameters, Targets, Trajectory
from lpg.update_rules.base import Rule, RuleInputs


class UpdateInfo(eqx.Module):
    """What an update saw and decided; the next one does not need it."""

    output: AgentOutput
    targets: Targets


def agent_update(
    rule: Rule,
    agent: Agent,
    optimizer: optax.GradientTransformation,
    optimizer_state: optax.OptState,
    trajectory: Trajectory,
    action_mask: Bool[Array, " A"],
    hyper: Hyperparameters,
    is_real: Bool[Array, " T B"] | None = None,
) -> tuple[Agent, optax.OptState, UpdateInfo]:
    """Moves θ down the gradient of the rule's loss, by one optimiser step of size α_lr.

    The targets are made *before* the inner derivative is taken and enter it as constants. No gradient is stopped, so
    that a derivative with respect to η, taken from outside, also sees how η changed θ_k and thereby later inputs of
    the rule.

    Args:
        optimizer: gives the direction for a learning rate of one. It may take the keyword arguments `observation` and
            `is_real` (optax's extra arguments), as `lpg.agents.optimizers.visit_mean` does.
        is_real: which rows of the trajectory are steps, see `lpg.learner.real_steps`; None: all.

    Returns:
        θ′, the optimiser's new state, and what the rule saw and decided.
    """

    def forward(theta: Agent) -> AgentOutput:
        return outputs(theta, trajectory.observation, action_mask)

    output, pull_back = jax.vjp(forward, agent)
    after = outputs(agent, trajectory.next_observation, action_mask).prediction
    inputs = RuleInputs(trajectory=trajectory, output=output, next_prediction=next_rows(output.prediction, after))
    targets = rule.targets(inputs, hyper)
    (gradient,) = pull_back(jax.grad(rule.loss)(output, inputs, targets, hyper))
    direction, optimizer_state = optax.with_extra_args_support(optimizer).update(
        gradient, optimizer_state, agent, observation=trajectory.observation, is_real=is_real
    )
    step = jax.tree.map(lambda d: hyper.learning_rate * d, direction)
    return optax.apply_updates(agent, step), optimizer_state, UpdateInfo(output=output, targets=targets)
