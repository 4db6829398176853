"""Fitting η to a hand-written rule: the kick-start of a meta-training.

No meta-gradient is needed: η is fitted to the targets that the teacher gives for the newest rollout of each agent.
Agents move by the mean of both targets, so that rollouts are like those that η will see when it trains agents alone,
and agents learn from the first update on.
"""

import dataclasses
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from lpg.agents.outputs import outputs
from lpg.environments.base import Environment
from lpg.meta_training.config import MetaConfig
from lpg.meta_training.lifetime import LifetimeState
from lpg.meta_training.meta_gradient import WindowInfo, run_window
from lpg.types import Hyperparameters, Targets
from lpg.update_rules.a2c_categorical import CategoricalA2C, optimistic_a2c
from lpg.update_rules.base import Rule, RuleInputs, RuleWrapper
from lpg.update_rules.update import rule_inputs


@dataclasses.dataclass(frozen=True)
class Teacher:
    """A hand-written rule, and the hyper-parameters that η has to know by itself, because it has no such inputs."""

    make: Callable[[int], Rule]
    """From m."""
    lambda_: float
    policy_entropy_weight: float


TEACHERS = {
    "a2c-categorical": Teacher(CategoricalA2C, lambda_=0.92, policy_entropy_weight=0.01),
    "a2c-optimistic": Teacher(optimistic_a2c, lambda_=0.95, policy_entropy_weight=0.003),
}
"""By their names in the registry of rules."""
SMALLEST_PI, SMALLEST_Y = 1e-6, 1e-5
"""Errors are relative to the teacher's mean square of π̂ and to its mean divergence of ŷ from y, which count as at least
this: below those of agents that have nearly learned all, whose small steps matter as much."""


def teacher_targets(name: str, rule: Rule, inputs: RuleInputs, hyper: Hyperparameters) -> Targets:
    """What the rule is fitted to."""
    teacher, kind = TEACHERS[name], inputs.trajectory.reward.dtype
    known = dataclasses.replace(
        hyper, lambda_=jnp.asarray(teacher.lambda_, kind),
        policy_entropy_weight=jnp.asarray(teacher.policy_entropy_weight, kind),
    )  # fmt: skip
    return teacher.make(rule.prediction_size).targets(inputs, known)


class WithTeacher(RuleWrapper):
    """A rule whose targets are the means of its own and the teacher's."""

    teacher: str = eqx.field(static=True)

    def targets(self, inputs: RuleInputs, hyper: Hyperparameters) -> Targets:
        """Their mean; that of two ŷ on the simplex is on the simplex."""
        both = self.rule.targets(inputs, hyper), teacher_targets(self.teacher, self.rule, inputs, hyper)
        return jax.tree.map(lambda one, other: (one + other) / 2, *both)


def imitation_loss(rule: Rule, lifetime: LifetimeState, mask: Bool[Array, " A"], teacher: str) -> Float[Array, ""]:
    """Distance of the rule's targets from the teacher's on a lifetime's newest rollout.

    mean_t (π̂_t − π̂'_t)² / mean_t π̂'_t² + mean_t KL(ŷ'_t ‖ ŷ_t) / mean_t KL(ŷ'_t ‖ y_t), where ' marks the teacher's:
    both errors are relative to the step that the teacher takes.
    """
    output = outputs(lifetime.agent, lifetime.trajectory.observation, mask)
    inputs = rule_inputs(lifetime.agent, lifetime.trajectory, output, mask)
    goal, found = teacher_targets(teacher, rule, inputs, lifetime.hyper), rule.targets(inputs, lifetime.hyper)

    def divergence(y: Float[Array, " T B P"]) -> Float[Array, ""]:
        log_ratio = jnp.log(jnp.maximum(goal.y_hat, 1e-8)) - jnp.log(jnp.maximum(y, 1e-8))
        return jnp.mean(jnp.sum(goal.y_hat * log_ratio, axis=-1))

    pi_error = jnp.mean((found.pi_hat - goal.pi_hat) ** 2) / (jnp.mean(goal.pi_hat**2) + SMALLEST_PI)
    y_error = divergence(found.y_hat) / (divergence(jax.nn.softmax(output.prediction)) + SMALLEST_Y)
    return pi_error + y_error


def imitation_window(
    rule: Rule, lifetime: LifetimeState, key: PRNGKeyArray, config: MetaConfig, env: Environment, agent_name: str
) -> tuple[Float[Array, ""], tuple[LifetimeState, WindowInfo]]:
    """`imitation_loss` in place of the meta-loss, and the lifetime after an update; see `run_window`.

    The terms in the diagnostics are those of the meta-loss. No advantages are needed, so the outer critic is not
    trained and its diagnostics are zero.
    """
    loss = imitation_loss(rule, lifetime, env.action_mask(lifetime.env_params), config.teacher)
    mixed = WithTeacher(jax.lax.stop_gradient(rule), config.teacher)
    _, (after, info) = run_window(mixed, lifetime, key, config, env, agent_name)
    without_critic = jax.tree.map(jnp.zeros_like, info.critic)
    return loss, (
        dataclasses.replace(after, critic=lifetime.critic),
        dataclasses.replace(info, loss=loss, critic=without_critic),
    )
