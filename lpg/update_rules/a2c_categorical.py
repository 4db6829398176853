"""Advantage actor-critic whose prediction is a distribution over values: a hand-written rule in the LPG's own form."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lpg.agents.initial_value import atoms
from lpg.types import AgentOutput, Hyperparameters, Targets
from lpg.update_rules.base import RuleInputs
from lpg.update_rules.losses import kl_divergence, log_prob
from lpg.update_rules.returns import advantages

LARGEST_VALUE = 15.0
"""Values lie within this of the initial one; returns are of order one if rewards are normalised."""
PI_SCALE = 0.125
"""Factor of π̂, with which α_lr and α_y of tables are of the size that discovered rules want."""
_GRID = np.linspace(-LARGEST_VALUE, LARGEST_VALUE, 601)


class CategoricalA2C(eqx.Module):
    """A rule without learned parameters: y is read as a value, ŷ ∝ exp(value × atom).

    The m categories are atoms z at equal distances in [−1, 1]. The distribution of a value v is y ∝ exp((v − v₀) z):
    uniform at the initial value v₀, as a fresh agent's prediction. Its logits are linear in v, so that the minimiser of
    E[KL(y ‖ ŷ)] is the distribution of the mean of all targets, and a network learns it as easily as a value. The value
    of any y is that of the distribution with the same mean atom. π̂ is `PI_SCALE` times the generalised advantage − w
    (1 + ln π(a|s)), which in the mean is an entropy bonus of weight w. Targets and loss have the form of the LPG's, so
    that an LPG can be fitted to this rule, see `lpg.meta_training.imitation`. Rewards have to be normalised, unless
    returns are small.

    Reference: categorical values of Bellemare et al. (2017), with an exponential family; otherwise as `A2C`.
    """

    prediction_size: int = eqx.field(static=True, default=30)
    """m, the number of atoms; at least 2."""
    initial_value: float = eqx.field(static=True, default=0.0)
    """v₀, value of a uniform prediction."""
    largest_advantage: float | None = eqx.field(static=True, default=None)
    """L: advantages in π̂ are bounded, L tanh(A / L); none: they are not."""

    @property
    def discovers_predictions(self) -> bool:
        """False: the prediction is a value function by definition."""
        return False

    @property
    def atoms(self) -> Float[np.ndarray, " m"]:
        """z."""
        return atoms(self.prediction_size)

    def value(self, prediction: Float[Array, " *batch m"]) -> Float[Array, " *batch"]:
        """The value of predictions that are given as logits."""
        weight = np.exp(_GRID[:, None] * self.atoms - LARGEST_VALUE)
        means = (weight / weight.sum(axis=1, keepdims=True)) @ self.atoms
        mean = jax.nn.softmax(prediction) @ jnp.asarray(self.atoms, prediction.dtype)
        above = jnp.interp(mean, jnp.asarray(means, prediction.dtype), jnp.asarray(_GRID, prediction.dtype))
        return self.initial_value + above

    def distribution(self, value: Float[Array, " *batch"]) -> Float[Array, " *batch m"]:
        """The distribution of a value, which is clipped to the range."""
        above = jnp.clip(value - self.initial_value, -LARGEST_VALUE, LARGEST_VALUE)
        return jax.nn.softmax(above[..., None] * jnp.asarray(self.atoms, value.dtype))

    def targets(self, inputs: RuleInputs, hyper: Hyperparameters) -> Targets:
        """Advantages with an entropy bonus, and the distributions of the λ-returns."""
        advantage = advantages(inputs, hyper, self.value)
        bonus = -hyper.policy_entropy_weight * (1 + log_prob(inputs.output.logits, inputs.trajectory.action))
        y_hat = self.distribution(self.value(inputs.output.prediction) + advantage)
        if (largest := self.largest_advantage) is not None:
            advantage = largest * jnp.tanh(advantage / largest)
        return Targets(pi_hat=PI_SCALE * (advantage + bonus), y_hat=y_hat)

    def loss(
        self, output: AgentOutput, inputs: RuleInputs, targets: Targets, hyper: Hyperparameters
    ) -> Float[Array, ""]:
        """mean_t [ −π̂_t log π_θ(a_t|s_t) + α_y KL(y_θ(s_t) ‖ ŷ_t) ]: the LPG's, equation 2 of the paper."""
        policy = -targets.pi_hat * log_prob(output.logits, inputs.trajectory.action)
        return jnp.mean(policy + hyper.y_weight * kl_divergence(output.prediction, targets.y_hat))


def optimistic_a2c(prediction_size: int = 30) -> CategoricalA2C:
    """The same with an initial value that most states do not reach if rewards are normalised, and bounded advantages.

    States without visits attract agents, so that they explore; a surprise moves a policy by a bounded amount.

    Reference: optimistic initial values, Sutton and Barto (2018), section 2.6.
    """
    return CategoricalA2C(prediction_size, initial_value=3.0, largest_advantage=3.0)
