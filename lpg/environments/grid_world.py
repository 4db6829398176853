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
from jaxtyping import Array, Bool, Float, Int, ScalarLike

from lpg.environments.base import StepResult, UniformEnv

NUM_DIRECTIONS = 9
OFFSETS = np.array([(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1)])
"""Direction → (row, column) step, row by row; direction 4 is the own cell."""


class GridParams(eqx.Module):
    """What may vary between two lifetimes. Cells are the free ones, counted row by row."""

    neighbour: Int[Array, " C 9"]
    """Cell in each direction; C (no cell) where a wall or the border is."""
    place: Int[Array, " C 2"]
    """Row and column of each cell; for drawing only."""
    size: Int[Array, " 2"]
    """Rows and columns of the interior; for drawing only."""
    num_cells: Int[Array, ""]
    object_cell: Int[Array, " O"]
    object_exists: Bool[Array, " O"]
    """Array shapes are shared: a grid with fewer objects has some that never appear."""
    object_reward: Float[Array, " O"]
    object_p_term: Float[Array, " O"]
    object_p_respawn: Float[Array, " O"]
    step_reward: Float[Array, ""]
    """Paid at every step, besides the objects' rewards; 0 on the paper's grids."""
    max_steps: Int[Array, ""]
    """Time limit of an episode, in steps."""
    has_collect_actions: Bool[Array, ""]
    """True: 18 actions; false: 9."""


class GridState(eqx.Module):
    """State of one episode."""

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


