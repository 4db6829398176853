"""How each component of y correlates with the true values over the visited cells; maps, and an animation of y."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lpg.analysis.controls import control_names, has_untrained
from lpg.analysis.statistics import correlation
from lpg.analysis.study import Claim, Tables, Verdict
from lpg.analysis.style import INK, MUTED, style
from lpg.analysis.table import Table, select

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


STATEMENT = "Some components of y peak at positive goals and spread to their neighbours as true values do."
CRITERION = (
    "After the last iteration, over cells weighted by visits: a component peaks at positive goals if it rises with the "
    "true value at one discount (positive correlation, its square R²) and is at least 1.5 times as large in some cells "
    "as in others (95th against 5th percentile). Reproduced: one that peaks has an R² of at least 0.8, which is at "
    "least 0.1 above the best of three untrained rules of the same sizes and of a constant ŷ. Partly: a component that "
    "rises with a value has an R² of at least 0.5."
)
CONTRAST, MARGIN = 1.5, 0.1


def correlations(cells: Table, y: Table) -> list[dict[str, float]]:
    """Correlation of every component with the true value at each discount, cells weighted by visits.

    Args:
        y: predictions at one iteration, a row per cell.

    Returns:
        For each component, in order: the correlation by `value_…` column, and `contrast`, how many times as large it is
        at the 95th percentile of the cells as at the 5th (where it may be negative: 1 plus the difference).
    """
    found = []
    for name in components(y):
        low, high = np.quantile(y[name], [0.05, 0.95])
        one = {value: correlation(cells[value], y[name], cells["visits"]) for value in value_columns(cells)}
        found.append({**one, "contrast": float(high / low if low > 0 else high - low + 1)})
    return found


def at_end(y: Table) -> Table:
    """The rows of the last recorded iteration."""
    return select(y, iteration=y["iteration"].max())


def score(tables: Tables) -> list[Claim]:
    """The claim of figure 4."""
    cells, values = tables["cells"], value_columns(tables["cells"])
    found = correlations(cells, at_end(tables["y"]))
    heights = _heights(found)
    peaks = [i for i, one in enumerate(found) if one["contrast"] >= CONTRAST]
    best = max(range(len(found)), key=lambda i: (heights[i] >= 0.8 and i in peaks, heights[i]))
    which = max(values, key=lambda name: found[best][name])
    controls = tables.get("controls", {"method": np.zeros(0, str)})
    names = control_names(controls["method"].tolist())
    others = {name: _highest_peak(correlations(cells, select(controls, method=name))) for name in names}
    is_ahead = has_untrained(names) and _highest_peak(found) >= max(others.values()) + MARGIN
    verdict: Verdict = "reproduced" if _highest_peak(found) >= 0.8 and is_ahead else "partly"
    return [
        Claim(
            figure="Figure 4",
            statement=STATEMENT,
            criterion=CRITERION,
            found=(
                f"best component: y[{best}], R² {heights[best]:.2f} with the value at γ = "
                f"{which.removeprefix('value_')}, contrast {found[best]['contrast']:.2f}; "
                f"{sum(height >= 0.5 for height in heights)} of {len(found)} components rise with some value at R² ≥ "
                f"0.5, {len(peaks)} have a contrast of {CONTRAST} or more; best peak of the controls: "
                + (", ".join(f"{name} {height:.2f}" for name, height in others.items()) or "not measured")
            ),
            verdict=verdict if max(heights) >= 0.5 else "not reproduced",
        )
    ]


def _heights(found: list[dict[str, float]]) -> list[float]:
    """R² of each component with the value that it rises with most; 0 for one that falls with all of them."""
    return [max(0.0, *(r for name, r in one.items() if name != "contrast")) ** 2 for one in found]


def _highest_peak(found: list[dict[str, float]]) -> float:
    """The largest R² of a component with the contrast."""
    pairs = zip(_heights(found), found, strict=True)
    return max((height for height, one in pairs if one["contrast"] >= CONTRAST), default=0.0)


def components(y: Table) -> list[str]:
    """Names of the columns with y's components."""
    return [name for name in y if name.startswith("y_")]


def value_columns(cells: Table) -> list[str]:
    """Names of the columns with true values."""
    return [name for name in cells if name.startswith("value_")]


WALL = "#3a4653"
COLUMNS = 6
FRAMES_PER_SECOND = 6


def plot(tables: Tables, folder: Path) -> list[Path]:
    """Draws `predictions.png` and `predictions.gif`."""
    folder.mkdir(parents=True, exist_ok=True)
    with style():
        draw(tables).savefig(folder / "predictions.png")
        animate(tables, folder / "predictions.gif")
    return [folder / "predictions.png", folder / "predictions.gif"]


