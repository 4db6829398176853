"""A policy for random grids written by hand: to the nearest rewarding object, around the penalties.

It sees the state and not the picture, and it plans no further than one object; so its return is a lower bound of the
optimum. A near one: on very_dense, which can be solved exactly, nothing is left to be gained. While there is nothing to
be collected it waits in the middle; and of two ways it takes the more central one, which is worth a tenth and more.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from lpg.environments.grid_world import NUM_DIRECTIONS
from lpg.environments.random_grid import RandomGridEnv, RandomGridParams, RandomGridState


class GreedyPlan(eqx.Module):
    """What the policy computes once per `EnvParams`."""

    is_free: Bool[Array, " C"]
    """Cells that are not walls."""
    mean_distance: Float[Array, " C"]
    """Mean number of steps to all free cells, divided by the number of cells: in [0, 1)."""


@dataclasses.dataclass(frozen=True)
class Greedy:
    """The policy: `plan` once per `EnvParams`, then `act` in every state."""

    env: RandomGridEnv

    def plan(self, env_params: RandomGridParams) -> GreedyPlan:
        """Distances between all cells, walls considered."""
        cells = jnp.arange(self.env.num_cells)
        is_free = ~jnp.any(cells == env_params.wall[:, None], axis=0)
        steps = jax.vmap(lambda cell: distances(self.env, cells == cell, is_free))(cells)
        known = is_free[:, None] & jnp.isfinite(steps)
        mean = jnp.sum(jnp.where(known, steps, 0.0), axis=0) / jnp.maximum(jnp.sum(known, axis=0), 1)
        return GreedyPlan(is_free=is_free, mean_distance=mean / self.env.num_cells)

    def act(self, plan: GreedyPlan, state: RandomGridState, env_params: RandomGridParams) -> Int[Array, ""]:
        """Collects a reward within reach, else goes one step nearer to the nearest; of two ways the more central one.

        With 18 actions penalties are walked over, since nothing is taken by walking; with 9 they are in the way.
        """
        is_reward = self._has(state.object_cell, env_params.object_reward > 0)
        is_penalty = self._has(state.object_cell, env_params.object_reward < 0)
        is_open = plan.is_free & (env_params.has_collect_actions | ~is_penalty)
        steps = distances(self.env, is_reward, is_open)

        directions = jnp.arange(NUM_DIRECTIONS)
        around = jax.vmap(self.env.neighbour, in_axes=(None, 0, None))(state.cell, directions, env_params)
        # Staying is always possible; where no reward can be reached, all steps are equally many.
        is_possible = (around >= 0) & (is_open[around] | (around == state.cell))
        nearness = jnp.where(jnp.isfinite(steps), steps, self.env.num_cells) + plan.mean_distance
        move = jnp.argmin(jnp.where(is_possible, nearness[around], jnp.inf))

        within_reach = (around >= 0) & is_reward[around]
        collects = env_params.has_collect_actions & jnp.any(within_reach)
        return jnp.where(collects, NUM_DIRECTIONS + jnp.argmax(within_reach), move)

    def _has(self, object_cell: Int[Array, " O"], is_kind: Bool[Array, " O"]) -> Bool[Array, " C"]:
        """Cells in which an object of a kind lies."""
        return jnp.any((object_cell[:, None] == jnp.arange(self.env.num_cells)) & is_kind[:, None], axis=0)


def distances(env: RandomGridEnv, is_target: Bool[Array, " C"], is_open: Bool[Array, " C"]) -> Float[Array, " C"]:
    """Steps from every cell to the nearest target, through open cells only; ∞ where there is no way.

    Args:
        is_target: where the ways lead; a target that is not open cannot be reached.
        is_open: cells that may be entered.
    """
    is_open = is_open.reshape(env.rows, env.columns)
    start = jnp.where(is_target.reshape(is_open.shape) & is_open, 0.0, jnp.inf)

    def spread(steps: Float[Array, "rows columns"]) -> Float[Array, "rows columns"]:
        padded = jnp.pad(steps, 1, constant_values=jnp.inf)
        tall = jnp.minimum(jnp.minimum(padded[:-2], padded[1:-1]), padded[2:])
        around = jnp.minimum(jnp.minimum(tall[:, :-2], tall[:, 1:-1]), tall[:, 2:])
        return jnp.where(is_open, jnp.minimum(steps, around + 1), jnp.inf)

    def is_new(carry: tuple[Array, Array]) -> Bool[Array, ""]:
        before, after = carry
        return jnp.any(before != after)

    _, steps = jax.lax.while_loop(is_new, lambda carry: (carry[1], spread(carry[1])), (start, spread(start)))
    return steps.reshape(-1)