class GridModel(eqx.Module):
    """Expectations for `backup`; see `GridEnv.model`."""

    reward: Float[Array, " S A"]
    """Expected reward; −∞ for masked actions."""
    continues: Float[Array, " S A"]
    """Probability that the episode does not end."""
    following: Int[Array, " S A"]
    """Where the agent and the objects left are, before any object returns."""
    start: Int[Array, " E"]
    """State index of each entry: first the S states, then (object just taken, set of objects left, cell near it)."""
    returned: Int[Array, " O E"]
    """The entry in which object j, absent from this one, has returned."""
    p_return: Float[Array, " O E"]
    """Probability of that; 0 where the object is present, or was taken in this step."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class GridEnv(UniformEnv):
    """Tabular grids within these bounds, which fix array shapes (static); a grid has free cells × 2^objects states."""

    side: int = 13
    num_objects: int
    num_states: int

    num_actions = 2 * NUM_DIRECTIONS
    num_reset_uniforms = 1
    observation_shape = ()

    @property
    def num_uniforms(self) -> int:
        """One number for termination, one per object for its return."""
        return 1 + self.num_objects

    def action_mask(self, env_params: GridParams) -> Bool[Array, " A"]:
        """The moves always exist, the collect actions only in the 18-action version."""
        is_move = jnp.arange(self.num_actions) < NUM_DIRECTIONS
        return is_move | env_params.has_collect_actions

    def reset_from(self, uniforms: Float[Array, " U"], env_params: GridParams) -> GridState:
        """All objects present, the agent in a uniformly random free cell."""
        cell = jnp.floor(uniforms[0] * env_params.num_cells).astype(int)
        return GridState(
            cell=jnp.minimum(cell, env_params.num_cells - 1),
            is_present=env_params.object_exists,
            time=jnp.zeros((), int),
        )

    def step_from(
        self, uniforms: Float[Array, " U"], state: GridState, action: Int[Array, ""], env_params: GridParams
    ) -> tuple[GridState, StepResult]:
        """Move or collect; then objects that were absent before this step may return."""
        target = env_params.neighbour[state.cell, action % NUM_DIRECTIONS]
        is_move = action < NUM_DIRECTIONS
        is_blocked = target == env_params.neighbour.shape[0]
        cell = jnp.where(is_move & ~is_blocked, target, state.cell)
        reached = jnp.where(env_params.has_collect_actions, jnp.where(is_move, -1, target), cell)
        is_taken = state.is_present & (env_params.object_cell == reached)
        returns = ~state.is_present & env_params.object_exists & (uniforms[1:] < env_params.object_p_respawn)
        terminated = jnp.any(is_taken & (uniforms[0] < env_params.object_p_term))
        time = state.time + 1
        result = StepResult(
            reward=env_params.step_reward + jnp.sum(jnp.where(is_taken, env_params.object_reward, 0.0)),
            terminated=terminated,
            truncated=~terminated & (time >= env_params.max_steps),
        )
        return GridState(cell=cell, is_present=(state.is_present & ~is_taken) | returns, time=time), result

    def observe(self, state: GridState, env_params: GridParams) -> Int[Array, ""]:
        """cell + num_cells · Σ_j 2^j present_j."""
        bits = 2 ** jnp.arange(self.num_objects)
        return state.cell + env_params.num_cells * jnp.sum(jnp.where(state.is_present, bits, 0))

    def initial_states(self, env_params: GridParams) -> Float[Array, " S"]:
        """Probability of each state index at the start of an episode."""
        bits = 2 ** jnp.arange(self.num_objects)
        offset = env_params.num_cells * jnp.sum(jnp.where(env_params.object_exists, bits, 0))
        relative = jnp.arange(self.num_states) - offset
        return jnp.where((relative >= 0) & (relative < env_params.num_cells), 1.0 / env_params.num_cells, 0.0)

    def time_limit(self, env_params: GridParams) -> Int[Array, ""]:
        """Steps after which an episode is cut off."""
        return env_params.max_steps

    def model(self, env_params: GridParams) -> GridModel:
        """Everything in `backup` that does not depend on the value; time limits are not part of it.

        An object taken in this step cannot return in it, so the expectation over returning objects differs from the
        usual one by the object taken. It is needed only where the agent can be after taking one: in the nine cells
        around it. These few entries are appended to the S usual ones.
        """
        num_cells, num_objects, num_sets = env_params.num_cells, self.num_objects, 2**self.num_objects
        no_cell = env_params.neighbour.shape[0]
        index, action = jnp.arange(self.num_states), jnp.arange(self.num_actions)
        cell, present = index % num_cells, index // num_cells
        has = has_object(present, num_objects)

        is_move = action < NUM_DIRECTIONS
        target = env_params.neighbour[cell[:, None], action % NUM_DIRECTIONS]
        arrived = jnp.where(is_move & (target < no_cell), target, cell[:, None])
        reached = jnp.where(env_params.has_collect_actions, jnp.where(is_move, -1, target), arrived)
        is_taken = has.T[:, None, :] & (env_params.object_cell == reached[:, :, None])
        is_any_taken, taken = is_taken.any(-1), jnp.argmax(is_taken, -1)
        left = present[:, None] - jnp.where(is_any_taken, 2**taken, 0)

        # Seen from the object, the agent who collects it stands in the opposite direction; who stepped on it, in none.
        own_cell = NUM_DIRECTIONS // 2
        seen = jnp.where(env_params.has_collect_actions, NUM_DIRECTIONS - 1 - action % NUM_DIRECTIONS, own_cell)
        entry_taken = self.num_states + seen + NUM_DIRECTIONS * (left + num_sets * taken)
        is_state = (present < num_sets) & ~jnp.any(has & ~env_params.object_exists[:, None], axis=0)
        is_valid = is_state[:, None] & self.action_mask(env_params)
        reward = env_params.step_reward + jnp.sum(jnp.where(is_taken, env_params.object_reward, 0.0), -1)
        p_term = jnp.sum(jnp.where(is_taken, env_params.object_p_term, 0.0), -1)

        around = env_params.neighbour[jnp.minimum(env_params.object_cell, no_cell - 1)]
        near = (around[:, None, :] + num_cells * jnp.arange(num_sets)[:, None]).reshape(-1)
        num_near = NUM_DIRECTIONS * num_sets
        taken_before = jnp.concatenate([jnp.full(self.num_states, -1), jnp.arange(near.size) // num_near])
        near_has = has_object(jnp.arange(near.size) % num_near // NUM_DIRECTIONS, num_objects)
        stride = jnp.concatenate([jnp.full(self.num_states, num_cells), jnp.full(near.size, NUM_DIRECTIONS)])
        number = jnp.arange(num_objects)[:, None]
        may_return = ~jnp.concatenate([has | ~is_state, near_has], axis=1) & (number != taken_before)
        may_return = may_return & env_params.object_exists[:, None]
        return GridModel(
            reward=jnp.where(is_valid, reward, jnp.where(is_state[:, None], -jnp.inf, 0.0)),
            continues=jnp.where(is_valid, 1.0 - p_term, 0.0),
            following=jnp.where(is_valid, jnp.where(is_any_taken, entry_taken, arrived + num_cells * left), 0),
            start=jnp.concatenate([index, jnp.minimum(near, self.num_states - 1)]),
            returned=jnp.where(may_return, jnp.arange(stride.size) + stride * 2**number, 0),
            p_return=jnp.where(may_return, env_params.object_p_respawn[:, None], 0.0),
        )

    def backup(self, model: GridModel, value: Float[Array, " S"], gamma: ScalarLike) -> Float[Array, " S A"]:
        """Exact one-step expectation E[r + γ V(s′)] for every state and action.

        Masked actions give −∞; indices that are not states give 0.

        Args:
            model: result of `model`.
            value: V of every state index.
            gamma: discount per step.
        """

        def return_object(expected: Array, of_object: tuple[Array, Array]) -> tuple[Array, None]:
            returned, p_return = of_object
            return expected + p_return * (expected.at[returned].get(mode="promise_in_bounds") - expected), None

        # Objects return independently, so the expectation is taken object by object; and by a scan, since XLA would
        # fuse an unrolled loop into the last gather and do it again for each of the S·A entries.
        expected, _ = jax.lax.scan(return_object, value[model.start], (model.returned, model.p_return))
        return model.reward + gamma * model.continues * expected.at[model.following].get(mode="promise_in_bounds")


def has_object(present: Int[Array, " S"], num_objects: int) -> Bool[Array, " O S"]:
    """Which objects a set of objects, given as the number Σ_j 2^j present_j, contains."""
    return (present // 2 ** jnp.arange(num_objects)[:, None]) % 2 == 1
