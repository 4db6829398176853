"""Marks on axes, for `render.image`: cells, discs, arrows, chains. Separate, because it imports matplotlib."""

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PatchCollection
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.patches import Circle, Rectangle

from lpg.environments.board import GREY, INK, PENALTIES, REWARDS, Board, Kind, signed
from lpg.environments.delayed_chain import NUM_BRANCHES, ChainParams
from lpg.environments.grid_world import NUM_DIRECTIONS, OFFSETS
from lpg.environments.procedural_control import ControlParams

WALL, FLOOR, LINE = "#3a4653", "#f7f8f9", "#dde2e7"


def heat_map(values: np.ndarray) -> ScalarMappable:
    """Colours of a heat map: white is 0 if the signs are mixed, else the value nearest to 0."""

    def paler(name: str, first: float, last: float) -> ListedColormap:
        # The dark ends are cut off: arrows must stay visible on them.
        return ListedColormap(colormaps[name](np.linspace(first, last, 256)))

    low, high = float(values.min()), float(values.max())
    if low < 0 < high:
        return ScalarMappable(Normalize(-max(-low, high), max(-low, high)), paler("PuOr", 0.18, 0.82))
    norm = Normalize(low, high + 1e-6 * (low == high))
    return ScalarMappable(norm, paler("Purples", 0.0, 0.7) if high > 0 else paler("Oranges_r", 0.35, 1.0))


def draw_grid(
    axes: Axes, drawn: Board, found: list[Kind], values: Any, policy: Any, average: bool
) -> ScalarMappable | None:
    """A board with its objects, of these kinds; returns what a colour bar needs."""
    objects = sum(2**j for j in drawn.objects)
    sets = [s for s in range(objects + 1) if not s & ~objects] if average else [sum(2**j for j in drawn.present)]
    index = np.arange(len(drawn.free)) + len(drawn.free) * np.asarray(sets)[:, None]
    mappable, colours = None, [FLOOR] * len(drawn.free)
    if values is not None:
        heat = np.asarray(values)[index].mean(0)
        mappable = heat_map(heat)
        colours = list(mappable.to_rgba(heat))

    axes.set(xlim=(-1, drawn.columns), ylim=(drawn.rows, -1))
    axes.add_patch(Rectangle((-1, -1), drawn.columns + 1, drawn.rows + 1, facecolor=WALL, linewidth=0))
    # One artist instead of a hundred: half of the time that a picture takes, and a video has hundreds of them.
    cells = [Rectangle((column - 0.5, row - 0.5), 1, 1) for row, column in drawn.free]
    axes.add_collection(PatchCollection(cells, facecolors=colours, edgecolors=LINE, linewidths=0.8), autolim=False)

    largest = max(abs(kind.reward) for kind in found) or 1.0  # what only ends the episode pays nothing
    for j, kind in [(j, one) for one in found for j in one.members if j in drawn.objects]:
        (row, column), shade = drawn.objects[j], kind.colour
        radius = 0.27 + 0.15 * abs(kind.reward) / largest
        disc = Circle((column, row), radius, facecolor=shade, edgecolor="white", linewidth=1.2, zorder=3)
        if j not in drawn.present:
            disc.set(facecolor="none", edgecolor=shade, linestyle=(0, (2, 1.5)))
        axes.add_patch(disc)
        label = signed(kind.reward, 1 if abs(kind.reward) < 1 else 2).replace("0.", ".")
        axes.text(column, row, label, color="white" if j in drawn.present else shade, ha="center",
                  va="center_baseline", fontsize=7, weight="bold", zorder=4)  # fmt: skip
    if policy is not None:
        draw_policy(axes, np.asarray(drawn.free), np.asarray(policy)[index].mean(0))
    if drawn.agent is not None:
        row, column = drawn.agent
        axes.add_patch(Circle((column, row), 0.2, facecolor=INK, edgecolor="white", linewidth=1.6, zorder=6))
    return mappable


def draw_policy(axes: Axes, place: np.ndarray, policy: np.ndarray) -> None:
    """The likeliest action of each cell: an arrow moves, a line with a dot collects, a dot stays."""
    for (row, column), probability in zip(place, policy, strict=True):
        action = int(np.argmax(probability))
        down, right = OFFSETS[action % NUM_DIRECTIONS] / max(1.0, np.hypot(*OFFSETS[action % NUM_DIRECTIONS]))
        style: dict[str, Any] = dict(color=INK, alpha=0.25 + 0.6 * float(probability[action]), zorder=2)
        tip = (column + 0.34 * right, row + 0.34 * down)
        if down == right == 0:
            axes.plot(column, row, "o", markersize=2.5, **style)
        elif action < NUM_DIRECTIONS:
            tail = (column - 0.3 * right, row - 0.3 * down)
            axes.annotate("", tip, tail, arrowprops=dict(arrowstyle="-|>", shrinkA=0, shrinkB=0, lw=0.9,
                          mutation_scale=7, **style), zorder=2)  # fmt: skip
        else:
            axes.plot([column, tip[0]], [row, tip[1]], linewidth=1.2, **style)
            axes.plot(*tip, "o", markersize=3.5, **style)


