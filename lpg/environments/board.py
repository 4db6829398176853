"""What is drawn of a grid, whichever family it belongs to: cells, objects and their types, the agent.

Takes one concrete `EnvParams`, neither a batch of them nor a traced one.
"""

import dataclasses
import itertools
import string
from typing import Any

import numpy as np

from lpg.environments.grid_world import GridParams
from lpg.environments.random_grid import RandomGridParams

INK, GREY = "#1f2933", "#52606d"
REWARDS = ("#13806a", "#2f6db5", "#5b8c2a", "#1fa2a6")
PENALTIES = ("#d1495b", "#c9781d", "#9c3d7a", "#7d4f38")

AnyGrid = GridParams | RandomGridParams


@dataclasses.dataclass(frozen=True)
class Kind:
    """Objects with equal reward, p_term and p_respawn."""

    symbol: str
    colour: str
    reward: float
    p_term: float
    p_respawn: float
    members: tuple[int, ...]

    @property
    def about(self) -> str:
        """The type in words."""
        ends = f"ends the episode with {_percent(self.p_term)}" if self.p_term else "never ends the episode"
        back = f"returns with {_percent(self.p_respawn)} per step" if self.p_respawn else "never returns"
        ends = "ends the episode" if self.p_term >= 1 else ends
        back = "returns at once" if self.p_respawn >= 1 else back
        return f"{len(self.members)} × {signed(self.reward, 3)}, {ends}, {back}"


@dataclasses.dataclass(frozen=True)
class Board:
    """A grid in a state, or before one is known; places are (row, column)."""

    rows: int
    columns: int
    free: list[tuple[int, int]]
    objects: dict[int, tuple[int, int]]
    """Place of each object, present or not; objects whose place is unknown are left out."""
    present: frozenset[int]
    agent: tuple[int, int] | None


def board(env: Any, env_params: AnyGrid, state: Any = None) -> Board:
    """The board of a grid. Without a state there is no agent, and the objects of a random grid have no places."""
    rows, columns = size(env, env_params)
    exists = np.flatnonzero(env_params.object_exists).tolist()
    if isinstance(env_params, GridParams):
        place = [(row, column) for row, column in np.asarray(env_params.place)[: int(env_params.num_cells)].tolist()]
        free, lies = place, {j: place[int(env_params.object_cell[j])] for j in exists}
        present = frozenset(j for j in exists if state is None or state.is_present[j])
    else:
        place = list(np.ndindex(rows, columns))
        walls = np.asarray(env_params.wall).tolist()
        free = [cell for number, cell in enumerate(place) if number not in walls]
        present = frozenset(j for j in exists if state is not None and state.object_cell[j] < len(place))
        lies = {j: place[int(state.object_cell[j])] for j in sorted(present)}
    return Board(rows, columns, free, lies, present, None if state is None else place[int(state.cell)])


def kinds(env_params: AnyGrid) -> list[Kind]:
    """The object types of a grid; rewards are '+', A, B, …, penalties '-', a, b, …"""
    table = np.stack([env_params.object_reward, env_params.object_p_term, env_params.object_p_respawn], axis=-1)
    found: dict[tuple[float, ...], list[int]] = {}
    for j in np.flatnonzero(env_params.object_exists):
        found.setdefault(tuple(table[j].tolist()), []).append(int(j))
    free = {
        True: zip("+" + string.ascii_uppercase, itertools.cycle(REWARDS), strict=False),
        False: zip("-" + string.ascii_lowercase, itertools.cycle(PENALTIES), strict=False),
    }
    drawn: list[Any] = [(*next(free[numbers[0] > 0]), *numbers, tuple(members)) for numbers, members in found.items()]
    return [Kind(*fields) for fields in drawn]


def size(env: Any, env_params: AnyGrid) -> tuple[int, int]:
    """Rows and columns of the interior."""
    rows, columns = env_params.size if isinstance(env_params, GridParams) else (env.rows, env.columns)
    return int(rows), int(columns)


def signed(number: float, digits: int) -> str:
    """A number with its sign, and a minus sign instead of a hyphen."""
    return f"{number:+.{digits}g}".replace("-", "−")


def _percent(p: float) -> str:
    return f"{100 * p:.2g} %"
