"""One update of an agent by DiscoRL's rule."""

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int, ScalarLike, Shaped

from lpg.agents.disco import ActionOutput, DiscoAgent
from lpg.agents.optimizers import safe_adam
from lpg.types import AgentOutput
from lpg.update_rules.disco.network import DiscoInputs, DiscoNetwork, DiscoTargets, LifetimeState, init_lifetime
from lpg.update_rules.disco.values import (
    Moments,
    cross_entropy,
    expected,
    init_moments,
    retrace,
    seen,
    standardise,
    taken,
)

TARGET_DECAY = 0.9
"""Share of the target agent that stays in an update."""
VALUE_WEIGHT = 0.2
"""Of the action values' loss; the other four losses have weight 1."""
LARGEST_STEP = 1.0
"""Adam's step is cut at ± this, number by number, before it is multiplied by the learning rate."""


class DiscoTrajectory(eqx.Module):
    """T steps of B environments, with a row for every state: a step from the end of an episode leads to the first state
    of the next one, whatever the action, without a reward."""

    observation: Shaped[Array, " T1 B *obs"]
    at_end: Bool[Array, " T1 B"]
    """The state is the last one of an episode, by termination or by its time limit."""
    action: Int[Array, " T B"]
    reward: Float[Array, " T B"]
    logits: Float[Array, " T B A"]
    """Of the policy that acted."""


class DiscoState(eqx.Module):
    """All parts of one agent that change in training."""

    agent: DiscoAgent
    target: DiscoAgent
    optimizer_state: optax.OptState
    lifetime: LifetimeState
    advantages: Moments


def init_state(agent: DiscoAgent) -> DiscoState:
    """A fresh agent; its target agent is the same."""
    return DiscoState(agent, agent, optimizer().init(agent), init_lifetime(), init_moments())


def optimizer() -> optax.GradientTransformation:
    """Adam with a learning rate of one and bounded steps."""
    return optax.chain(safe_adam(), optax.clip(LARGEST_STEP))


def disco_update(
    network: DiscoNetwork,
    state: DiscoState,
    trajectory: DiscoTrajectory,
    *,
    learning_rate: ScalarLike,
    gamma: ScalarLike,
    lambda_: ScalarLike,
) -> DiscoState:
    """One step of Adam towards the rule's targets."""
    action = trajectory.action

    def forward(agent: DiscoAgent) -> tuple[tuple[AgentOutput, ActionOutput], Array]:
        features = agent.features(trajectory.observation)
        return (agent.network.heads(features), agent.of_action(features[:-1], action)), features

    # Only the actions that were taken have a loss; all actions are needed to compute targets, without a gradient.
    (output, chosen), vjp, features = jax.vjp(forward, state.agent, has_aux=True)
    inputs, value_target, advantages = disco_inputs(
        trajectory, output, state.agent.by_action(features), state.target, state.advantages, gamma, lambda_
    )
    targets, lifetime = network(inputs, state.lifetime)
    gradient = jax.grad(disco_loss, argnums=(0, 1))(output, chosen, targets, value_target, trajectory.at_end)
    updates, optimizer_state = optimizer().update(vjp(gradient)[0], state.optimizer_state, state.agent)
    return DiscoState(
        agent=jax.tree.map(lambda p, u: p + learning_rate * u, state.agent, updates),
        target=jax.tree.map(lambda old, new: TARGET_DECAY * old + (1 - TARGET_DECAY) * new, state.target, state.agent),
        optimizer_state=optimizer_state,
        lifetime=lifetime,
        advantages=advantages,
    )


def disco_inputs(
    trajectory: DiscoTrajectory,
    output: AgentOutput,
    by_action: ActionOutput,
    target: DiscoAgent,
    moments: Moments,
    gamma: ScalarLike,
    lambda_: ScalarLike,
) -> tuple[DiscoInputs, Float[Array, " T B"], Moments]:
    """What the network reads, targets of the action values, and the moments of the advantages after this batch.

    Args:
        output: of the agent, T + 1 rows; so is `by_action`.
        target: the target agent.
        moments: of the advantages before this batch.
    """
    action, is_terminal = trajectory.action, trajectory.at_end[1:]
    policy, acted = jax.nn.softmax(output.logits), jax.nn.softmax(trajectory.logits)
    features = target.features(trajectory.observation)
    theirs, theirs_by_action = target.network.heads(features), target.by_action(features)
    q = expected(theirs_by_action.q)
    # The target agent's action values under the agent's own policy.
    target_v = jnp.sum(policy * q, axis=-1)
    ratio = jnp.exp(
        taken(jax.nn.log_softmax(output.logits[:-1]), action) - taken(jax.nn.log_softmax(trajectory.logits), action)
    )
    value_target = retrace(
        trajectory.reward, is_terminal, taken(q[:-1], action), target_v, ratio, gamma, lambda_
    )  # fmt: skip
    advantage = value_target - target_v[:-1]
    action_advantage = (q - target_v[..., None])[:-1]
    moments = seen(moments, advantage)
    inputs = DiscoInputs(
        action=action,
        reward=trajectory.reward,
        is_terminal=is_terminal,
        policy=policy,
        acted=acted,
        target_policy=jax.nn.softmax(theirs.logits),
        y=jax.nn.softmax(output.prediction),
        target_y=jax.nn.softmax(theirs.prediction),
        z=jax.nn.softmax(by_action.z),
        target_z=jax.nn.softmax(theirs_by_action.z),
        v=jnp.sum(policy * expected(by_action.q), axis=-1),
        advantage=advantage,
        standard_advantage=standardise(moments, advantage),
        q=q[:-1],
        action_advantage=action_advantage,
        standard_action_advantage=standardise(moments, action_advantage),
    )
    return inputs, value_target, moments


def disco_loss(
    output: AgentOutput,
    chosen: ActionOutput,
    targets: DiscoTargets,
    value_target: Float[Array, " T B"],
    at_end: Bool[Array, " T1 B"],
) -> Float[Array, ""]:
    """Mean over the steps that do not begin an episode, differentiated w.r.t. the first two arguments.

        KL(π̂ ‖ π) + KL(ŷ ‖ y) + KL(ẑ ‖ z(a)) + (1 − d) KL(π(s′) ‖ auxiliary policy) + 0.2 H(G, q(a))

    Args:
        output: of the agent, T + 1 rows.
        chosen: its predictions for the actions that were taken.
        targets: of the rule; constants, as is `value_target`.
    """
    next_policy = jax.lax.stop_gradient(output.logits[1:])
    loss = (
        divergence(targets.pi, output.logits[:-1])
        + divergence(targets.y, output.prediction[:-1])
        + divergence(targets.z, chosen.z)
        + (1 - at_end[1:]) * divergence(next_policy, chosen.next_policy)
        + VALUE_WEIGHT * cross_entropy(chosen.q, value_target)
    )
    is_real = 1 - at_end[:-1].astype(loss.dtype)
    return jnp.sum(loss * is_real) / (jnp.sum(is_real) + 1e-8)


def divergence(target: Float[Array, " *batch N"], logits: Float[Array, " *batch N"]) -> Float[Array, " *batch"]:
    """KL divergence from logits to target logits; rounding never makes it negative."""
    log_target = jax.nn.log_softmax(target)
    return jax.nn.relu(jnp.sum(jnp.exp(log_target) * (log_target - jax.nn.log_softmax(logits)), axis=-1))
