"""The Learned Policy Gradient: a backward LSTM that says how to change the policy and what to predict."""

from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from lpg.layers import Linear, init_linear
from lpg.types import AgentOutput, Hyperparameters, Targets
from lpg.update_rules.base import RuleInputs
from lpg.update_rules.losses import kl_divergence, log_prob
from lpg.update_rules.lstm import LSTM, backward_lstm, init_lstm

Component = Literal["nothing", "softmax", "bootstrap", "recurrence"]
"""What an ablated rule is without."""


class LPG(eqx.Module):
    """η of the paper. Inputs at each step: r, d, γ, π(a|s), φ(y(s)), φ(y(s′)), in this order."""

    hidden: Linear
    """First layer of φ, shared between y(s) and y(s′)."""
    scalar: Linear
    """Second layer of φ: each prediction becomes one number."""
    lstm: LSTM
    pi_head: Linear
    y_head: Linear
    prediction_size: int = eqx.field(static=True)
    """m."""
    without: Component = eqx.field(static=True, default="nothing")
    """softmax: y and ŷ are any numbers, compared by squared distance (section 4.3 of the paper). bootstrap: φ(y(s′)) is
    always zero. recurrence: the LSTM forgets after every step."""

    @property
    def discovers_predictions(self) -> bool:
        """Predictions are η's own: their entropy and size are regularised in meta-training."""
        return True

    def embed(self, prediction: Float[Array, " *batch M"]) -> Float[Array, " *batch"]:
        """φ(y): one scalar per prediction, given as logits."""
        y = prediction if self.without == "softmax" else jax.nn.softmax(prediction)
        return self.scalar(jax.nn.relu(self.hidden(y)))[..., 0]

    def targets(self, inputs: RuleInputs, hyper: Hyperparameters) -> Targets:
        """π̂ ∈ ℝ and ŷ on the simplex (without softmax: in ℝ^m), for every step.

        At a terminal step d and φ(y(s′)) are zero; at every episode end the LSTM starts from zero.

        Reference: Oh et al. (2020), section 3.1.
        """
        trajectory = inputs.trajectory
        continues = (~trajectory.terminated).astype(trajectory.reward.dtype)
        pi_a = jnp.exp(log_prob(inputs.output.logits, trajectory.action))
        sees_next = self.without != "bootstrap"
        forgets = jnp.ones_like(trajectory.is_last) if self.without == "recurrence" else trajectory.is_last
        features = [
            trajectory.reward,
            continues,
            jnp.broadcast_to(hyper.gamma, continues.shape),
            pi_a,
            self.embed(inputs.output.prediction),
            continues * self.embed(inputs.next_prediction) if sees_next else jnp.zeros_like(continues),
        ]
        h = jax.nn.relu(backward_lstm(self.lstm, jnp.stack(features, axis=-1), forgets))
        y_hat = self.y_head(h)
        return Targets(
            pi_hat=self.pi_head(h)[..., 0], y_hat=y_hat if self.without == "softmax" else jax.nn.softmax(y_hat)
        )

    def loss(
        self, output: AgentOutput, inputs: RuleInputs, targets: Targets, hyper: Hyperparameters
    ) -> Float[Array, ""]:
        """Scalar whose negative gradient in θ is the LPG update, averaged over the trajectory.

            L(θ) = mean_t [ −π̂_t log π_θ(a_t|s_t) + α_y KL(y_θ(s_t) ‖ ŷ_t) ]

        Without softmax ‖y_θ(s_t) − ŷ_t‖² stands in the place of the KL.

        Reference: Oh et al. (2020), equation 2.
        """
        policy = -targets.pi_hat * log_prob(output.logits, inputs.trajectory.action)
        if self.without == "softmax":
            prediction = jnp.sum((output.prediction - targets.y_hat) ** 2, axis=-1)
        else:
            prediction = kl_divergence(output.prediction, targets.y_hat)
        return jnp.mean(policy + hyper.y_weight * prediction)


def init_lpg(
    key: PRNGKeyArray,
    *,
    lstm_size: int = 256,
    prediction_size: int = 30,
    embedding_size: int = 16,
    without: Component = "nothing",
) -> LPG:
    """A fresh η. The defaults are the paper's sizes.

    An ablated rule begins with the same arrays as the whole one: only what is done with them differs. (The one without
    softmax begins with both prediction layers at scale 1, because its y are not small.)

    Differs from the paper: it does not give initialisers. π̂ begins small, so that the first agents hardly move.
    Predictions begin loud, or they stay unused for thousands of meta-updates: a y on the simplex lies within 1/√m of
    the uniform one, which weights of 1/√m would turn into the same φ(y) in all states; and a ŷ that begins uniform
    draws every y there before η has found a use for it.
    """
    embedding_scale, says = (1.0, 1.0) if without == "softmax" else (prediction_size * 16 / 30, 8.0)
    key_hidden, key_scalar, key_lstm, key_pi, key_y = jax.random.split(key, 5)
    return LPG(
        hidden=init_linear(key_hidden, prediction_size, embedding_size, scale=embedding_scale),
        scalar=init_linear(key_scalar, embedding_size, 1),
        lstm=init_lstm(key_lstm, 6, lstm_size),
        pi_head=init_linear(key_pi, lstm_size, 1, scale=0.1),
        y_head=init_linear(key_y, lstm_size, prediction_size, scale=says),
        prediction_size=prediction_size,
        without=without,
    )
