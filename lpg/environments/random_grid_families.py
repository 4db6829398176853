"""Distributions of random grids: the five of the paper. Dynamics are in `random_grid`.

Reference: Oh et al. (2020), appendix, tables of the grid worlds; the walls of `SMALL` read off its drawing.
"""

import dataclasses

import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from lpg.environments import grid_families
from lpg.environments.grid_families import GridMap, draw_action_set, objects_of, open_map, pad
from lpg.environments.random_grid import RandomGridEnv, RandomGridParams

ENVS = (
    RandomGridEnv(rows=11, columns=11, num_types=1, num_objects=1, num_walls=1),
    RandomGridEnv(rows=11, columns=11, num_types=3, num_objects=4, num_walls=1),
    RandomGridEnv(rows=5, columns=7, num_types=2, num_objects=4, num_walls=2),
)
"""Environments shared by several grids, because each is compiled once; of one size, the smallest first.

`num_walls` is at least 1, because an empty array cannot be sharded over devices.
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class RandomGrid(GridMap):
    """A map whose objects have new places in every episode and after each return; only the action set is drawn."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_objects >= self.num_cells:
            raise ValueError(
                f"{self.num_objects} objects given for {self.num_cells} free cells; one more is needed, because no "
                "object appears under the agent"
            )

    @property
    def env(self) -> RandomGridEnv:
        """The smallest shared environment of this size that holds the grid, or one of exactly its sizes."""
        rows, columns = len(self.rows), len(self.rows[0])
        needed = (len(self.objects), self.num_objects, rows * columns - self.num_cells)
        for env in ENVS:
            room = (env.num_types, env.num_objects, env.num_walls)
            is_enough = all(has >= need for has, need in zip(room, needed, strict=True))
            if (env.rows, env.columns) == (rows, columns) and is_enough:
                return env
        num_types, num_objects, num_walls = needed
        return RandomGridEnv(
            rows=rows, columns=columns, num_types=num_types, num_objects=num_objects, num_walls=max(num_walls, 1)
        )

    def sample(self, key: PRNGKeyArray, num_actions: int | None = None) -> RandomGridParams:
        """Draws one of the two action sets, unless `num_actions` is 9 or 18; nothing else varies."""
        env = self.env
        kinds = [(number, kind) for number, kind in enumerate(self.objects) for _ in range(kind.count)]
        walls = np.flatnonzero(np.array(list("".join(self.rows))) == "#").tolist()
        return RandomGridParams(
            wall=jnp.array(walls + [env.num_cells] * (env.num_walls - len(walls)), int),
            object_type=pad([number for number, _ in kinds], env.num_objects),
            object_exists=pad([True] * len(kinds), env.num_objects),
            object_reward=pad([kind.reward for _, kind in kinds], env.num_objects),
            object_p_term=pad([kind.p_term for _, kind in kinds], env.num_objects),
            object_p_respawn=pad([kind.p_respawn for _, kind in kinds], env.num_objects),
            max_steps=jnp.asarray(self.max_steps),
            has_collect_actions=draw_action_set(key, num_actions),
        )


DENSE = RandomGrid(
    rows=grid_families.DENSE.rows, objects=grid_families.DENSE.objects, max_steps=grid_families.DENSE.max_steps
)
LONG_HORIZON = RandomGrid(
    rows=grid_families.LONG_HORIZON.rows,
    objects=grid_families.LONG_HORIZON.objects,
    max_steps=grid_families.LONG_HORIZON.max_steps,
)
SMALL = RandomGrid(
    rows=(
        ".......",
        "..#....",
        ".......",
        "....#..",
        ".......",
    ),
    objects=objects_of((2, 1.0, 0.0, 0.05), (2, -1.0, 0.5, 0.1)),
    max_steps=500,
)
SMALL_SPARSE = RandomGrid(
    rows=open_map(5, 7), objects=objects_of((1, 1.0, 1.0, 1.0), (2, -1.0, 1.0, 1.0)), max_steps=50
)
VERY_DENSE = RandomGrid(rows=open_map(11, 11), objects=objects_of((1, 1.0, 0.0, 1.0)), max_steps=2000)
