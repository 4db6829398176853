"""The action-independent baseline: any rule, plus a head f that learns what π̂ is on average (equation 7)."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from lpg.types import AgentOutput, Hyperparameters, Targets
from lpg.update_rules.base import RuleInputs, RuleWrapper


def check_baseline(*, baseline: bool, normalise_advantages: bool, clip_policy: bool) -> None:
    """Whether these can be had together.

    Raises:
        ValueError: they cannot: f would learn π̂ and be subtracted from the centred and scaled π̂, or from one that the
            clipped objective does not see.
    """
    if baseline and normalise_advantages:
        raise ValueError(
            "baseline and normalise_advantages given; only one is possible, because the baseline is fitted to π̂ as it "
            "is and could not be subtracted from a centred and scaled one"
        )
    if baseline and clip_policy:
        raise ValueError(
            "baseline and clip_policy are on; only one is possible, because the baseline would be subtracted from a π̂ "
            "that the clipped objective does not see; set baseline to false"
        )


class WithBaseline(RuleWrapper):
    """A rule whose agents predict one number more: the last one is f_θ(s), and never shown to the rule inside.

        Δθ ∝ ∇ log π_θ(a|s) (π̂ − f_θ(s)) − α_y ∇ KL(y_θ(s) ‖ ŷ) − ½ ∇ ‖f_θ(s) − π̂‖²

    Reference: Oh et al. (2020), equation 7, used on Atari.
    """

    @property
    def prediction_size(self) -> int:
        """That of the rule inside, and f."""
        return self.rule.prediction_size + 1

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


def _inner(output: AgentOutput) -> AgentOutput:
    return AgentOutput(logits=output.logits, prediction=output.prediction[..., :-1])


def _inner_inputs(inputs: RuleInputs) -> RuleInputs:
    return RuleInputs(
        trajectory=inputs.trajectory,
        output=_inner(inputs.output),
        next_prediction=inputs.next_prediction[..., :-1],
        old_log_prob=inputs.old_log_prob,
    )
