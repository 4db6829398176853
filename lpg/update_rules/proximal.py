"""PPO and DPO: hand-written rules that use a rollout several times and hold the policy near the one that acted."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from lpg.types import AgentOutput, Hyperparameters, Targets
from lpg.update_rules.a2c import A2C
from lpg.update_rules.base import Rule, RuleInputs
from lpg.update_rules.losses import entropy, log_prob, value_loss

CLIP = 0.2
"""ε of PPO, unless the hyper-parameters have another."""
ALPHA, BETA = 2.0, 0.6
"""Constants of DPO's drift for advantages ≥ 0 and < 0."""

StepLimit = Literal["clip", "drift_scale"]
"""Names of the hyper-parameters that say how far the policy may move from the one that acted."""
USERS: dict[StepLimit, str] = {"clip": "ppo", "drift_scale": "dpo"}
"""The rule that each of them is of."""


class Proximal(A2C):
    """A2C with probability ratios in the place of log-probabilities, minus a drift.

    With r = π_θ(a|s) / π_old(a|s) and the policy π_old that acted, the policy's loss is mean_t [D(r_t, A_t) − r_t A_t].
    The drift D is at least 0, and 0 with a gradient of 0 at r = 1. The first update on a rollout is therefore that of
    A2C; the drift matters from the second one on, see `num_epochs` and `num_minibatches`. Targets are those of A2C.

    Reference: mirror learning, Kuba et al. (2022); Lu et al. (2022), section 3.
    """

    step_limit: ClassVar[StepLimit]
    """The hyper-parameter that this rule uses."""

    @abstractmethod
    def drift(
        self, log_ratio: Float[Array, " *batch"], advantage: Float[Array, " *batch"], hyper: Hyperparameters
    ) -> Float[Array, " *batch"]:
        """D(r, A) ≥ 0, in units of advantages.

        Args:
            log_ratio: log r.
            advantage: A, which may be standardised.
            hyper: the agent's hyper-parameters.
        """

    def loss(
        self, output: AgentOutput, inputs: RuleInputs, targets: Targets, hyper: Hyperparameters
    ) -> Float[Array, ""]:
        """mean_t [ D(r_t, A_t) − r_t A_t + α_y ½ (v_θ(s_t) − G^λ_t)² − w H(π_θ(s_t)) ]."""
        policy = self.policy_loss(output, inputs, targets, hyper)
        value = hyper.y_weight * value_loss(output, targets.y_hat)
        return jnp.mean(policy + value - hyper.policy_entropy_weight * entropy(output.logits))

    def policy_loss(
        self, output: AgentOutput, inputs: RuleInputs, targets: Targets, hyper: Hyperparameters
    ) -> Float[Array, " T B"]:
        """D(r_t, A_t) − r_t A_t; A is π̂."""
        action = inputs.trajectory.action
        old = log_prob(inputs.output.logits, action) if inputs.old_log_prob is None else inputs.old_log_prob
        log_ratio = log_prob(output.logits, action) - old
        return self.drift(log_ratio, targets.pi_hat, hyper) - jnp.exp(log_ratio) * targets.pi_hat


class PPO(Proximal):
    """The clipped objective, min(r A, clip(r, 1 − ε, 1 + ε) A), as a drift.

    Advantages are computed anew at every optimiser step, minibatches are whole environments, and the value is not
    clipped; common implementations compute advantages once for a rollout and shuffle single steps.

    Reference: Schulman et al. (2017), equation 7.
    """

    step_limit: ClassVar[StepLimit] = "clip"

    def drift(
        self, log_ratio: Float[Array, " *batch"], advantage: Float[Array, " *batch"], hyper: Hyperparameters
    ) -> Float[Array, " *batch"]:
        """max(0, (r − clip(r, 1 − ε, 1 + ε)) A)."""
        ratio, clip = jnp.exp(log_ratio), CLIP if hyper.clip is None else hyper.clip
        return jax.nn.relu((ratio - jnp.clip(ratio, 1 - clip, 1 + clip)) * advantage)


class DPO(Proximal):
    """Discovered policy optimisation: the closed form of a drift that was meta-learned (LPO).

    Reference: Lu et al. (2022), section 5, with α = 2 and β = 0.6.
    """

    step_limit: ClassVar[StepLimit] = "drift_scale"

    def drift(
        self, log_ratio: Float[Array, " *batch"], advantage: Float[Array, " *batch"], hyper: Hyperparameters
    ) -> Float[Array, " *batch"]:
        """max(0, x − α tanh(x / α)) with x = (r − 1) A if A ≥ 0; max(0, x − β tanh(x / β)) with x = A log r if A < 0.

        `drift_scale` is a factor of α and β.
        """
        scale = 1.0 if hyper.drift_scale is None else hyper.drift_scale

        def excess(x: Float[Array, " *batch"], limit: Float[Array, ""] | float) -> Float[Array, " *batch"]:
            return jax.nn.relu(x - limit * jnp.tanh(x / limit))

        reinforced = excess(jnp.expm1(log_ratio) * advantage, ALPHA * scale)
        return jnp.where(advantage >= 0, reinforced, excess(log_ratio * advantage, BETA * scale))


def step_limit_of(rule: Rule) -> str | None:
    """The hyper-parameter by which a rule holds the policy near the one that acted, its attribute `step_limit`.

    Such a rule is meant to use each rollout several times. None: it has none.
    """
    return getattr(rule, "step_limit", None)


def check_step_limits(given: Mapping[str, Any], rule: Rule, label: str, *, clip_policy: bool) -> None:
    """Whether a rule uses the step limits that somebody gives it.

    Args:
        given: hyper-parameters by name; others than step limits are not looked at.
        label: what to call the rule.
        clip_policy: whether its policy is held back by `clip`, see `lpg.update_rules.clipped`.

    Raises:
        ValueError: it does not use one of them, which would then have no effect, or it is held back twice.
    """
    own = step_limit_of(rule)
    if clip_policy and own is not None:
        raise ValueError(f"clip_policy is True; it is for rules without a step limit, and {label} has its own, {own}")
    for name, user in USERS.items():
        if name in given and name not in {own, *(["clip"] if clip_policy else [])}:
            others = " and rules with clip_policy do" if name == "clip" else " does"
            raise ValueError(f"{name} is {given[name]}; {label} does not use it, only {user}{others}")
