"""Advantage actor-critic whose prediction is a distribution over values: a hand-written rule in the LPG's own form."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lpg.types import AgentOutput, Hyperparameters, Targets
from lpg.update_rules.base import RuleInputs
from lpg.update_rules.losses import kl_divergence, log_prob
from lpg.update_rules.returns import advantages

INITIAL_VALUE = 3.0
"""Value of a uniform prediction, as fresh agents have: more than most states are worth if rewards are normalised, so
that states without visits attract."""
LARGEST_VALUE = 15.0
"""Values lie within this of the initial one; returns are of order one if rewards are normalised."""
LARGEST_ADVANTAGE = 3.0
"""Advantages in π̂ are bounded by this: L tanh(A / L)."""
PI_SCALE = 0.125
"""Factor of π̂, with which α_lr and α_y of tables are of the size that discovered rules want."""
_GRID = np.linspace(-LARGEST_VALUE, LARGEST_VALUE, 601)


class CategoricalA2C(eqx.Module):
    """A rule without learned parameters: y is read as a value, ŷ ∝ exp(value × atom).

    The m categories are atoms z at equal distances in [−1, 1]. The distribution of a value v is y ∝ exp((v − v₀) z):
    uniform at v₀ = `INITIAL_VALUE`, as a fresh agent's prediction. Its logits are linear in v, so that the minimiser of
    E[KL(y ‖ ŷ)] is the distribution of the mean of all targets, and a network learns it as easily as a value. The value
    of any y is that of the distribution with the same mean atom. π̂ is `PI_SCALE` times the bounded generalised
    advantage − w (1 + ln π(a|s)), which in the mean is an entropy bonus of weight w. Targets and loss have the form of
    the LPG's, so that an LPG can be fitted to this rule, see `lpg.meta_training.imitation`. Rewards have to be
    normalised, unless returns are small.

    Reference: categorical values of Bellemare et al. (2017), with an exponential family; optimistic initial values:
    Sutton and Barto (2018), section 2.6; otherwise as `A2C`.
    """

    prediction_size: int = eqx.field(static=True, default=30)
    """m, the number of atoms; at least 2."""

    @property
    def discovers_predictions(self) -> bool:
        """False: the prediction is a value function by definition."""
        return False

    @property
    def atoms(self) -> Float[np.ndarray, " m"]:
        """z."""
        return np.linspace(-1, 1, self.prediction_size)

    def value(self, prediction: Float[Array, " *batch m"]) -> Float[Array, " *batch"]:
        """The value of predictions that are given as logits."""
        weight = np.exp(_GRID[:, None] * self.atoms - LARGEST_VALUE)
        means = (weight / weight.sum(axis=1, keepdims=True)) @ self.atoms
        mean = jax.nn.softmax(prediction) @ jnp.asarray(self.atoms, prediction.dtype)
        above = jnp.interp(mean, jnp.asarray(means, prediction.dtype), jnp.asarray(_GRID, prediction.dtype))
        return INITIAL_VALUE + above

    def distribution(self, value: Float[Array, " *batch"]) -> Float[Array, " *batch m"]:
        """The distribution of a value, which is clipped to the range."""
        above = jnp.clip(value - INITIAL_VALUE, -LARGEST_VALUE, LARGEST_VALUE)
        return jax.nn.softmax(above[..., None] * jnp.asarray(self.atoms, value.dtype))

    def targets(self, inputs: RuleInputs, hyper: Hyperparameters) -> Targets:
        """Bounded advantages with an entropy bonus, and the distributions of the λ-returns."""
        advantage = advantages(inputs, hyper, self.value)
        bonus = -hyper.policy_entropy_weight * (1 + log_prob(inputs.output.logits, inputs.trajectory.action))
        y_hat = self.distribution(self.value(inputs.output.prediction) + advantage)
        bounded = LARGEST_ADVANTAGE * jnp.tanh(advantage / LARGEST_ADVANTAGE)
        return Targets(pi_hat=PI_SCALE * (bounded + bonus), y_hat=y_hat)

    def loss(
        self, output: AgentOutput, inputs: RuleInputs, targets: Targets, hyper: Hyperparameters
    ) -> Float[Array, ""]:
        """mean_t [ −π̂_t log π_θ(a_t|s_t) + α_y KL(y_θ(s_t) ‖ ŷ_t) ]: the LPG's, equation 2 of the paper."""
        policy = -targets.pi_hat * log_prob(output.logits, inputs.trajectory.action)
        return jnp.mean(policy + hyper.y_weight * kl_divergence(output.prediction, targets.y_hat))
