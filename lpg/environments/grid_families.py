"""Distributions of tabular grids: the five of the paper and procedural ones. Dynamics are in `grid_world`.

Reference: Oh et al. (2020), appendix, tables of the grid worlds; wall maps read off its drawings.
"""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, PRNGKeyArray, ScalarLike

from lpg.environments.grid_world import NUM_DIRECTIONS, GridEnv, GridParams, topology

ENVS = (
    GridEnv(num_objects=4, num_states=13 * 13 * 2**4),
    GridEnv(num_objects=7, num_states=7 * 9 * 2**7),
)
"""Environments shared by many grids, because each is compiled once; grids with many objects need the second."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ObjectType:
    """`count` objects [reward, p_term, p_respawn]."""

    count: int
    reward: float
    p_term: float
    p_respawn: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class GridMap:
    """A fixed map and fixed objects; the places of the objects are left open."""

    rows: tuple[str, ...]
    """The interior, '.' free and '#' wall; a border of walls surrounds it."""
    objects: tuple[ObjectType, ...]
    max_steps: int

    def __post_init__(self) -> None:
        if len({len(row) for row in self.rows}) != 1 or set("".join(self.rows)) - set(".#"):
            raise ValueError(f"map {self.rows} given; rows of equal length made of '.' and '#' are needed")
        if not 1 <= self.num_objects <= self.num_cells:
            raise ValueError(
                f"{self.num_objects} objects given for {self.num_cells} free cells; at least one is needed, and no two "
                "share a cell"
            )

    @property
    def num_cells(self) -> int:
        """Free cells of the map."""
        return "".join(self.rows).count(".")

    @property
    def num_objects(self) -> int:
        """Objects of all types."""
        return sum(kind.count for kind in self.objects)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TabularGrid(GridMap):
    """A distribution of grids with one map: the places of the objects are drawn, and stay for a lifetime."""

    @property
    def env(self) -> GridEnv:
        """The smallest shared environment that holds this grid."""
        return smallest_env(max(len(self.rows), len(self.rows[0])), self.num_cells, self.num_objects)

    def sample(self, key: PRNGKeyArray, num_actions: int | None = None) -> GridParams:
        """Draws places for the objects and, unless `num_actions` is 9 or 18, one of the two action sets."""
        key_actions, key_places = jax.random.split(key)
        kinds = [kind for kind in self.objects for _ in range(kind.count)]
        is_free = np.zeros((self.env.side, self.env.side), bool)
        is_free[: len(self.rows), : len(self.rows[0])] = [[mark == "." for mark in row] for row in self.rows]
        return place_objects(
            key_places,
            self.env,
            jnp.asarray(is_free),
            size=jnp.array([len(self.rows), len(self.rows[0])]),
            exists=pad([True] * len(kinds), self.env.num_objects),
            reward=pad([kind.reward for kind in kinds], self.env.num_objects),
            p_term=pad([kind.p_term for kind in kinds], self.env.num_objects),
            p_respawn=pad([kind.p_respawn for kind in kinds], self.env.num_objects),
            max_steps=jnp.asarray(self.max_steps),
            has_collect_actions=draw_action_set(key_actions, num_actions),
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProceduralGrid:
    """A distribution of grids whose size, walls, objects and time limit are drawn, and stay for a lifetime.

    Sides uniform in [min_side, max_side]; up to `max_walls` random walls; 1 to `max_objects` objects, the first with a
    reward in (0, 1), others in (−1, 1); p_term log-uniform in [.01, 1], p_respawn in [.001, .1]; episodes of 20 to 750
    steps, log-uniform.

    Reference: the ranges are those that Jackson et al. (2023) report for their random levels; the last two are ours.
    """

    min_side: int = 4
    max_side: int = 13
    max_walls: int = 15
    max_objects: int = 4
    max_step_reward: float = 0.0
    """Every step pays nothing, or this much at most, or costs as much, with equal probabilities; log-uniform from a
    hundredth. Where steps pay it is good to live long, where they cost to be quick."""
    reward_scales: tuple[float, float] = (1.0, 1.0)
    """Range of a factor on all rewards, log-uniform."""
    is_survival: bool = False
    """Every step pays 1; objects, `max_objects` of them, pay nothing and end the episode (p_term in [.5, 1]). Whoever
    avoids them lives to the time limit, of 100 steps at least."""

    def __post_init__(self) -> None:
        if self.max_step_reward < 0:
            raise ValueError(f"max_step_reward is {self.max_step_reward}; a size ≥ 0 is needed")
        if self.is_survival and self.max_step_reward:
            raise ValueError(
                f"max_step_reward is {self.max_step_reward}; 0 is needed for survival, where every step pays 1"
            )
        if not 0 < self.reward_scales[0] <= self.reward_scales[1]:
            raise ValueError(f"reward_scales is {self.reward_scales}; 0 < low ≤ high is needed")
        if self.min_side**2 - self.max_walls < 1:
            walls_left = self.min_side**2 - 1
            raise ValueError(
                f"max_walls is {self.max_walls}; at most {walls_left} leave a cell free on the smallest map"
            )

    @property
    def env(self) -> GridEnv:
        """The smallest shared environment that holds the largest grid."""
        return smallest_env(self.max_side, self.max_side**2, self.max_objects)

    def sample(self, key: PRNGKeyArray, num_actions: int | None = None) -> GridParams:
        """Draws a grid; the objects are in distinct free cells, as many as there are cells for."""
        keys = dict(zip(("size", "walls", "count", "reward", "term", "respawn", "steps", "set", "place"),
                        jax.random.split(key, 9), strict=True))  # fmt: skip
        side, num_objects = self.env.side, self.env.num_objects
        size = jax.random.randint(keys["size"], (2,), self.min_side, self.max_side + 1)
        row, column = jnp.mgrid[:side, :side]
        inside = (row < size[0]) & (column < size[1])
        key_number, key_which = jax.random.split(keys["walls"])
        num_walls = jax.random.randint(key_number, (), 0, self.max_walls + 1)
        order = jnp.where(inside, jax.random.uniform(key_which, (side, side)), 2.0).reshape(-1)
        is_wall = (jnp.argsort(jnp.argsort(order)) < num_walls).reshape(side, side)
        fewest = self.max_objects if self.is_survival else 1
        count = jax.random.randint(keys["count"], (), fewest, self.max_objects + 1)
        low = jnp.where(jnp.arange(num_objects) == 0, 0.0, -1.0)
        reward = jax.random.uniform(keys["reward"], (num_objects,), minval=low, maxval=1.0) * (not self.is_survival)
        scale, step_reward = self._reward_of_steps(jax.random.fold_in(key, 1))
        return place_objects(
            keys["place"],
            self.env,
            inside & ~is_wall,
            size=size,
            exists=jnp.arange(num_objects) < jnp.minimum(count, inside.sum() - num_walls),
            reward=scale * reward,
            step_reward=scale * step_reward,
            p_term=log_uniform(keys["term"], 0.5 if self.is_survival else 0.01, 1.0, (num_objects,)),
            p_respawn=log_uniform(keys["respawn"], 0.001, 0.1, (num_objects,)),
            max_steps=jnp.round(log_uniform(keys["steps"], 100.0 if self.is_survival else 20.0, 750.0, ())).astype(int),
            has_collect_actions=draw_action_set(keys["set"], num_actions),
        )

    def _reward_of_steps(self, key: PRNGKeyArray) -> tuple[Array, Array]:
        """A factor on all rewards, and what a step pays before it."""
        key_scale, key_sign, key_size = jax.random.split(key, 3)
        scale = log_uniform(key_scale, *self.reward_scales, ())
        if not self.max_step_reward:
            return scale, jnp.asarray(float(self.is_survival))
        sign = jax.random.randint(key_sign, (), -1, 2)
        return scale, sign * log_uniform(key_size, self.max_step_reward / 100, self.max_step_reward, ())


def place_objects(
    key: PRNGKeyArray, env: GridEnv, is_free: Bool[Array, " R R"], *, exists: Bool[Array, " O"], size: Array,
    reward: Array, p_term: Array, p_respawn: Array, max_steps: Array, has_collect_actions: Array,
    step_reward: ScalarLike = 0.0,
) -> GridParams:  # fmt: skip
    """Puts the objects on distinct free cells, uniformly at random; never in a wall."""
    neighbour, place, num_cells = topology(is_free)
    scores = jnp.where(jnp.arange(neighbour.shape[0]) < num_cells, jax.random.uniform(key, neighbour.shape[:1]), 2.0)
    cell = jnp.argsort(scores)[: env.num_objects]
    return GridParams(
        neighbour=neighbour,
        place=place,
        size=size,
        num_cells=num_cells,
        object_cell=jnp.where(exists, cell, neighbour.shape[0] + 1),
        object_exists=exists,
        object_reward=reward,
        object_p_term=p_term,
        object_p_respawn=p_respawn,
        step_reward=jnp.asarray(step_reward, float),
        max_steps=max_steps,
        has_collect_actions=has_collect_actions,
    )


def draw_action_set(key: PRNGKeyArray, num_actions: int | None) -> Bool[Array, ""]:
    """Whether there are collect actions: as asked, or by a fair coin if `num_actions` is None."""
    if num_actions is None:
        return jax.random.bernoulli(key)
    if num_actions not in (NUM_DIRECTIONS, 2 * NUM_DIRECTIONS):
        raise ValueError(f"{num_actions} actions given; a grid has 9 (moves) or 18 (moves and collects)")
    return jnp.asarray(num_actions == 2 * NUM_DIRECTIONS)


def smallest_env(side: int, num_cells: int, num_objects: int) -> GridEnv:
    """The first shared environment that is large enough, or one of exactly these sizes."""
    for env in ENVS:
        if side <= env.side and num_objects <= env.num_objects and num_cells * 2**num_objects <= env.num_states:
            return env
    return GridEnv(side=side, num_objects=num_objects, num_states=num_cells * 2**num_objects)


def pad(values: list, length: int) -> Array:
    """The values as an array, filled up with zeros."""
    return jnp.asarray(values + [type(values[0])(0)] * (length - len(values)))


def log_uniform(key: PRNGKeyArray, low: float, high: float, shape: tuple[int, ...]) -> Array:
    """Numbers whose logarithm is uniform between log `low` and log `high`."""
    return jnp.exp(jax.random.uniform(key, shape, minval=math.log(low), maxval=math.log(high)))


def open_map(rows: int, columns: int) -> tuple[str, ...]:
    """A map without inner walls."""
    return ("." * columns,) * rows


def objects_of(*kinds: tuple[int, float, float, float]) -> tuple[ObjectType, ...]:
    """Object types from (count, reward, p_term, p_respawn), as the paper's tables have them."""
    return tuple(ObjectType(count=n, reward=r, p_term=t, p_respawn=s) for n, r, t, s in kinds)


