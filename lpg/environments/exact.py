"""Exact values by dynamic programming: for tests, normalised scores and the analysis of predictions.

Everything is a sweep V ← improve(Q) over all states at once, where Q = `env.backup` of V. Functions are written for
one `EnvParams`; the caller maps them over several. Two kinds of value:

* without `num_steps`, the discounted value V(s) = E Σ_t γ^t r_t of an endless task, the fixed point of the sweep;
* with it, the value with so many steps to go, after which nothing is paid (γ = 1 allowed). An episode cut off by a time
  limit pays exactly this.

Time is no part of a state: the optimum within a step limit is reached by a policy that may look at the clock, and
bounds from above what a policy over states can do.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, ScalarLike

from lpg.environments.base import EnvParams, ExactEnvironment

TOLERANCE = 1e-6
"""Largest error of a fixed point, relative to the largest value; float32 cannot do much better."""

Steps = int | Int[Array, ""] | None
"""Number of steps left, possibly traced; None: no limit."""


def policy_values(
    env: ExactEnvironment,
    env_params: EnvParams,
    policy: Float[Array, " S A"],
    gamma: ScalarLike,
    num_steps: Steps = None,
) -> Float[Array, " S"]:
    """V^π of every state index; 0 for indices that are not states.

    Args:
        policy: probability of each action in each state. That of masked actions must be 0.
        gamma: discount per step, below 1 if `num_steps` is None.
        num_steps: steps to go.
    """
    # 0 · −∞ is not a number, hence the masks.
    return _sweep(
        env, env_params, lambda q: jnp.sum(jnp.where(policy > 0, policy, 0.0) * _finite(q), -1), gamma, num_steps
    )


def optimal_values(
    env: ExactEnvironment, env_params: EnvParams, gamma: ScalarLike, num_steps: Steps = None
) -> Float[Array, " S"]:
    """V* of every state index; 0 for indices that are not states. Arguments as in `policy_values`."""
    return _sweep(env, env_params, lambda q: jnp.max(q, -1), gamma, num_steps)


def optimal_policy(
    env: ExactEnvironment, env_params: EnvParams, gamma: ScalarLike, num_steps: Steps = None
) -> Float[Array, " S A"]:
    """A best policy, deterministic: probability 1 for the best action, the first one if several are.

    Values that differ by rounding only count as equal, so that the choice does not depend on the machine.

    Args:
        gamma: discount per step, below 1 if `num_steps` is None.
        num_steps: steps to go, at least 1; the policy is then the best *first* step, since later ones may look at the
            clock.
    """
    value = optimal_values(env, env_params, gamma, None if num_steps is None else num_steps - 1)
    q = env.backup(env.model(env_params), value, gamma)
    rounding = 16 * jnp.finfo(q.dtype).eps * jnp.max(jnp.abs(_finite(q)))
    return jax.nn.one_hot(jnp.argmax(q >= jnp.max(q, -1, keepdims=True) - rounding, -1), env.num_actions)


def uniform_policy(env: ExactEnvironment, env_params: EnvParams) -> Float[Array, " S A"]:
    """The random policy: every valid action is equally probable."""
    mask = env.action_mask(env_params)
    return jnp.broadcast_to(mask / jnp.sum(mask), (env.num_states, env.num_actions))


def start_value(env: ExactEnvironment, env_params: EnvParams, value: Float[Array, " S"]) -> Float[Array, ""]:
    """Expectation of a value over the first state of an episode."""
    return jnp.sum(env.initial_states(env_params) * value)


def policy_return(env: ExactEnvironment, env_params: EnvParams, policy: Float[Array, " S A"]) -> Float[Array, ""]:
    """Expected undiscounted return of an episode under a policy, time limit included."""
    return start_value(env, env_params, policy_values(env, env_params, policy, 1.0, env.time_limit(env_params)))


def optimal_return(env: ExactEnvironment, env_params: EnvParams) -> Float[Array, ""]:
    """The largest expected undiscounted return of an episode, time limit included."""
    return start_value(env, env_params, optimal_values(env, env_params, 1.0, env.time_limit(env_params)))


def _finite(q: Float[Array, " S A"]) -> Float[Array, " S A"]:
    return jnp.where(jnp.isfinite(q), q, 0.0)


def _sweep(
    env: ExactEnvironment,
    env_params: EnvParams,
    improve: Callable[[Float[Array, " S A"]], Float[Array, " S"]],
    gamma: ScalarLike,
    num_steps: Steps,
) -> Float[Array, " S"]:
    """Sweeps from V = 0: `num_steps` times, or until the fixed point is reached."""
    if num_steps is None and isinstance(gamma, int | float) and not 0 <= gamma < 1:
        raise ValueError(f"gamma is {gamma}; without num_steps it must be in [0, 1), or the value may be infinite")
    model = env.model(env_params)
    start = jnp.zeros((env.num_states,))
    if num_steps is not None:
        return jax.lax.fori_loop(0, num_steps, lambda _, value: improve(env.backup(model, value, gamma)), start)

    # A sweep brings V nearer to the fixed point by γ: the distance left is at most γ / (1 − γ) of the last change, and
    # γ^n of what it was at first. The second bound ends the loop where rounding keeps the change from vanishing.
    gamma = jnp.asarray(gamma, start.dtype)
    max_sweeps = jnp.log(TOLERANCE) / jnp.log(gamma) + 1

    def is_far(carry: tuple[Array, Array, Array]) -> Array:
        value, change, sweeps = carry
        return (gamma * change > TOLERANCE * (1 - gamma) * jnp.max(jnp.abs(value))) & (sweeps < max_sweeps)

    def sweep(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        value, _, sweeps = carry
        swept = improve(env.backup(model, value, gamma))
        return swept, jnp.max(jnp.abs(swept - value)), sweeps + 1

    first = improve(env.backup(model, start, gamma))
    value, _, _ = jax.lax.while_loop(is_far, sweep, (first, jnp.max(jnp.abs(first)), jnp.ones(())))
    return value
