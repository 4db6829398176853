"""Balancing and swing-up tasks with random dynamics, in the manner of classic control.

Two positions are accelerated by a linear force and by the action. The episode ends when one of them leaves (−1, 1).
Balancing: 0 is an unstable equilibrium and every step pays, so the agent must stay inside. Swing-up: 0 is a stable
equilibrium and every step costs, so the agent must leave, and a constant push is too weak: it has to build up a swing.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from lpg.environments.base import StepResult, UniformEnv
from lpg.environments.grid_families import log_uniform

PUSHES = (-1.0, 1.0, 0.0)
"""Force of each action; with two actions the last is masked."""


class ControlParams(eqx.Module):
    """What may vary between two lifetimes. Time is in steps, positions are in distances from 0 to the edge."""

    stiffness: Float[Array, " 2"]
    """Acceleration per position: positive makes 0 an unstable equilibrium, negative a stable one."""
    push: Float[Array, " 2"]
    """Acceleration by a push to the right."""
    damping: Float[Array, ""]
    """Share of the velocities that is lost in a step."""
    start: Float[Array, " 4"]
    """Positions and velocities of the first state are uniform in ± this."""
    scale: Float[Array, " 4"]
    """Factors on positions and velocities in the observation."""
    step_reward: Float[Array, ""]
    """Reward of every step: positive for balancing, negative for swing-up."""
    max_steps: Int[Array, ""]
    """Time limit of an episode."""
    can_rest: Bool[Array, ""]
    """Whether the third action, which does not push, is valid."""


class ControlState(eqx.Module):
    """State of one episode."""

    position: Float[Array, " 2"]
    velocity: Float[Array, " 2"]
    time: Int[Array, ""]


@dataclasses.dataclass(frozen=True)
class ProceduralControl:
    """A distribution: half are balancing tasks, half swing-up tasks.

    Balancing: the first position grows by a factor e in 8 to 33 steps, and the push is one to five times as strong as
    the force at the edge; the second, a cart, drifts or oscillates when pushed. Swing-up: the period of the first
    position is 30 to 125 steps, and a constant push holds it at .15 to .8; the second is not pushed. Rewards per step
    have sizes of .1 to 2, time limits are 100 to 500 steps, observations are scaled by .1 to 3: all log-uniform.
    Velocities lose a share uniform in [0, .01] per step.
    """

    @property
    def env(self) -> "ControlEnv":
        """The environment."""
        return ControlEnv()

    def sample(self, key: PRNGKeyArray, num_actions: int | None = None) -> ControlParams:
        """Draws a task with 2 or 3 actions, by a fair coin if `num_actions` is None.

        Raises:
            ValueError: `num_actions` is another number.
        """
        if num_actions not in (None, 2, 3):
            raise ValueError(f"{num_actions} actions given; there are 2 (pushes) or 3 (and none)")
        keys = jax.random.split(key, 9)
        is_balance, drifts = jax.random.bernoulli(keys[0], shape=(2,))
        speed = jnp.where(
            is_balance, log_uniform(keys[1], 0.03, 0.12, (2,)), log_uniform(keys[1], 0.05, 0.2, (2,))
        )  # rate of growth or angular speed, per step
        ratio = jnp.where(
            is_balance, log_uniform(keys[2], 1.0, 5.0, ()), log_uniform(keys[2], 0.15, 0.8, ())
        )  # position at which a constant push and the stiffness cancel
        cart = jnp.where(is_balance, log_uniform(keys[3], 0.0003, 0.003, ()), 0.0)
        first = jnp.where(is_balance, 1.0, -1.0) * speed[0] ** 2
        second = jnp.where(is_balance & drifts, 0.0, -(speed[1] ** 2))
        near = jnp.where(is_balance, 0.2, 0.1)
        size = log_uniform(keys[4], 0.1, 2.0, ())
        return ControlParams(
            stiffness=jnp.stack([first, second]),
            push=jnp.stack([speed[0] ** 2 * ratio, cart]),
            damping=jax.random.uniform(keys[5], maxval=0.01),
            start=near * jnp.concatenate([jnp.ones(2), speed]),
            scale=log_uniform(keys[6], 0.1, 3.0, (4,)) / jnp.concatenate([jnp.ones(2), speed]),
            step_reward=jnp.where(is_balance, size, -size),
            max_steps=jnp.round(log_uniform(keys[7], 100.0, 500.0, ())).astype(int),
            can_rest=jax.random.bernoulli(keys[8]) if num_actions is None else jnp.asarray(num_actions == 3),
        )


@dataclasses.dataclass(frozen=True)
class ControlEnv(UniformEnv):
    """All balancing and swing-up tasks."""

    num_actions = len(PUSHES)
    num_uniforms = 0
    num_reset_uniforms = 4
    observation_shape = (4,)

    def action_mask(self, env_params: ControlParams) -> Bool[Array, " A"]:
        """The pushes are always valid, the action without a push if `can_rest`."""
        return jnp.stack([jnp.asarray(True), jnp.asarray(True), env_params.can_rest])

    def reset_from(self, uniforms: Float[Array, " U"], env_params: ControlParams) -> ControlState:
        """Positions and velocities near 0."""
        drawn = (2 * uniforms - 1) * env_params.start
        return ControlState(position=drawn[:2], velocity=drawn[2:], time=jnp.zeros((), int))

    def step_from(
        self, uniforms: Float[Array, " U"], state: ControlState, action: Int[Array, ""], env_params: ControlParams
    ) -> tuple[ControlState, StepResult]:
        """Velocities first, then positions by the new velocities, which keeps the energy of an undamped oscillation."""
        acceleration = env_params.stiffness * state.position + env_params.push * jnp.asarray(PUSHES)[action]
        velocity = (1 - env_params.damping) * (state.velocity + acceleration)
        position, time = state.position + velocity, state.time + 1
        has_left = jnp.any(jnp.abs(position) >= 1)
        result = StepResult(
            reward=env_params.step_reward, terminated=has_left, truncated=~has_left & (time >= env_params.max_steps)
        )
        return ControlState(position=position, velocity=velocity, time=time), result

    def observe(self, state: ControlState, env_params: ControlParams) -> Float[Array, " 4"]:
        """[positions, velocities], scaled."""
        return env_params.scale * jnp.concatenate([state.position, state.velocity])
