"""Draws an environment with given parameters: as text for a terminal, as a figure for a report.

Takes one concrete `EnvParams`, neither a batch of them nor a traced one.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Array, Float

from lpg.environments.base import Environment
from lpg.environments.board import GREY, INK, AnyGrid, Board, Kind, board, kinds, size
from lpg.environments.delayed_chain import ChainParams
from lpg.environments.distractor_chain import DistractorChainEnv, DistractorState
from lpg.environments.grid_world import GridParams
from lpg.environments.procedural_control import ControlParams
from lpg.environments.random_grid import RandomGridParams
from lpg.environments.tabulated import NO_LIMIT, TabulatedParams
from lpg.environments.third_party import ThirdPartyEnv, ThirdPartyParams

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELL_INCHES = 0.42

TRACK = 41
"""Characters from one edge of a position's track to the other."""

AnyParams = AnyGrid | ChainParams | ControlParams | ThirdPartyParams | TabulatedParams


def can_draw(env_params: Any) -> bool:
    """Whether `image` draws environments with such parameters: neither third-party nor custom ones."""
    return isinstance(env_params, GridParams | RandomGridParams | ChainParams | ControlParams)


def text(env: Environment, env_params: AnyParams, state: Any = None) -> str:
    """A map and a legend; '@' is the agent, ',' the place of an object that is not there.

    The objects of a random grid have places in a state only; without one they are in the legend and not on the map. Of
    third-party environments only the sizes are printed.
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
        state: draws the agent, and absent objects as rings; without it all objects that have a place are present.
        values: V of every state index, as a heat map.
        policy: probabilities; of every cell the likeliest action is drawn, paler if less likely: an arrow is a move, a
            line with a dot collects, a dot alone stays.
        average: of a grid, values and policy are means over all sets of objects present, instead of those of `state`.
        title: heading.

    Raises:
        ValueError: values or a policy are given for an environment without state indices, or the environment is a
            third-party one.
    """
    if isinstance(env_params, ThirdPartyParams | TabulatedParams):
        what, owner = (env.name, env.library) if isinstance(env, ThirdPartyEnv) else ("it", "Gymnasium")
        raise ValueError(f"{what} cannot be drawn here; {owner}, whose environment it is, can")
    if env.observation_shape != () and not (values is None and policy is None):
        raise ValueError(
            f"values or a policy given for a {type(env).__name__}; they need state indices, and it has none"
        )
    # Imported here: most programs never draw, and matplotlib takes longer to import than everything else together.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from lpg.environments import drawing

    found = [] if isinstance(env_params, ChainParams | ControlParams) else kinds(env_params)
    rows, columns = (
        (5, 17) if isinstance(env_params, ChainParams | ControlParams) else (n + 1 for n in size(env, env_params))
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
    rows, columns = size(env, env_params)
    num_actions = int(np.sum(np.asarray(env.action_mask(env_params))))
    return f"{rows} × {columns}, {num_actions} actions, {int(env_params.max_steps)} steps per episode"
