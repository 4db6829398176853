"""Draws an instance: as text for a terminal, as a figure for a report.

Takes one concrete instance, not a batch of them and not a traced one.
"""

import dataclasses
import itertools
import string
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Array, Float

from lpg.environments.base import Environment
from lpg.environments.delayed_chain import ChainParams
from lpg.environments.distractor_chain import DistractorChainEnv, DistractorState
from lpg.environments.grid_world import GridParams
from lpg.environments.procedural_control import ControlParams
from lpg.environments.random_grid import RandomGridParams
from lpg.environments.tabulated import NO_LIMIT, TabulatedParams
from lpg.environments.third_party import ThirdPartyEnv, ThirdPartyParams

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, GREY = "#1f2933", "#52606d"
REWARDS = ("#13806a", "#2f6db5", "#5b8c2a", "#1fa2a6")
PENALTIES = ("#d1495b", "#c9781d", "#9c3d7a", "#7d4f38")
CELL_INCHES = 0.42

TRACK = 41
"""Characters from one edge of a position's track to the other."""

AnyGrid = GridParams | RandomGridParams
AnyParams = AnyGrid | ChainParams | ControlParams | ThirdPartyParams | TabulatedParams


@dataclasses.dataclass(frozen=True)
class Kind:
    """Objects of an instance that have the same numbers."""

    symbol: str
    colour: str
    reward: float
    p_term: float
    p_respawn: float
    members: tuple[int, ...]

    @property
    def about(self) -> str:
        """The numbers in words."""
        ends = f"ends the episode with {_percent(self.p_term)}" if self.p_term else "never ends the episode"
        back = f"returns with {_percent(self.p_respawn)} per step" if self.p_respawn else "never returns"
        ends = "ends the episode" if self.p_term >= 1 else ends
        back = "returns at once" if self.p_respawn >= 1 else back
        return f"{len(self.members)} × {signed(self.reward, 3)}, {ends}, {back}"


@dataclasses.dataclass(frozen=True)
class Board:
    """What of a grid is drawn, whichever family it is from; places are (row, column)."""

    rows: int
    columns: int
    free: list[tuple[int, int]]
    objects: dict[int, tuple[int, int]]
    """Where each object lies or would lie; without those whose place is not known."""
    present: frozenset[int]
    agent: tuple[int, int] | None


def board(env: Any, env_params: AnyGrid, state: Any = None) -> Board:
    """The board of a grid; without a state there is no agent, and the objects of a random grid have no places yet."""
    rows, columns = _size(env, env_params)
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


def can_draw(env_params: Any) -> bool:
    """Whether `image` knows environments of this kind: the package's own, not other libraries' and not one's own."""
    return isinstance(env_params, GridParams | RandomGridParams | ChainParams | ControlParams)


def text(env: Environment, env_params: AnyParams, state: Any = None) -> str:
    """A map and a legend; '@' is the agent, ',' the place of an object that is not there.

    The objects of a random grid have places in a state only. Without one they are in the legend and not on the map. Of
    other libraries' environments only the sizes are said.
    """
    if isinstance(env_params, ThirdPartyParams | TabulatedParams):
        return _sizes(env, env_params)
    if isinstance(env_params, ChainParams):
        lines = _chain_text(env_params, _on_chain(state))
    elif isinstance(env_params, ControlParams):
        lines = _control_text(env_params, state)
    else:
        lines = _grid_text(board(env, env_params, state), kinds(env_params))
    if isinstance(state, DistractorState):
        bits = "".join(str(int(bit)) for bit in np.asarray(env.observe(state, env_params)))
        lines.append(f"seen: {bits[:2]} {bits[2:]}")
    return "\n".join([*lines, _headline(env, env_params)])


def _grid_text(drawn: Board, found: list[Kind]) -> list[str]:
    canvas = np.full((drawn.rows + 2, drawn.columns + 2), "#")
    for row, column in drawn.free:
        canvas[row + 1, column + 1] = "."
    for kind in found:
        for j in drawn.objects.keys() & kind.members:
            row, column = drawn.objects[j]
            canvas[row + 1, column + 1] = kind.symbol if j in drawn.present else ","
    if drawn.agent is not None:
        row, column = drawn.agent
        canvas[row + 1, column + 1] = "@"
    return ["".join(row) for row in canvas] + [f"{kind.symbol}  {kind.about}" for kind in found]


def _chain_text(env_params: ChainParams, state: Any) -> list[str]:
    length, middle = int(env_params.length), "~" if env_params.is_noisy else "."
    lines = []
    for coin in (0, 1):
        for action in (0, 1):
            branch = 2 * coin + (action == coin)
            marks = ["o"] + [middle] * (length - 1) + ["+" if branch % 2 else "-"]
            if state is not None and state.branch == (coin if state.position == 0 else branch):
                marks[int(state.position)] = "@"
            lines.append(f"{f'coin {coin}' if action == 0 else '':8s}action {action}  {''.join(marks)}")
    return lines


