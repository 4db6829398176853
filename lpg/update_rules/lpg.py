"""The Learned Policy Gradient (LPG): a backward LSTM that outputs the targets π̂ and ŷ."""

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
"""What an ablation removes from the rule."""


class LPG(eqx.Module):
    """The rule η of the paper. Inputs at each step, in this order: r, d, γ, π(a|s), φ(y(s)), φ(y(s′)).

    d is 1 if the episode continues and 0 at a terminal step. Neither observations nor action numbers are inputs, so
    that the rule applies to any environment with discrete actions.
    """

    hidden: Linear
    """First layer of φ, which is shared by y(s) and y(s′)."""
    scalar: Linear
    """Second layer of φ, with one output."""
    lstm: LSTM
    pi_head: Linear
    y_head: Linear
    prediction_size: int = eqx.field(static=True)
    """m."""
    without: Component = eqx.field(static=True, default="nothing")
    """softmax: y and ŷ are in ℝ^m and the loss is their squared distance (section 4.3 of the paper). bootstrap: the
    input φ(y(s′)) is always zero. recurrence: the LSTM state is reset at every step."""

    @property
    def discovers_predictions(self) -> bool:
        """True: meta-training regularises the entropy and the size of the predictions."""
        return True

    def embed(self, prediction: Float[Array, " *batch M"]) -> Float[Array, " *batch"]:
        """φ(y), one scalar for each prediction, which is given as logits."""
        y = prediction if self.without == "softmax" else jax.nn.softmax(prediction)
        return self.scalar(jax.nn.relu(self.hidden(y)))[..., 0]

    def targets(self, inputs: RuleInputs, hyper: Hyperparameters) -> Targets:
        """π̂ ∈ ℝ and ŷ on the simplex (without softmax: in ℝ^m) for every step.

        At a terminal step d and φ(y(s′)) are zero. At every end of an episode the LSTM starts from a zero state.

        Reference: Oh et al. (2020), section 3.1.
        """
        trajectory = inputs.trajectory
        continues = (~trajectory.terminated).astype(trajectory.reward.dtype)
        pi_a = jnp.exp(log_prob(inputs.output.logits, trajectory.action))
        is_reset = jnp.ones_like(trajectory.is_last) if self.without == "recurrence" else trajectory.is_last
        features = [
            trajectory.reward,
            continues,
            jnp.broadcast_to(hyper.gamma, continues.shape),
            pi_a,
            self.embed(inputs.output.prediction),
            jnp.zeros_like(continues)
            if self.without == "bootstrap"
            else continues * self.embed(inputs.next_prediction),
        ]
        features += [jnp.broadcast_to(extra, continues.shape) for extra in self.more_inputs(hyper)]
        h = jax.nn.relu(backward_lstm(self.lstm, jnp.stack(features, axis=-1), is_reset))
        y_hat = self.y_head(h)
        return Targets(
            pi_hat=self.pi_head(h)[..., 0], y_hat=y_hat if self.without == "softmax" else jax.nn.softmax(y_hat)
        )

    def more_inputs(self, hyper: Hyperparameters) -> list[Float[Array, ""]]:
        """Inputs after the six, equal at all steps; a derived class may have some."""
        del hyper
        return []

    def loss(
        self, output: AgentOutput, inputs: RuleInputs, targets: Targets, hyper: Hyperparameters
    ) -> Float[Array, ""]:
        """The LPG loss; one step down its gradient w.r.t. θ is the agent update.

            L(θ) = mean_t [ −π̂_t log π_θ(a_t|s_t) + α_y KL(y_θ(s_t) ‖ ŷ_t) ]

        Without softmax, ‖y_θ(s_t) − ŷ_t‖² replaces the KL divergence.

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
    """A randomly initialised η. The defaults are the paper's sizes.

    Differs from the paper, which does not give initialisers:

    - The head of π̂ has a small scale, so that the first agents hardly change.
    - The layers that read and write predictions (φ and the head of ŷ) have a large scale; otherwise predictions stay
      unused for thousands of meta-updates. Every y on the simplex is within 1 of the uniform distribution, so that
      weights of the usual size 1/√m give almost the same φ(y) in all states; and a ŷ close to uniform makes every y
      uniform before η has learned to use it. (docs/recipe.md has the measurements.)

    Args:
        key: rules with the same key and sizes have the same arrays, ablated or not. One exception: without softmax the
            prediction layers have the usual scale, because y is not confined to the simplex.
        lstm_size: hidden units H.
        prediction_size: m.
        embedding_size: hidden units of φ.
        without: the component to leave out.
    """
    embedding_scale, y_scale = (1.0, 1.0) if without == "softmax" else (prediction_size * 16 / 30, 8.0)
    key_hidden, key_scalar, key_lstm, key_pi, key_y = jax.random.split(key, 5)
    return LPG(
        hidden=init_linear(key_hidden, prediction_size, embedding_size, scale=embedding_scale),
        scalar=init_linear(key_scalar, embedding_size, 1),
        lstm=init_lstm(key_lstm, 6, lstm_size),
        pi_head=init_linear(key_pi, lstm_size, 1, scale=0.1),
        y_head=init_linear(key_y, lstm_size, prediction_size, scale=y_scale),
        prediction_size=prediction_size,
        without=without,
    )
