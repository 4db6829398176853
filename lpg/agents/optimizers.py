"""The agents' optimisers at a learning rate of one; all have finite derivatives for the meta-gradient."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int


class RowDescent(optax.GradientTransformationExtraArgs):
    """Descent in which each step of a trajectory moves its own state's row of a table.

    `update` is the usual function of a gradient of the whole table. Who has the gradients g_t of single rows may add
    −`factor` · g_t to them instead: the same step, for the price of the rows that were visited and not of all.
    """

    @staticmethod
    def factor(
        observation: Int[Array, " T B"], num_states: int, is_real: Bool[Array, " T B"] | None = None
    ) -> Float[Array, " T B"]:
        """By what each step's gradient of the loss is multiplied; arguments as those of `visit_mean`."""
        del num_states, is_real
        return jnp.ones(observation.shape)


class _VisitMean(RowDescent):
    @staticmethod
    def factor(
        observation: Int[Array, " T B"], num_states: int, is_real: Bool[Array, " T B"] | None = None
    ) -> Float[Array, " T B"]:
        """T · B by the number of visits of the step's state."""
        counts = _counts(observation, is_real)
        return jnp.sum(counts) / jnp.maximum(_visits(observation, num_states, counts)[observation], 1)


def gradient_descent() -> RowDescent:
    """θ ← θ − g, as the paper uses for tables."""
    return RowDescent(*optax.with_extra_args_support(optax.sgd(1.0)))


def visit_mean() -> RowDescent:
    """θ(s) ← θ(s) − mean over the visits of s of the gradient of one step's loss, for tables [S, …] by state.

    The loss of a trajectory is a mean over its T · B steps, so under plain descent a state moves by the share of steps
    that visited it: one learning rate is large in the first state of a chain and small in a corner of a grid. Here each
    row's gradient is multiplied by T · B and divided by the number of visits, so that one learning rate serves states
    and environments of any size. Rows that were not visited stay as they are.

    Differs from the paper: its tables move by plain descent, see `gradient_descent`.

    `update` needs two keyword arguments: `observation`, the states [T, B] visited; `is_real`, which of the steps count
    (None: all of them).
    """

    def update(
        gradient: optax.Updates,
        state: optax.OptState,
        params: optax.Params | None = None,
        *,
        observation: Int[Array, " T B"],
        is_real: Bool[Array, " T B"] | None = None,
        **_: Any,
    ) -> tuple:
        del params
        counts = _counts(observation, is_real)

        def step(g: Array) -> Array:
            scale = jnp.sum(counts) / jnp.maximum(_visits(observation, g.shape[0], counts), 1)
            return -g * scale.reshape(-1, *[1] * (g.ndim - 1))

        return jax.tree.map(step, gradient), state

    return _VisitMean(lambda params: optax.EmptyState(), update)


def _counts(observation: Int[Array, " T B"], is_real: Bool[Array, " T B"] | None) -> Float[Array, " T B"]:
    """1 for the steps that count."""
    return jnp.ones(observation.shape) if is_real is None else is_real.astype(float)


def _visits(observation: Int[Array, " T B"], num_states: int, counts: Float[Array, " T B"]) -> Float[Array, " S"]:
    """How often each state was visited."""
    return jnp.zeros(num_states, counts.dtype).at[observation].add(counts)


def safe_adam(b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> optax.GradientTransformation:
    """Adam whose second moment v counts as a constant when the step is differentiated.

    The derivative of √v is infinite at v = 0, the value for a weight that never had a gradient; without
    `stop_gradient` the meta-gradient would be NaN. The update of θ is the same as with plain Adam.

    Reference: Kingma and Ba (2015); the stopped denominator: Oh et al. (2025).
    """
    plain = optax.scale_by_adam(b1=b1, b2=b2, eps=eps)

    def update(gradient: optax.Updates, state: optax.ScaleByAdamState, params: optax.Params | None = None) -> tuple:
        del params
        _, moved = plain.update(jax.lax.stop_gradient(gradient), jax.lax.stop_gradient(state))
        mu = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, state.mu, gradient)
        count = moved.count.astype(jnp.result_type(float))
        first, second = 1 - b1**count, 1 - b2**count
        step = jax.tree.map(lambda m, v: -(m / first) / (jnp.sqrt(v / second) + eps), mu, moved.nu)
        return step, optax.ScaleByAdamState(count=moved.count, mu=mu, nu=moved.nu)

    return optax.GradientTransformation(plain.init, update)
