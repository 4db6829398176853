"""The action-independent baseline: any rule, plus a head f that learns what π̂ is on average (equation 7)."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from lpg.agents.own import OwnAgent
from lpg.agents.separate import SeparateNetworks
from lpg.agents.tabular import Table
from lpg.types import AgentOutput, Hyperparameters, Targets
from lpg.update_rules.base import Rule, RuleInputs


class WithBaseline(eqx.Module):
    """A rule whose agents predict one number more: the last one is f_θ(s), and never shown to the rule inside.

        Δθ ∝ ∇ log π_θ(a|s) (π̂ − f_θ(s)) − α_y ∇ KL(y_θ(s) ‖ ŷ) − ½ ∇ ‖f_θ(s) − π̂‖²

    Reference: Oh et al. (2020), equation 7, used on Atari.
    """

    rule: Rule

    @property
    def prediction_size(self) -> int:
        """That of the rule inside, and f."""
        return self.rule.prediction_size + 1

    @property
    def discovers_predictions(self) -> bool:
        """As the rule inside."""
        return self.rule.discovers_predictions

    @property
    def prediction_scale(self) -> float:
        """As the rule inside; f itself had better begin at zero."""
        return self.rule.prediction_scale

    def targets(self, inputs: RuleInputs, hyper: Hyperparameters) -> Targets:
        """Those of the rule inside; the target of f is π̂."""
        found = self.rule.targets(_inner_inputs(inputs), hyper)
        return Targets(pi_hat=found.pi_hat, y_hat=jnp.concatenate([found.y_hat, found.pi_hat[..., None]], axis=-1))

    def loss(
        self, output: AgentOutput, inputs: RuleInputs, targets: Targets, hyper: Hyperparameters
    ) -> Float[Array, ""]:
        """The loss of the rule inside with π̂ − f in the place of π̂, plus mean_t ½ (f_θ(s_t) − π̂_t)².

        The f that is subtracted comes from `inputs` and is thereby a constant: the policy must not push it.
        """
        constant = inputs.output.prediction[..., -1]
        advantage = Targets(pi_hat=targets.pi_hat - constant, y_hat=targets.y_hat[..., :-1])
        regression = 0.5 * jnp.mean((output.prediction[..., -1] - targets.y_hat[..., -1]) ** 2)
        return self.rule.loss(_inner(output), _inner_inputs(inputs), advantage, hyper) + regression


def with_calm_baseline(agent: Any) -> Any:
    """The same agent with a last prediction that begins at zero: one that is random in every state only adds noise.

    Args:
        agent: a table or a network. One's own is left as it is, since nobody else knows what its last prediction is
            made of.
    """
    if isinstance(agent, OwnAgent):
        return agent
    return eqx.tree_at(_last_layer, agent, _last_layer(agent).at[..., -1].set(0.0))


def _last_layer(agent: Any) -> Any:
    """The array [..., P] whose last column makes the last prediction; biases are zero in every fresh agent."""
    if isinstance(agent, Table):
        return agent.rows
    head = agent.prediction.prediction if isinstance(agent, SeparateNetworks) else agent.prediction
    return head.weight


def _inner(output: AgentOutput) -> AgentOutput:
    return AgentOutput(logits=output.logits, prediction=output.prediction[..., :-1])


def _inner_inputs(inputs: RuleInputs) -> RuleInputs:
    return RuleInputs(
        trajectory=inputs.trajectory,
        output=_inner(inputs.output),
        next_prediction=inputs.next_prediction[..., :-1],
    )
