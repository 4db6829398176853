"""One agent update θ → θ′ by a rule; meta-training and evaluation call the same function."""

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float

from lpg.agents.optimizers import RowDescent
from lpg.agents.outputs import Agent, masked, next_rows, outputs
from lpg.agents.tabular import Table
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
    action_mask: Bool[Array, " *T_B A"],
    hyper: Hyperparameters,
    is_real: Bool[Array, " T B"] | None = None,
    old_log_prob: Float[Array, " T B"] | None = None,
    rate_scale: Float[Array, ""] | float = 1.0,
) -> tuple[Agent, optax.OptState, UpdateInfo]:
    """One optimiser step with learning rate α_lr on the rule's loss.

    The targets are computed *before* the gradient w.r.t. θ and enter it as constants, without `stop_gradient`. The
    meta-gradient therefore includes how η changed θ_k, and thereby the later inputs of the rule.

    Args:
        rule: η.
        agent: θ.
        optimizer: with a learning rate of one; its step is multiplied by α_lr. It may take `observation` and `is_real`
            (optax's extra arguments), as `lpg.agents.optimizers.visit_mean` does.
        optimizer_state: of the agent's optimiser.
        trajectory: [T, B], usually the newest rollout of the agent.
        action_mask: which actions are available, [A] everywhere or [T, B, A] in each s_t.
        hyper: the agent's hyper-parameters.
        is_real: false for rows that only reset an environment, see `lpg.update_rules.real_steps`; None: all are real.
        old_log_prob: see `RuleInputs`.
        rate_scale: α_lr is multiplied by it.

    Returns:
        θ′, the new optimiser state, and diagnostics.
    """

    seen, rate = trajectory.observation, hyper.learning_rate * rate_scale
    with jax.named_scope("table"):
        if isinstance(agent, Table) and isinstance(optimizer, RowDescent):
            # Only the rows that were visited: a gradient of the whole table would take half of the time.
            table, rate = agent, rate * optimizer.factor(seen, agent.rows.shape[0], is_real)[..., None]
            output, vjp = jax.vjp(
                lambda rows: masked(table.split(rows), action_mask), table.rows.at[seen].get(mode="promise_in_bounds")
            )
        else:
            table = None
            output, vjp = jax.vjp(lambda theta: outputs(theta, seen, action_mask), agent)
        inputs = rule_inputs(agent, trajectory, output, action_mask, old_log_prob)
    with jax.named_scope("rule"):
        targets = rule.targets(inputs, hyper)
    with jax.named_scope("loss"):
        output_gradient = jax.grad(rule.loss)(output, inputs, targets, hyper)
    with jax.named_scope("table"):
        (gradient,) = vjp(output_gradient)
        if table is not None:
            rows = table.rows.at[seen].add(-rate * gradient, mode="promise_in_bounds")
            agent = Table(rows=rows, num_actions=table.num_actions)
        else:
            updates, optimizer_state = optax.with_extra_args_support(optimizer).update(
                gradient, optimizer_state, agent, observation=seen, is_real=is_real
            )
            agent = optax.apply_updates(agent, jax.tree.map(lambda x: rate * x, updates))
    return agent, optimizer_state, UpdateInfo(output=output, targets=targets)


def rule_inputs(
    agent: Agent,
    trajectory: Trajectory,
    output: AgentOutput,
    action_mask: Bool[Array, " *T_B A"],
    old_log_prob: Float[Array, " T B"] | None = None,
) -> RuleInputs:
    """What a rule is shown of an agent and a trajectory.

    Args:
        output: the agent's outputs in s_0 … s_{T−1}, which callers have at hand.
        old_log_prob: see `RuleInputs`.
    """
    # Of s_{t+1} only the prediction is shown, which no mask changes.
    everywhere = jnp.ones(action_mask.shape[-1:], bool)
    after = outputs(agent, trajectory.next_observation, everywhere).prediction
    return RuleInputs(
        trajectory=trajectory,
        output=output,
        next_prediction=next_rows(output.prediction, after),
        old_log_prob=old_log_prob,
    )
