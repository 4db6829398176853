"""Collecting objects on a grid, with new places of the objects in every episode and after each return: dynamics only.

Moves, collecting and the two action sets are those of `grid_world`. What differs: places are drawn at the start of an
episode, an object that returns does so in a random unoccupied cell, and the observation is a picture: one plane per
type of object, one for the agent.

Everything is arithmetic on a handful of cell numbers, without tables to look up, so that a step compiles to few loops.

Reference: Oh et al. (2020), training environments, random grid worlds. Differs from the paper: its observation is said
to have a plane per object type only; without the agent's own the task could not be solved.
"""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from lpg.environments.base import StepResult, UniformEnv
from lpg.environments.grid_world import NUM_DIRECTIONS


class RandomGridParams(eqx.Module):
    """What may vary between two lifetimes. Cells are numbered row by row, walls included."""

    wall: Int[Array, " W"]
    """Cells that are walls; `num_cells` is padding."""
    object_type: Int[Array, " O"]
    """Which plane shows the object."""
    object_exists: Bool[Array, " O"]
    """Array shapes are shared: a grid with fewer objects has some that never appear."""
    object_reward: Float[Array, " O"]
    object_p_term: Float[Array, " O"]
    object_p_respawn: Float[Array, " O"]
    max_steps: Int[Array, ""]
    """Time limit of an episode, in steps."""
    has_collect_actions: Bool[Array, ""]
    """True: 18 actions; false: 9."""


class RandomGridState(eqx.Module):
    """State of one episode."""

    cell: Int[Array, ""]
    object_cell: Int[Array, " O"]
    """Cell of each object; `num_cells` while it is absent."""
    time: Int[Array, ""]


