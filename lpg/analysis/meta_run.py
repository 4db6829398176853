"""A meta-training in one figure and in words: its progress, its audit, its returns by environment."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lpg.analysis.style import MUTED, colours, style
from lpg.files import write_atomic
from lpg.meta_training.metrics import read_metrics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


Table = dict[str, np.ndarray]


def load(path: Path) -> Table:
    """Columns of a metrics table as numbers; empty cells become NaN.

    Raises:
        ValueError: the table is absent or has no row.
    """
    rows = read_metrics(path)
    if not rows:
        raise ValueError(f"{path} has no row yet; nothing can be drawn before the first meta-update")
    return {name: np.array([float(row[name]) if row[name] else np.nan for row in rows]) for name in rows[0]}


def save_figure(run: Path) -> Path:
    """Draws `figures/meta_training.png` of a run folder from its metrics table."""
    path = run / "figures" / "meta_training.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    with style():
        draw(load(run / "metrics.csv")).savefig(path)
    return path


def draw(table: Table) -> "Figure":
    """Six panels; the horizontal axis is meta-updates. Noisy figures are shown with their running mean."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.5, 5.6), layout="constrained")
    axes = figure.subplots(2, 3)
    x = table["meta_update"]
    environments = [name.removeprefix("return/") for name in table if name.startswith("return/")]
    palette = colours(environments)
    _returns(axes[0, 0], x, table, palette)
    entropies = {"policy π": table["policy_entropy"], "prediction y": table["prediction_entropy"]}
    if not table["prediction_entropy"].any():  # of a rule that discovers no predictions
        del entropies["prediction y"]
    _panel(axes[0, 1], x, entropies, "entropy of the agents" if len(entropies) > 1 else "entropy of policies", "nats")
    _validation(axes[0, 2], x, table)
    _panel(axes[1, 0], x, {"π̂² (mean)": table["pi_hat_square"], "critic error / variance": table["critic_error"]},
           "targets and outer critic", "")  # fmt: skip
    norms = {name: table[f"gradient_norm/{name}"] for name in environments}
    _panel(axes[1, 1], x, norms, "meta-gradient norm by environment", "", palette, is_log=True)
    _panel(axes[1, 2], x, {"steps/s": table["steps_per_second"] / 1e3}, "speed", "1,000 steps/s")
    for ax in axes[1]:
        ax.set_xlabel("meta-updates")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 5))
    return figure


def _returns(ax: "Axes", x: np.ndarray, table: Table, palette: dict[str, str]) -> None:
    """Final returns of lifetimes as shares of an environment's largest running mean, which the legend tells; from 0 on,
    so that small falls look small."""
    for name, colour in palette.items():
        values = table[f"return/{name}"]
        seen = ~np.isnan(values)
        if not seen.any():
            continue
        smooth = _running_mean(values[seen], 8)
        largest = np.abs(smooth).max()
        largest = largest if largest > 0 else 1.0
        ax.plot(x[seen], smooth / largest, color=colour, label=f"{name} (1 is {largest:.3g})")
    ax.set_ylim(bottom=min(0.0, ax.get_ylim()[0]))
    ax.set_title("return at the end of lifetimes")
    ax.set_ylabel("share of the largest")


def _validation(ax: "Axes", x: np.ndarray, table: Table) -> None:
    seen = ~np.isnan(table["validation"])
    ax.set_title("validation (normalised area)")
    if seen.any():
        line = "-" if seen.sum() > 2 else "none"  # two points make no course
        ax.plot(x[seen], table["validation"][seen], linestyle=line, marker="o", markersize=4, color="#0b6bcb")
        low, high = ax.get_ylim()
        ax.set_ylim(min(0.0, low), max(1.0, high))
    else:
        ax.text(0.5, 0.5, "none yet", ha="center", va="center", color=MUTED, transform=ax.transAxes)


def _panel(
    ax: "Axes", x: np.ndarray, lines: dict[str, np.ndarray], title: str, unit: str,
    palette: dict[str, str] | None = None, is_log: bool = False,
) -> None:  # fmt: skip
    palette = palette or colours(list(lines))
    for name, values in lines.items():
        ax.plot(x, values, color=palette[name], alpha=0.2, linewidth=0.7)
        ax.plot(x, _running_mean(values, 20), color=palette[name], label=name)
    ax.set_title(title)
    ax.set_ylabel(unit)
    if is_log:
        ax.set_yscale("log")
    elif len(lines) > 1:
        ax.legend()


def _running_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Mean of the last `window` values, fewer at the start; of what is finite, NaN where nothing is."""
    is_seen = np.isfinite(values)
    total = np.concatenate([[0.0], np.cumsum(np.where(is_seen, values, 0.0))])
    count = np.concatenate([[0], np.cumsum(is_seen)])
    end = np.arange(1, len(values) + 1)
    begin = np.maximum(end - window, 0)
    number = count[end] - count[begin]
    return np.where(number > 0, (total[end] - total[begin]) / np.maximum(number, 1), np.nan)


def write_report(run: Path, flags: list[str]) -> Path:
    """Writes `report.md` of a run folder.

    Args:
        flags: what the audit had to say.
    """
    path = run / "report.md"
    write_atomic(path, describe(run, flags).encode())
    return path


def describe(run: Path, flags: list[str] | None = None) -> str:
    """A run as Markdown text.

    Args:
        flags: what the audit had to say; none: not known.

    Raises:
        ValueError: the folder holds no run.
    """
    try:
        stored: dict[str, Any] = json.loads((run / "config.json").read_text())
        config, seed = stored["config"], stored["seed"]
        about = f"Rule `{config['rule']}` on `{config['suite']}`, seed {seed}."
        total = int(config["meta_updates"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{run} holds no run: its config.json cannot be read ({error})") from error
    lines = [f"# Run {run.resolve().name}", "", about, ""]
    try:
        table = load(run / "metrics.csv")
    except ValueError:
        return "\n".join([*lines, "No meta-update yet.", ""])
    lines += [*_progress(table, total), "", *_environments(table), ""]
    if flags is not None:
        lines += ["## Audit", "", *([f"- {flag}" for flag in flags] or ["No warnings."]), ""]
    if (run / "figures" / "meta_training.png").exists():
        lines += ["![The run over meta-updates](figures/meta_training.png)", ""]
    return "\n".join(lines)


def _progress(table: Table, total: int) -> list[str]:
    validation = table["validation"]
    lines = [
        f"- {table['meta_update'][-1]:,.0f} of {total:,} meta-updates, "
        f"{table['environment_steps'][-1] / 1e6:,.1f} M environment steps in {table['seconds'][-1]:,.0f} s "
        f"(median {np.median(table['steps_per_second']):,.0f} steps/s)",
        f"- lifetimes reset: {table['deterministic_resets'][-1]:.0f} deterministic, "
        f"{table['dropped'][-1]:.0f} diverged",
    ]
    if not np.isnan(validation).all():
        best = int(np.nanargmax(validation))
        lines.append(f"- best validation {validation[best]:.3f}, at meta-update {table['meta_update'][best]:.0f}")
    return lines


def _environments(table: Table) -> list[str]:
    lines = ["| environment | return at the end of the last lifetimes | gradient norm |", "|---|---|---|"]
    for name in (column.removeprefix("return/") for column in table if column.startswith("return/")):
        ended = table[f"return/{name}"][~np.isnan(table[f"return/{name}"])][-10:]
        final = f"{ended.mean():.2f}" if len(ended) else "none ended yet"
        lines.append(f"| {name} | {final} | {np.mean(table[f'gradient_norm/{name}'][-50:]):.3g} |")
    return lines
