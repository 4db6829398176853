"""Grids that no rule was trained on, with an action space that no rule was trained on.

Ten by ten cells and four goals: two worth +1, two worth −1, each of which ends the episode. So all goals are there
whenever the agent looks, the state is the cell, and a value is a map. One map is the paper's; the others are
random maps of the same kind.

*Unseen action space.* Rules are trained with 9 or 18 actions, of which eight move to the neighbours, corners included.
Here the agent has five: it moves to the four sides or stays. Renaming or doubling actions would test nothing, because
a rule sees no action numbers; fewer moves change what it does see: the probabilities π(a|s) of a policy over five
actions, and predictions that spread over the grid by another metric.

Differs from the paper: what its goals do and which action space it took are not stated.

Reference: Oh et al. (2020), section 4.4 and figure 4.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray, ScalarLike

from lpg.environments import exact
from lpg.environments.grid_families import place_objects
from lpg.environments.grid_world import GridEnv, GridParams, topology

SIDE, MAX_STEPS, MAX_WALLS = 10, 100, 20
PAPER_MAP = (
    "..N.......",
    ".....#....",
    "P....#....",
    ".....#....",
    ".....#....",
    "###.##..##",
    ".....#....",
    "N....#....",
    ".....#....",
    "........P.",
)
"""The grid of figure 4: P and N are goals worth +1 and −1."""
REWARDS = (1.0, 1.0, -1.0, -1.0)
SIDES = (1, 3, 4, 5, 7)
"""Directions of `grid_world.OFFSETS`: up, left, stay, right, down."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class FiveMoves(GridEnv):
    """Grids whose agent moves to the four sides or stays."""

    side: int = SIDE
    num_objects: int = len(REWARDS)
    num_states: int = SIDE**2 * 2 ** len(REWARDS)

    def action_mask(self, env_params: GridParams) -> Bool[Array, " A"]:
        """Up, left, stay, right, down."""
        return jnp.any(jnp.arange(self.num_actions)[:, None] == jnp.array(SIDES), axis=1)


ENV = FiveMoves()


def paper_grid() -> GridParams:
    """The grid of figure 4."""
    is_free = np.array([[mark != "#" for mark in row] for row in PAPER_MAP])
    neighbour, place, num_cells = topology(jnp.asarray(is_free))
    number = np.cumsum(is_free).reshape(is_free.shape) - 1
    cells = [int(number[row, column]) for mark in "PN" for row, column in np.argwhere(_marks() == mark)]
    return GridParams(
        neighbour=neighbour,
        place=place,
        num_cells=num_cells,
        object_cell=jnp.array(cells),
        step_reward=jnp.zeros(()),
        **_common(),
    )


def random_grid(key: PRNGKeyArray) -> GridParams:
    """A random grid of the same kind as the paper's: up to 20 walls and the four goals, all placed at random."""
    key_number, key_walls, key_goals = jax.random.split(key, 3)
    order = jax.random.permutation(key_walls, SIDE**2).reshape(SIDE, SIDE)
    is_free = order >= jax.random.randint(key_number, (), 0, MAX_WALLS + 1)
    common = _common()
    return place_objects(
        key_goals,
        ENV,
        is_free,
        size=common["size"],
        exists=common["object_exists"],
        reward=common["object_reward"],
        p_term=common["object_p_term"],
        p_respawn=common["object_p_respawn"],
        max_steps=common["max_steps"],
        has_collect_actions=common["has_collect_actions"],
    )


def near_optimal_policy(env_params: GridParams, gamma: ScalarLike, epsilon: float) -> Float[Array, " S A"]:
    """The best policy, softened: with probability ε an action uniformly at random, so that every π(a|s) is positive."""
    best = exact.optimal_policy(ENV, env_params, gamma)
    return (1 - epsilon) * best + epsilon * exact.uniform_policy(ENV, env_params)


def cell_states(env_params: GridParams) -> tuple[Array, Float[Array, " C"]]:
    """State index of every cell with all goals there, and the share of episodes that start in it; C = 100.

    Numbers past the grid's cells stand for none and have share 0.
    """
    cell = jnp.arange(SIDE**2)
    is_cell = cell < env_params.num_cells
    all_there = env_params.num_cells * (2 ** len(REWARDS) - 1)
    return jnp.where(is_cell, cell + all_there, 0), jnp.where(is_cell, 1.0 / env_params.num_cells, 0.0)


def _marks() -> np.ndarray:
    return np.array([list(row) for row in PAPER_MAP])


def _common() -> dict[str, Array]:
    """What all these grids have in common."""
    return {
        "size": jnp.array([SIDE, SIDE]),
        "object_exists": jnp.ones(len(REWARDS), bool),
        "object_reward": jnp.array(REWARDS),
        "object_p_term": jnp.ones(len(REWARDS)),
        "object_p_respawn": jnp.zeros(len(REWARDS)),
        "max_steps": jnp.asarray(MAX_STEPS),
        "has_collect_actions": jnp.asarray(False),
    }
