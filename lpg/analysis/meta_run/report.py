"""What a run folder holds, in words: config, progress, what the audit says, the rule it chose."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from lpg.analysis.meta_run.plot import Table, load
from lpg.files import write_atomic


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
        lines += ["## Audit", "", *([f"- {flag}" for flag in flags] or ["Nothing stands out."]), ""]
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