def draw(tables: Tables) -> "Figure":
    """The policy and true values on top, below them y after the last iteration, best explained components first."""
    from matplotlib.figure import Figure

    cells, last = tables["cells"], at_end(tables["y"])
    found, values = correlations(cells, last), value_columns(cells)
    best = [values[int(np.argmax([abs(one[name]) for name in values]))] for one in found]
    order = sorted(range(len(found)), key=lambda i: -found[i][best[i]])
    rows = 1 + math.ceil(len(order) / COLUMNS)
    figure = Figure(figsize=(1.75 * COLUMNS, 2.05 * rows + 0.5), layout="constrained")
    axes = figure.subplots(rows, COLUMNS, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    _policy(axes[0, 0], cells)
    for ax, name in zip(axes[0, 1:], values, strict=False):
        _show(figure, ax, cells, cells[name], f"value, γ = {name.removeprefix('value_')}")
    for ax, i in zip(axes[1:].flat, order, strict=False):
        r = found[i][best[i]]
        title = f"y[{i}]  r {r:+.2f}" + (f" (γ {best[i].removeprefix('value_')})" if abs(r) >= 0.5 else "")
        _show(figure, ax, cells, last[f"y_{i}"], title)
    figure.suptitle(
        f"Predictions y of a frozen policy after {last['iteration'][0]:.0f} updates. Each map has its own colours; "
        "r: correlation with a true value over visited cells", fontsize=9, color=INK,
    )  # fmt: skip
    return figure


def animate(tables: Tables, path: Path) -> Path:
    """Every component over the iterations; colours span what is on each map at that moment."""
    from matplotlib import rc_context
    from matplotlib.animation import PillowWriter
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names, cells = components(tables["y"]), tables["cells"]
    iterations = np.unique(tables["y"]["iteration"])
    columns = min(COLUMNS, len(names))
    rows = math.ceil(len(names) / columns)
    figure = Figure(figsize=(max(1.2 * columns, 3.2), 1.35 * rows + 0.4), dpi=80)
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False)
    figure.subplots_adjust(0.01, 0.01, 0.99, 1 - 0.65 / (1.35 * rows + 0.4), 0.06, 0.2)
    images: list[Any] = []
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, name in zip(axes.flat, names, strict=False):
        last = select(tables["y"], iteration=iterations[-1])[name]
        images.append(_show(None, ax, cells, last, f"y[{name.removeprefix('y_')}]"))
    writer = PillowWriter(fps=FRAMES_PER_SECOND)
    with rc_context({"savefig.bbox": None}), writer.saving(figure, str(path), dpi=80):
        for iteration in iterations:
            now = select(tables["y"], iteration=iteration)
            for image, name in zip(images, names, strict=True):
                image.set_data(_map(cells, now[name]))
                image.set_clim(*np.quantile(now[name], [0.02, 0.98]))
            figure.suptitle(f"y after {iteration:.0f} updates (each map has its own colours)", fontsize=9)
            writer.grab_frame()
    return path


def _policy(ax: "Axes", cells: Table) -> None:
    from lpg.environments.drawing import draw_policy

    policy = np.stack([cells[name] for name in cells if name.startswith("pi_")], axis=1)
    place = np.stack([cells["row"], cells["column"]], axis=1)
    on_goal = cells["goal"] != 0
    _show(None, ax, cells, np.zeros(len(place)), "policy (P +1, N −1)", limits=(0.0, 1.0))
    draw_policy(ax, place[~on_goal], policy[~on_goal])
    ax.set(xlim=(-0.5, cells["column"].max() + 0.5), ylim=(cells["row"].max() + 0.5, -0.5))


def _show(
    figure: "Figure | None", ax: "Axes", cells: Table, values: np.ndarray, title: str,
    limits: tuple[float, float] | None = None,
) -> Any:  # fmt: skip
    """One quantity as a map with its goals; walls are dark."""
    from matplotlib.colors import Normalize

    from lpg.environments.drawing import heat_map

    # A few outliers must not determine the colour scale.
    low, high = np.quantile(values, [0.02, 0.98]) if limits is None else limits
    colours = heat_map(np.array([low, high]))
    palette = colours.cmap.with_extremes(bad=WALL)
    norm = colours.norm if isinstance(colours.norm, Normalize) else None
    image = ax.imshow(_map(cells, values), cmap=palette, norm=norm, interpolation="nearest")
    for row, column, goal in zip(cells["row"], cells["column"], cells["goal"], strict=True):
        if goal:
            ax.text(column, row, "P" if goal > 0 else "N", ha="center", va="center_baseline", fontsize=6.5,
                    weight="bold", color=INK)  # fmt: skip
    ax.set_title(title, fontsize=7.5, pad=3)
    if figure is not None:
        bar = figure.colorbar(image, ax=ax, orientation="horizontal", fraction=0.05, pad=0.02, aspect=16)
        bar.set_ticks([low, high] if high > low else [low], labels=[f"{x:.2g}" for x in ([low, high] if high > low
                      else [low])])  # fmt: skip
        bar.ax.tick_params(labelsize=6, length=0, pad=1)
        bar.outline.set_edgecolor(MUTED)  # type: ignore[operator]
    return image


def _map(cells: Table, values: np.ndarray) -> np.ndarray:
    """Values in their places; NaN where there is no cell."""
    rows, columns = int(cells["row"].max()) + 1, int(cells["column"].max()) + 1
    canvas = np.full((rows, columns), np.nan)
    canvas[cells["row"].astype(int), cells["column"].astype(int)] = values
    return canvas