DENSE = TabularGrid(
    rows=open_map(11, 11),
    objects=objects_of((2, 1.0, 0.0, 0.05), (1, -1.0, 0.5, 0.1), (1, -1.0, 0.0, 0.5)),
    max_steps=500,
)
SPARSE = TabularGrid(rows=open_map(13, 13), objects=objects_of((1, 1.0, 1.0, 0.0), (1, -1.0, 1.0, 0.0)), max_steps=50)
LONG_HORIZON = TabularGrid(
    rows=open_map(11, 11), objects=objects_of((2, 1.0, 0.0, 0.01), (2, -1.0, 0.5, 1.0)), max_steps=1000
)
LONGER_HORIZON = TabularGrid(
    rows=(
        "....#....",
        ".........",
        "....#....",
        "...###...",
        "....#....",
        ".........",
        "....#....",
    ),
    objects=objects_of((2, 1.0, 0.1, 0.01), (5, -1.0, 0.8, 1.0)),
    max_steps=2000,
)
LONG_DENSE = TabularGrid(
    rows=(
        "...........",
        ".....#.....",
        ".....#.....",
        ".....#.....",
        "##.#####.##",
        ".....#.....",
        ".....#.....",
        "...........",
        ".....#.....",
        ".....#.....",
        ".....#.....",
    ),
    objects=objects_of((4, 1.0, 0.0, 0.005)),
    max_steps=2000,
)