@dataclasses.dataclass(frozen=True, kw_only=True)
class RandomGridEnv(UniformEnv):
    """Random grids of one size with up to so many types, objects and inner walls, which fix array shapes (static)."""

    rows: int
    columns: int
    num_types: int
    num_objects: int
    num_walls: int

    num_actions = 2 * NUM_DIRECTIONS

    @property
    def num_cells(self) -> int:
        """Cells of the map, walls included; as the number of a cell it means that an object is absent."""
        return self.rows * self.columns

    @property
    def num_uniforms(self) -> int:
        """One number for termination; for every object one for its return and one for the place."""
        return 1 + 2 * self.num_objects

    @property
    def num_reset_uniforms(self) -> int:
        """The places of the agent and of every object."""
        return 1 + self.num_objects

    @property
    def observation_shape(self) -> tuple[int, ...]:
        """A plane for each type of object, the agent's plane last."""
        return (self.num_types + 1, self.rows, self.columns)

    def action_mask(self, env_params: RandomGridParams) -> Bool[Array, " A"]:
        """The moves always exist, the collect actions only in the 18-action version."""
        is_move = jnp.arange(self.num_actions) < NUM_DIRECTIONS
        return is_move | env_params.has_collect_actions

    def reset_from(self, uniforms: Float[Array, " U"], env_params: RandomGridParams) -> RandomGridState:
        """The agent in a uniformly random free cell, then every object in one that is left."""
        nowhere = jnp.full((1 + self.num_objects,), self.num_cells)
        appears = jnp.insert(env_params.object_exists, 0, True)
        cell = spawn(jnp.concatenate([nowhere, env_params.wall]), appears, uniforms, self.num_cells)
        return RandomGridState(cell=cell[0], object_cell=cell[1:], time=jnp.zeros((), int))

    def step_from(
        self, uniforms: Float[Array, " U"], state: RandomGridState, action: Int[Array, ""], env_params: RandomGridParams
    ) -> tuple[RandomGridState, StepResult]:
        """Move or collect; then objects that were absent before this step may return, anywhere."""
        target = self.neighbour(state.cell, action % NUM_DIRECTIONS, env_params)
        is_move = action < NUM_DIRECTIONS
        cell = jnp.where(is_move & (target >= 0), target, state.cell)
        reached = jnp.where(env_params.has_collect_actions, jnp.where(is_move, -1, target), cell)
        is_taken = state.object_cell == reached
        is_absent = state.object_cell == self.num_cells
        return_uniforms, place_uniforms = jnp.split(uniforms[1:], 2)
        returns = is_absent & env_params.object_exists & (return_uniforms < env_params.object_p_respawn)
        left = jnp.where(is_taken, self.num_cells, state.object_cell)
        terminated = jnp.any(is_taken & (uniforms[0] < env_params.object_p_term))
        time = state.time + 1
        result = StepResult(
            reward=jnp.sum(jnp.where(is_taken, env_params.object_reward, 0.0)),
            terminated=terminated,
            truncated=~terminated & (time >= env_params.max_steps),
        )
        # The agent may stand on an object, and a cell must not count twice.
        agent = jnp.where(jnp.any(left == cell), self.num_cells, cell)
        occupied = jnp.concatenate([left, agent[None], env_params.wall])
        object_cell = spawn(occupied, returns, place_uniforms, self.num_cells)
        return RandomGridState(cell=cell, object_cell=object_cell, time=time), result

    def observe(self, state: RandomGridState, env_params: RandomGridParams) -> Float[Array, "planes rows columns"]:
        """1 where an object of the plane's type is or, in the last plane, the agent; else 0."""
        cell = jnp.append(state.object_cell, state.cell)[:, None, None, None]
        plane = jnp.append(env_params.object_type, self.num_types)[:, None, None, None]
        here = jnp.arange(self.num_cells).reshape(self.rows, self.columns)
        is_there = (cell == here) & (plane == jnp.arange(self.num_types + 1)[:, None, None])
        return jnp.any(is_there, axis=0).astype(float)

    def neighbour(
        self, cell: Int[Array, ""], direction: Int[Array, ""], env_params: RandomGridParams
    ) -> Int[Array, ""]:
        """The cell next to one, directions as in `grid_world.OFFSETS`; −1 where a wall or the border is."""
        row, column = cell // self.columns + direction // 3 - 1, cell % self.columns + direction % 3 - 1
        is_inside = (row >= 0) & (row < self.rows) & (column >= 0) & (column < self.columns)
        target = row * self.columns + column
        return jnp.where(is_inside & ~jnp.any(env_params.wall == target), target, -1)


def spawn(
    occupied: Int[Array, " K"], appears: Bool[Array, " N"], uniforms: Float[Array, " N"], num_cells: int
) -> Int[Array, " N"]:
    """Puts the agent or objects that appear, one after the other, in uniformly random unoccupied cells.

    The unoccupied cell number r, counted from 0, is r + (number of occupied cells before it); and an occupied cell
    is before it if at most r unoccupied ones are before that one. So nothing is sorted, and no loop runs over a map.

    Args:
        occupied: cells of K ≥ N agents, objects and walls: distinct, or `num_cells` if absent.
        appears: which of the first N get a cell; they must be absent, and there must be enough cells.
        uniforms: one uniform number in [0, 1) for each.
        num_cells: all cells.

    Returns:
        The cells of the first N; those that do not appear keep theirs.
    """
    num_left = num_cells - jnp.sum(occupied < num_cells)
    left_before = occupied - jnp.sum(occupied < occupied[:, None], axis=1)
    cells = []
    for n in range(appears.shape[0]):
        rank = jnp.minimum(jnp.floor(uniforms[n] * num_left).astype(int), num_left - 1)
        cells.append(jnp.where(appears[n], rank + jnp.sum(left_before <= rank), occupied[n]))
        is_new = (jnp.arange(occupied.shape[0]) == n) & appears[n]
        left_before = jnp.where(is_new, rank, left_before - (appears[n] & (left_before > rank)))
        num_left = num_left - appears[n]
    return jnp.stack(cells)
