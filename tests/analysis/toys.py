"""Rules written by hand whose answers are known, for the tests of the analyses."""

import equinox as eqx
import jax
import jax.numpy as jnp

from lpg.types import Targets
from lpg.update_rules.a2c import A2C


class Discounting(A2C):
    """π̂_t = Σ_k decay^k r_{t+k} − here · y(s_t) + there · decay^(T−t) y(s_T): linear, with a known discount.

    The sum stops at episode ends. With `gain` the response to π(a|s) is known too: all is divided by π(a|s)^gain.
    """

    decay: float = eqx.field(static=True, default=0.8)
    here: float = eqx.field(static=True, default=0.0)
    there: float = eqx.field(static=True, default=0.0)
    gain: float = eqx.field(static=True, default=0.0)

    def targets(self, inputs, hyper) -> Targets:
        trajectory = inputs.trajectory
        next_value = inputs.next_prediction[..., 0]

        def step(total, row):
            reward, is_last, terminated, following, is_end = row
            bootstrap = jnp.where(is_end & ~terminated, self.there * following, 0.0)
            total = reward + self.decay * jnp.where(is_last, 0.0, total) + self.decay * bootstrap
            return total, total

        steps = len(trajectory.reward)
        is_end = trajectory.is_last | (jnp.arange(steps) == steps - 1)[:, None]
        rows = (trajectory.reward, trajectory.is_last, trajectory.terminated, next_value, is_end)
        total = jax.lax.scan(step, jnp.zeros_like(trajectory.reward[0]), rows, reverse=True)[1]
        chosen = jnp.take_along_axis(jax.nn.log_softmax(inputs.output.logits), trajectory.action[..., None], -1)[..., 0]
        pi_hat = (total - self.here * inputs.output.prediction[..., 0]) / jnp.exp(self.gain * chosen)
        return Targets(pi_hat=pi_hat, y_hat=inputs.output.prediction)


class OneStep(A2C):
    """ŷ is the one-step TD target r + γ y(s′): the textbook rule for values."""

    def targets(self, inputs, hyper) -> Targets:
        trajectory = inputs.trajectory
        following = jnp.where(trajectory.terminated, 0.0, inputs.next_prediction[..., 0])
        target = trajectory.reward + hyper.gamma * following
        return Targets(pi_hat=target - inputs.output.prediction[..., 0], y_hat=target[..., None])


class NeverLearns(A2C):
    """ŷ is the prediction itself: nothing is ever learned."""

    def targets(self, inputs, hyper) -> Targets:
        return Targets(pi_hat=jnp.zeros_like(inputs.trajectory.reward), y_hat=inputs.output.prediction)
