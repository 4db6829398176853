"""The agents' optimisers, for a learning rate of one; all of them can be differentiated through."""

import jax
import jax.numpy as jnp
import optax


def gradient_descent() -> optax.GradientTransformation:
    """θ ← θ − g, as the paper uses for tables."""
    return optax.sgd(1.0)


def safe_adam(b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> optax.GradientTransformation:
    """Adam whose second moment is a constant for whoever differentiates through the step.

    The derivative of √v is infinite at v = 0, which a weight that no sample ever reached has; without this the
    meta-gradient would be NaN. What Adam does to θ is unchanged.

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