def draw_chain(axes: Axes, env_params: ChainParams, state: Any, values: Any) -> ScalarMappable | None:
    """Both coins, both first actions, and what they lead to; returns what a colour bar needs."""
    length = int(env_params.length)
    axes.set(xlim=(-0.6, 16.4), ylim=(4.4, -0.6))
    x = np.concatenate([[1.1], np.linspace(3.4, 14.6, length - 1) if length > 2 else [9.0], [15.7]])
    where: dict[int, tuple[float, float]] = {}
    for branch in range(NUM_BRANCHES):
        coin, is_right = divmod(branch, 2)
        action = coin if is_right else 1 - coin
        start, y = 0.45 + 2.9 * coin, 2.9 * coin - 0.15 + 1.2 * action
        colour = REWARDS[0] if is_right else PENALTIES[0]
        axes.text(-0.5, start, f"coin {coin}", fontsize=8.5, color=INK, va="center")
        axes.plot([x[0], x[0] + 1.1, x[-1]], [start, y, y], color=colour, linewidth=1.4, zorder=1)
        axes.text(2.7, y - 0.12, f"action {action}", fontsize=7, color=GREY, ha="center", va="bottom")
        axes.plot(x[-1], y, "o", markersize=19, color=colour, zorder=3)
        axes.text(x[-1], y, signed(2.0 * is_right - 1.0, 1), color="white", fontsize=8, weight="bold", ha="center",
                  va="center_baseline", zorder=4)  # fmt: skip
        where[coin] = (x[0], start)
        # The last point lies on the disc of the reward: the state after the last step.
        where |= {2 + NUM_BRANCHES * step + branch: (x[step + 1], y) for step in range(length)}
    drawn = [index for index in where if index < 2 + NUM_BRANCHES * (length - 1)]
    points = np.array([where[index] for index in drawn])
    is_middle = np.asarray(drawn) >= 2
    mappable = None if values is None else heat_map(np.asarray(values)[drawn])
    colours: Any = "white" if mappable is None else mappable.to_rgba(np.asarray(values)[drawn])
    area = np.where(is_middle, np.clip(1500 / length, 24, 60), 70)
    axes.scatter(points[:, 0], points[:, 1], s=area, c=colours, edgecolors=INK, linewidths=0.9, zorder=2)
    if env_params.is_noisy:
        axes.plot(*points[is_middle].T, linestyle="none", marker="$±$", markersize=3.2, color=INK, mew=0.2, zorder=3)
    if state is not None:
        position, branch = int(state.position), int(state.branch)
        here = where[branch if position == 0 else 2 + NUM_BRANCHES * (position - 1) + branch]
        axes.plot(*here, "o", markersize=8, color=INK, markeredgecolor="white", markeredgewidth=1.4, zorder=6)
    return mappable


def draw_control(axes: Axes, env_params: ControlParams, state: Any) -> None:
    """Both positions on their tracks, an arrow for where each will be in five steps, and what ends the episode."""
    axes.set(xlim=(-0.6, 16.4), ylim=(4.4, -0.6))
    edge = PENALTIES[0] if env_params.step_reward > 0 else REWARDS[0]
    middle, half = 7.9, 6.8
    for which, y in enumerate((0.9, 2.9)):
        axes.plot([middle - half, middle + half], [y, y], color=GREY, linewidth=1.4, zorder=1)
        axes.plot([middle, middle], [y - 0.3, y + 0.3], color=LINE, linewidth=1.4, zorder=0)
        for side in (-half, half):
            axes.plot([middle + side] * 2, [y - 0.55, y + 0.55], color=edge, linewidth=5, zorder=2)
        position, velocity = (0.0, 0.0) if state is None else (state.position[which], state.velocity[which])
        here, soon = (middle + half * float(np.clip(x, -1, 1)) for x in (position, position + 5 * velocity))
        axes.annotate("", (soon, y), (here, y), arrowprops=dict(arrowstyle="-|>", color=INK, lw=1.6), zorder=4)
        axes.plot(here, y, "o", markersize=12, color=INK, markeredgecolor="white", markeredgewidth=1.4, zorder=5)
        called = ("to balance", "its cart") if env_params.step_reward > 0 else ("to swing", "not pushed")
        axes.text(middle - half, y + 1.0, called[which], fontsize=7, color=GREY)
