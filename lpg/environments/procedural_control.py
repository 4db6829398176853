"""Things to be balanced and things to be swung, drawn at random: what classic control asks for, in one family.

Two positions move by themselves, away from rest or around it, and are pushed. The episode ends when one of them
leaves (−1, 1). Where every step pays, leaving is a fall, and the position that runs away from rest must be balanced;
where every step costs, leaving is the goal, and a push too weak to get there at once must swing what hangs.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from lpg.environments.base import StepResult, UniformEnv
from lpg.environments.grid_families import log_uniform

PUSHES = (-1.0, 1.0, 0.0)
"""What the actions do; instances of two actions lack the last."""


class ControlParams(eqx.Module):
    """What may vary between two lifetimes. Times are counted in steps, positions in distances from rest to the edge."""

    stiffness: Float[Array, " 2"]
    """Acceleration per position: positive runs away from rest, negative swings around it."""
    push: Float[Array, " 2"]
    """Acceleration by a push to the right."""
    damping: Float[Array, ""]
    """Share of the velocities that is lost in a step."""
    start: Float[Array, " 4"]
    """Largest positions and velocities at the beginning; they are uniform within."""
    scale: Float[Array, " 4"]
    """Factors on positions and velocities as they are seen."""
    step_reward: Float[Array, ""]
    """What every step pays, or costs."""
    max_steps: Int[Array, ""]
    """Time limit of an episode."""
    can_rest: Bool[Array, ""]
    """Whether there is a third action, which does not push."""


class ControlState(eqx.Module):
    """Where an episode stands."""

    position: Float[Array, " 2"]
    velocity: Float[Array, " 2"]
    time: Int[Array, ""]


@dataclasses.dataclass(frozen=True)
class ProceduralControl:
    """Half of the instances are to be balanced, half to be swung.

    To balance: the first position runs away by a factor e within 8 to 33 steps, and a push is one to five times as
    strong as that at the edge; the second, a cart, drifts or swings when pushed. To swing: the first position goes
    around rest once in 30 to 125 steps, and a constant push holds it at .15 to .8 of the way to the edge; the second is
    not pushed. Steps pay or cost .1 to 2, episodes last 100 to 500 steps at most, observations are scaled by .1 to 3:
    all log-uniform. Up to a hundredth of the velocities is lost in a step, uniform.
    """

    @property
    def env(self) -> "ControlEnv":
        """The dynamics."""
        return ControlEnv()

    def sample(self, key: PRNGKeyArray, num_actions: int | None = None) -> ControlParams:
        """Draws an instance with 2 or 3 actions, by a fair coin if `num_actions` is None.

        Raises:
            ValueError: another number of actions is asked for.
        """
        if num_actions not in (None, 2, 3):
            raise ValueError(f"{num_actions} actions given; there are 2 (pushes) or 3 (and none)")
        keys = jax.random.split(key, 9)
        is_balance, drifts = jax.random.bernoulli(keys[0], shape=(2,))
        speed = jnp.where(
            is_balance, log_uniform(keys[1], 0.03, 0.12, (2,)), log_uniform(keys[1], 0.05, 0.2, (2,))
        )  # of the fall, or the angular one of a swing; per step
        ratio = jnp.where(
            is_balance, log_uniform(keys[2], 1.0, 5.0, ()), log_uniform(keys[2], 0.15, 0.8, ())
        )  # how far from rest a constant push is in balance with the stiffness
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
    """Dynamics of every instance."""

    num_actions = len(PUSHES)
    num_uniforms = 0
    num_reset_uniforms = 4
    observation_shape = (4,)

    def action_mask(self, env_params: ControlParams) -> Bool[Array, " A"]:
        """Pushes always exist, rest in some instances."""
        return jnp.stack([jnp.asarray(True), jnp.asarray(True), env_params.can_rest])

    def reset_from(self, uniforms: Float[Array, " U"], env_params: ControlParams) -> ControlState:
        """Near rest."""
        drawn = (2 * uniforms - 1) * env_params.start
        return ControlState(position=drawn[:2], velocity=drawn[2:], time=jnp.zeros((), int))

    def step_from(
        self, uniforms: Float[Array, " U"], state: ControlState, action: Int[Array, ""], env_params: ControlParams
    ) -> tuple[ControlState, StepResult]:
        """Velocities change first, then positions by the new velocities, so that a swing keeps its energy."""
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
