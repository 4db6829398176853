"""Collecting objects on a grid whose objects keep their places for a lifetime: dynamics and exact model.

The agent moves in eight directions or stays. Collecting an object pays its reward, ends the episode with probability
p_term, and makes the object vanish; at each later step it is back with probability p_respawn. With nine actions an
object is taken by stepping on it; with eighteen, nine further actions take it from one of the nine cells around.

The observation is an index over (cell, set of objects present); time is not part of it.

Reference: Oh et al. (2020), training environments, tabular grid worlds.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from lpg.environments.base import Outcome

NUM_DIRECTIONS = 9
OFFSETS = np.array([(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1)])
"""Direction → (row, column) step, row by row; direction 4 is the own cell."""


class GridInstance(eqx.Module):
    """What varies between two grids of one shape. Cells are the free ones, counted row by row."""

    neighbour: Int[Array, " C 9"]
    """Cell in each direction; C (no cell) where a wall or the border is."""
    place: Int[Array, " C 2"]
    """Row and column of each cell; for drawing only."""
    size: Int[Array, " 2"]
    """Rows and columns of the interior; for drawing only."""
    num_cells: Int[Array, ""]
    object_cell: Int[Array, " O"]
    object_exists: Bool[Array, " O"]
    """Shapes are shared: a grid with fewer objects has some that never appear."""
    object_reward: Float[Array, " O"]
    object_p_term: Float[Array, " O"]
    object_p_respawn: Float[Array, " O"]
    max_steps: Int[Array, ""]
    """Time limit of an episode, in steps."""
    has_collect_actions: Bool[Array, ""]
    """True: 18 actions; false: 9."""


class GridState(eqx.Module):
    """Where an episode stands."""

    cell: Int[Array, ""]
    is_present: Bool[Array, " O"]
    time: Int[Array, ""]


def topology(is_free: Bool[Array, " R R"]) -> tuple[Int[Array, " C 9"], Int[Array, " C 2"], Int[Array, ""]]:
    """Numbers the free cells of a map row by row and links each to its neighbours.

    Args:
        is_free: the map, padded with walls to a square of side R; C = R².

    Returns:
        neighbour (C where blocked), row and column of each cell, and the number of free cells. Rows past that number
        are padding.
    """
    side = is_free.shape[0]
    num_places = side * side
    number = jnp.where(is_free, jnp.cumsum(is_free.reshape(-1)).reshape(side, side) - 1, num_places)
    around = jnp.pad(number, 1, constant_values=num_places)
    linked = jnp.stack([around[1 + r : 1 + r + side, 1 + c : 1 + c + side] for r, c in OFFSETS], axis=-1)
    order = jnp.argsort(~is_free.reshape(-1), stable=True)
    place = jnp.stack([order // side, order % side], axis=-1)
    return linked.reshape(num_places, NUM_DIRECTIONS)[order], place, is_free.sum()


@dataclasses.dataclass(frozen=True, kw_only=True)
class GridShape:
    """Dynamics of every tabular grid that fits: the free cells × 2^objects states, within these bounds."""

    side: int = 13
    num_objects: int
    num_states: int

    num_actions = 2 * NUM_DIRECTIONS
    num_reset_noise = 1

    @property
    def num_noise(self) -> int:
        """One number for termination, one per object for its return."""
        return 1 + self.num_objects

    def action_mask(self, instance: GridInstance) -> Bool[Array, " A"]:
        """The moves always exist, the collect actions only in the 18-action version."""
        is_move = jnp.arange(self.num_actions) < NUM_DIRECTIONS
        return is_move | instance.has_collect_actions

    def reset(self, instance: GridInstance, noise: Float[Array, " noise"]) -> GridState:
        """All objects present, the agent in a uniformly random free cell."""
        cell = jnp.floor(noise[0] * instance.num_cells).astype(int)
        return GridState(
            cell=jnp.minimum(cell, instance.num_cells - 1),
            is_present=instance.object_exists,
            time=jnp.zeros((), int),
        )

    def step(
        self, instance: GridInstance, state: GridState, action: Int[Array, ""], noise: Float[Array, " noise"]
    ) -> tuple[GridState, Outcome]:
        """Move or collect; then objects that were absent before this step may return."""
        target = instance.neighbour[state.cell, action % NUM_DIRECTIONS]
        is_move = action < NUM_DIRECTIONS
        is_blocked = target == instance.neighbour.shape[0]
        cell = jnp.where(is_move & ~is_blocked, target, state.cell)
        reached = jnp.where(instance.has_collect_actions, jnp.where(is_move, -1, target), cell)
        is_taken = state.is_present & (instance.object_cell == reached)
        returns = ~state.is_present & instance.object_exists & (noise[1:] < instance.object_p_respawn)
        terminated = jnp.any(is_taken & (noise[0] < instance.object_p_term))
        time = state.time + 1
        outcome = Outcome(
            reward=jnp.sum(jnp.where(is_taken, instance.object_reward, 0.0)),
            terminated=terminated,
            truncated=~terminated & (time >= instance.max_steps),
        )
        return GridState(cell=cell, is_present=(state.is_present & ~is_taken) | returns, time=time), outcome

    def observe(self, instance: GridInstance, state: GridState) -> Int[Array, ""]:
        """cell + num_cells · Σ_j 2^j present_j."""
        bits = 2 ** jnp.arange(self.num_objects)
        return state.cell + instance.num_cells * jnp.sum(jnp.where(state.is_present, bits, 0))

    def backup(self, instance: GridInstance, value: Float[Array, " S"], gamma: float) -> Float[Array, " S A"]:
        """Exact one-step expectation E[r + γ V(s′)] for every state and action; time limits are not part of it.

        The return of absent objects is independent between objects, so its expectation is taken object by object.

        Args:
            value: V of every state index.
            gamma: discount per step.
        """
        num_cells, num_objects = instance.num_cells, self.num_objects
        index = jnp.arange(self.num_states)
        cell, present = index % num_cells, index // num_cells
        bits = 2 ** jnp.arange(num_objects)
        has = (present[:, None] // bits) % 2 == 1
        is_real = present < 2**num_objects

        def after_returns(kept_out: int) -> Float[Array, " S"]:
            expected = value
            for j in range(num_objects):
                if j != kept_out:
                    back = expected[jnp.minimum(index + num_cells * bits[j], self.num_states - 1)]
                    p = jnp.where(instance.object_exists[j], instance.object_p_respawn[j], 0.0)
                    expected = jnp.where(has[:, j], expected, p * back + (1 - p) * expected)
            return expected

        # Row j: the object j was just taken and cannot return in the same step. Last row: nothing was taken.
        expected = jnp.stack([after_returns(j) for j in range(num_objects)] + [after_returns(-1)])

        action = jnp.arange(self.num_actions)
        target = instance.neighbour[cell[:, None], action % NUM_DIRECTIONS]
        is_move = action < NUM_DIRECTIONS
        arrived = jnp.where(is_move & (target < instance.neighbour.shape[0]), target, cell[:, None])
        reached = jnp.where(instance.has_collect_actions, jnp.where(is_move, -1, target), arrived)
        is_taken = has[:, None, :] & (instance.object_cell == reached[:, :, None])
        taken = jnp.where(is_taken.any(-1), jnp.argmax(is_taken, -1), num_objects)
        left = present[:, None] - jnp.sum(jnp.where(is_taken, bits, 0), -1)
        reward = jnp.sum(jnp.where(is_taken, instance.object_reward, 0.0), -1)
        goes_on = 1.0 - jnp.sum(jnp.where(is_taken, instance.object_p_term, 0.0), -1)
        following = jnp.minimum(arrived + num_cells * left, self.num_states - 1)
        q = reward + gamma * goes_on * expected[taken, following]
        return jnp.where(is_real[:, None] & self.action_mask(instance), q, jnp.where(is_real[:, None], -jnp.inf, 0.0))


def initial_states(shape: GridShape, instance: GridInstance) -> Float[Array, " S"]:
    """Probability of each state index at the start of an episode."""
    bits = 2 ** jnp.arange(shape.num_objects)
    offset = instance.num_cells * jnp.sum(jnp.where(instance.object_exists, bits, 0))
    relative = jnp.arange(shape.num_states) - offset
    return jnp.where((relative >= 0) & (relative < instance.num_cells), 1.0 / instance.num_cells, 0.0)