def _control_text(env_params: ControlParams, state: Any) -> list[str]:
    edge, lines = "+-"[bool(env_params.step_reward > 0)], []
    for which in range(2):
        marks = [edge] + ["."] * TRACK + [edge]
        marks[1 + TRACK // 2] = "|"
        at = 0.0 if state is None else float(np.clip(state.position[which], -1, 1))
        marks[1 + round((at + 1) / 2 * (TRACK - 1))] = "@"
        lines.append("".join(marks))
    return lines


def image(
    env: Environment,
    env_params: AnyParams,
    state: Any = None,
    *,
    values: Float[Array, " S"] | Float[np.ndarray, " S"] | None = None,
    policy: Float[Array, " S A"] | Float[np.ndarray, " S A"] | None = None,
    average: bool = False,
    title: str = "",
) -> "Figure":
    """A figure of the map or chain.

    Args:
        state: draws the agent, and absent objects as rings; without it all objects are there that have a place.
        values: V of every state index, as a heat map.
        policy: probabilities; of every cell the likeliest action is drawn, paler if less likely: an arrow is a move, a
            line with a dot collects, a dot alone stays.
        average: of a grid, values and policy are means over all sets of objects present, instead of those of `state`.
        title: heading.

    Raises:
        ValueError: values or a policy are given for an environment that has no state indices, or the environment is
            another library's.
    """
    if isinstance(env_params, ThirdPartyParams | TabulatedParams):
        what, owner = (env.name, env.library) if isinstance(env, ThirdPartyEnv) else ("it", "Gymnasium")
        raise ValueError(f"{what} cannot be drawn here; {owner}, whose environment it is, can")
    if env.observation_shape != () and not (values is None and policy is None):
        raise ValueError(
            f"values or a policy given for a {type(env).__name__}; they are drawn by state index, and it has none"
        )
    # Late: most programs never draw, and matplotlib takes longer to import than all the rest together.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from lpg.environments import drawing

    found = [] if isinstance(env_params, ChainParams | ControlParams) else kinds(env_params)
    rows, columns = (
        (5, 17) if isinstance(env_params, ChainParams | ControlParams) else (n + 1 for n in _size(env, env_params))
    )
    width = max(columns * CELL_INCHES, 4.6) + 0.4 + (0.9 if values is not None else 0.0)
    top, bottom = 0.75 if title else 0.45, 0.15 + 0.24 * len(found)
    height = rows * CELL_INCHES + top + bottom
    figure = Figure(figsize=(width, height), facecolor="white")
    FigureCanvasAgg(figure)
    box = (columns * CELL_INCHES / width, rows * CELL_INCHES / height)
    axes = figure.add_axes((0.2 / width, bottom / height, *box))
    axes.set_axis_off()
    if isinstance(env_params, ChainParams):
        shown = drawing.draw_chain(axes, env_params, _on_chain(state), values)
    elif isinstance(env_params, ControlParams):
        drawing.draw_control(axes, env_params, state)
        shown = None
    else:
        shown = drawing.draw_grid(axes, board(env, env_params, state), found, values, policy, average)
    for line, kind in enumerate(found):
        y = (bottom - 0.24 * line - 0.2) / height
        figure.add_artist(Line2D([0.32 / width], [y], marker="o", markersize=8, color=kind.colour))
        figure.text(0.48 / width, y, kind.about, fontsize=8.5, color=INK, va="center_baseline")
    if shown is not None:
        bar = figure.add_axes((0.35 / width + box[0], (bottom + 0.42) / height, 0.12 / width, box[1] - 0.84 / height))
        figure.colorbar(shown, cax=bar).outline.set_visible(False)
        bar.tick_params(labelsize=8, length=0, colors=INK)
        bar.set_title("value", fontsize=8.5, color=INK, pad=6)
    figure.text(0.2 / width, 1 - (top - 0.14) / height, _headline(env, env_params), fontsize=8.5, color=GREY)
    if title:
        figure.text(0.2 / width, 1 - 0.32 / height, title, fontsize=12, color=INK, weight="bold")
    return figure


def signed(number: float, digits: int) -> str:
    """A number with its sign, a real minus if it is negative."""
    return f"{number:+.{digits}g}".replace("-", "−")


def _percent(p: float) -> str:
    return f"{100 * p:.2g} %"


def _sizes(env: Any, env_params: ThirdPartyParams | TabulatedParams) -> str:
    if isinstance(env_params, TabulatedParams):
        limit = int(env_params.max_steps)
        steps = "no time limit" if limit == NO_LIMIT else f"{limit} steps per episode at most"
        return f"transitions published by Gymnasium: {env.num_states} states, {env.num_actions} actions, {steps}"
    seen = " × ".join(map(str, env.observation_shape))
    kind = "planes × rows × columns" if len(env.observation_shape) == 3 else "numbers"
    return (
        f"{env.name} of {env.library}: {seen} {kind} are seen, {env.num_actions} actions, "
        f"{int(env_params.max_steps)} steps per episode at most"
    )


def _on_chain(state: Any) -> Any:
    return state.chain if isinstance(state, DistractorState) else state


def _size(env: Any, env_params: AnyGrid) -> tuple[int, int]:
    rows, columns = env_params.size if isinstance(env_params, GridParams) else (env.rows, env.columns)
    return int(rows), int(columns)


def _headline(env: Environment, env_params: AnyGrid | ChainParams | ControlParams) -> str:
    if isinstance(env_params, ControlParams):
        pay = float(env_params.step_reward)
        task = "stay inside: every step pays" if pay > 0 else "get out: every step costs"
        return (
            f"{task} {abs(pay):.2g}; {2 + int(env_params.can_rest)} actions, {int(env_params.max_steps)} steps at most"
        )
    if isinstance(env_params, ChainParams):
        between = "±1 at random" if env_params.is_noisy else "nothing"
        seen = f"; seen as 2 bits and {env.num_distractors} random ones" if isinstance(env, DistractorChainEnv) else ""
        return (
            f"{int(env_params.length)} steps; the first action decides the last reward, the others pay {between}{seen}"
        )
    rows, columns = _size(env, env_params)
    num_actions = int(np.sum(np.asarray(env.action_mask(env_params))))
    return f"{rows} × {columns}, {num_actions} actions, {int(env_params.max_steps)} steps per episode"
