"""Advantage actor-critic whose prediction is a distribution over values: a hand-written rule in the LPG's own form."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lpg.types import AgentOutput, Hyperparameters, Targets
from lpg.update_rules.base import RuleInputs
from lpg.update_rules.losses import entropy, kl_divergence, log_prob
from lpg.update_rules.returns import advantages

LARGEST_VALUE = 100.0
"""Values lie between minus this and this, but for `NOVELTY`."""
SCALE = 1 / 3
"""Values well below this are spaced evenly, those far above it by their logarithm."""
WIDTH = 1.7
"""Standard deviation of a target distribution, in distances between atoms. With narrow ones a network's predictions
follow slowly, because the divergence from a target that is far away hardly depends on where it is."""
NOVELTY = 0.13
"""Value of the uniform prediction, which is that of a state that was never visited."""


class CategoricalA2C(eqx.Module):
    """A rule without learned parameters: y is read as a value, ŷ is a discretised normal distribution.

    The m categories are atoms z at equal distances on the axis symlog(v) = sign(v) ln(1 + |v| / SCALE). The value of a
    prediction is symexp(Σ_i z_i y_i), and `NOVELTY` times the share by which its entropy exceeds a target's: agents
    seek states that they do not know. ŷ is the normal distribution around symlog of the λ-return, whose mean the
    minimiser of E[KL(y ‖ ŷ)] keeps. π̂ is the generalised advantage − w (1 + ln π(a|s)), which in the mean is an entropy
    bonus of weight w. Targets and loss have the form of the LPG's, so that an LPG can be fitted to this rule, see
    `lpg.meta_training.imitation`.

    Reference: symlog of Hafner et al. (2023); categorical values of Bellemare et al. (2017); otherwise as `A2C`.
    """

    prediction_size: int = eqx.field(static=True, default=30)
    """m, the number of atoms; at least 2."""

    @property
    def discovers_predictions(self) -> bool:
        """False: the prediction is a value function by definition."""
        return False

    @property
    def atoms(self) -> Float[np.ndarray, " m"]:
        """z, on the symlog axis."""
        limit = np.log1p(LARGEST_VALUE / SCALE)
        return np.linspace(-limit, limit, self.prediction_size)

    def value(self, prediction: Float[Array, " *batch m"]) -> Float[Array, " *batch"]:
        """The value of predictions that are given as logits; `NOVELTY` for those of a fresh agent."""
        known, unknown = self._target_entropy, np.log(self.prediction_size)
        novelty = jnp.clip((entropy(prediction) - known) / (unknown - known), 0, 1)
        return symexp(jax.nn.softmax(prediction) @ jnp.asarray(self.atoms, prediction.dtype)) + NOVELTY * novelty

    @property
    def _target_entropy(self) -> float:
        """Of the distribution around 0, in nats; with few atoms a normal distribution would have more than ln m."""
        width = WIDTH * (self.atoms[1] - self.atoms[0])
        weight = np.exp(-0.5 * (self.atoms / width) ** 2)
        share = weight / weight.sum()
        return float(-np.sum(share * np.log(share)))

    def distribution(self, value: Float[Array, " *batch"]) -> Float[Array, " *batch m"]:
        """A discretised normal distribution around a value."""
        width = WIDTH * (self.atoms[1] - self.atoms[0])
        z = (symlog(value)[..., None] - jnp.asarray(self.atoms, value.dtype)) / width
        return jax.nn.softmax(-0.5 * z**2)

    def targets(self, inputs: RuleInputs, hyper: Hyperparameters) -> Targets:
        """Advantages with an entropy bonus, and distributions around the λ-returns."""
        advantage = advantages(inputs, hyper, self.value)
        bonus = -hyper.policy_entropy_weight * (1 + log_prob(inputs.output.logits, inputs.trajectory.action))
        y_hat = self.distribution(self.value(inputs.output.prediction) + advantage)
        return Targets(pi_hat=advantage + bonus, y_hat=y_hat)

    def loss(
        self, output: AgentOutput, inputs: RuleInputs, targets: Targets, hyper: Hyperparameters
    ) -> Float[Array, ""]:
        """mean_t [ −π̂_t log π_θ(a_t|s_t) + α_y KL(y_θ(s_t) ‖ ŷ_t) ]: the LPG's, equation 2 of the paper."""
        policy = -targets.pi_hat * log_prob(output.logits, inputs.trajectory.action)
        return jnp.mean(policy + hyper.y_weight * kl_divergence(output.prediction, targets.y_hat))


def symlog(x: Float[Array, " *shape"]) -> Float[Array, " *shape"]:
    """sign(x) ln(1 + |x| / SCALE)."""
    return jnp.sign(x) * jnp.log1p(jnp.abs(x) / SCALE)


def symexp(x: Float[Array, " *shape"]) -> Float[Array, " *shape"]:
    """The inverse of `symlog`."""
    return SCALE * jnp.sign(x) * jnp.expm1(jnp.abs(x))
