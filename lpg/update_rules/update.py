"""One agent update θ → θ′ by a rule; meta-training and evaluation call the same function."""

import equinox as eqx
import jax
import optax
from jaxtyping import Array, Bool

from lpg.agents.outputs import Agent, next_rows, outputs
from lpg.types import AgentOutput, Hyperparameters, Targets, Trajectory
from lpg.update_rules.base import Rule, RuleInputs


class UpdateInfo(eqx.Module):
    """Diagnostics of one agent update."""

    output: AgentOutput
    """Outputs of θ (before the update) in s_0 … s_{T−1}."""
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
    """One optimiser step of size α_lr down the gradient of the rule's loss in θ.

    The targets are computed *before* the inner gradient and enter it as constants, without `stop_gradient`: the
    meta-gradient, taken outside, therefore includes how η changed θ_k and thereby the later inputs of the rule.

    Args:
        rule: η.
        agent: θ.
        optimizer: gives the step for a learning rate of one. It may take the keyword arguments `observation` and
            `is_real` (optax's extra arguments), as `lpg.agents.optimizers.visit_mean` does.
        optimizer_state: of the agent's optimiser.
        trajectory: [T, B], usually the newest rollout of the agent.
        action_mask: which actions are available.
        hyper: the agent's hyper-parameters.
        is_real: which rows of the trajectory are steps, see `lpg.update_rules.real_steps`; None: all.

    Returns:
        θ′, the new optimiser state, and diagnostics.
    """

    def forward(theta: Agent) -> AgentOutput:
        return outputs(theta, trajectory.observation, action_mask)

    output, vjp = jax.vjp(forward, agent)
    after = outputs(agent, trajectory.next_observation, action_mask).prediction  # of all steps, or the last alone
    inputs = RuleInputs(trajectory=trajectory, output=output, next_prediction=next_rows(output.prediction, after))
    targets = rule.targets(inputs, hyper)
    (gradient,) = vjp(jax.grad(rule.loss)(output, inputs, targets, hyper))
    step, optimizer_state = optax.with_extra_args_support(optimizer).update(
        gradient, optimizer_state, agent, observation=trajectory.observation, is_real=is_real
    )
    step = jax.tree.map(lambda x: hyper.learning_rate * x, step)
    return optax.apply_updates(agent, step), optimizer_state, UpdateInfo(output=output, targets=targets)
