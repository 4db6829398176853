"""LPG-V, a baseline of the paper: π̂ is discovered, the prediction is a value function trained by TD(λ)."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from lpg.layers import Linear, init_linear
from lpg.types import AgentOutput, Hyperparameters, Targets
from lpg.update_rules.base import RuleInputs
from lpg.update_rules.losses import log_prob, value_loss
from lpg.update_rules.lstm import LSTM, backward_lstm, init_lstm
from lpg.update_rules.returns import advantages


class LPGV(eqx.Module):
    """A rule η that outputs π̂ alone. Inputs at each step, in this order: r, d, γ, π(a|s), v(s), v(s′).

    Differs from the paper, which does not say how the value is an input: here v(s), v(s′) replace φ(y(s)), φ(y(s′)).
    """

    lstm: LSTM
    pi_head: Linear

    @property
    def prediction_size(self) -> int:
        """1: the value."""
        return 1

    @property
    def discovers_predictions(self) -> bool:
        """False: the prediction is a value function by definition."""
        return False

    def targets(self, inputs: RuleInputs, hyper: Hyperparameters) -> Targets:
        """π̂ from the LSTM; ŷ is the TD(λ) target of the value.

        Reference: Oh et al. (2020), section 4.1.
        """
        trajectory = inputs.trajectory
        continues = (~trajectory.terminated).astype(trajectory.reward.dtype)
        value = inputs.output.prediction[..., 0]
        features = [
            trajectory.reward,
            continues,
            jnp.broadcast_to(hyper.gamma, continues.shape),
            jnp.exp(log_prob(inputs.output.logits, trajectory.action)),
            value,
            continues * inputs.next_prediction[..., 0],
        ]
        h = jax.nn.relu(backward_lstm(self.lstm, jnp.stack(features, axis=-1), trajectory.is_last))
        return Targets(pi_hat=self.pi_head(h)[..., 0], y_hat=(value + advantages(inputs, hyper))[..., None])

    def loss(
        self, output: AgentOutput, inputs: RuleInputs, targets: Targets, hyper: Hyperparameters
    ) -> Float[Array, ""]:
        """mean_t [ −π̂_t log π_θ(a_t|s_t) + α_y ½ (v_θ(s_t) − G^λ_t)² ]."""
        policy = -targets.pi_hat * log_prob(output.logits, inputs.trajectory.action)
        return jnp.mean(policy + hyper.y_weight * value_loss(output, targets.y_hat))


def init_lpg_v(key: PRNGKeyArray, *, lstm_size: int = 256) -> LPGV:
    """A randomly initialised η. The default is the paper's size."""
    key_lstm, key_pi = jax.random.split(key)
    return LPGV(lstm=init_lstm(key_lstm, 6, lstm_size), pi_head=init_linear(key_pi, lstm_size, 1, scale=0.1))
