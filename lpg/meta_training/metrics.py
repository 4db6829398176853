"""metrics.csv: one row per meta-update; a resumed run drops the rows after its checkpoint.

docs/glossary.md explains the columns.
"""

import csv
import io
from pathlib import Path

import numpy as np

from lpg.files import write_atomic
from lpg.meta_training.config import MetaConfig
from lpg.meta_training.trainer import MetaUpdateReport

TERMS = ("policy_gradient", "policy_entropy", "prediction_entropy", "pi_hat_square", "y_hat_square", "pi_hat_mean")


def terms_of(config: MetaConfig) -> tuple[str, ...]:
    """Columns of the terms of the meta-loss."""
    return TERMS if config.meta_term is None else (*TERMS, "own_term")


def columns(names: tuple[str, ...], terms: tuple[str, ...] = TERMS) -> list[str]:
    """Column names for a run on these environments."""
    return [
        "meta_update", "environment_steps", "seconds", "steps_per_second", "meta_loss", *terms, "gradient_norm",
        "critic_error", "deterministic_resets", "dropped", "validation",
        *(f"return/{name}" for name in names), *(f"gradient_norm/{name}" for name in names),
    ]  # fmt: skip


def row(report: MetaUpdateReport, terms: tuple[str, ...] = TERMS, **known: float | int) -> dict[str, float | int | str]:
    """One meta-update as a row: means over all lifetimes except those that diverged.

    `return/…` is the mean over lifetimes that ended in this meta-update, empty if none did.

    Args:
        terms: from `terms_of`.
        known: columns that the report does not contain.
    """
    infos = list(report.windows.values())
    is_kept = np.concatenate([np.ravel(info.is_finite) for info in infos])  # diverged lifetimes would make means NaN

    def mean(pick) -> float:  # noqa: ANN001
        values = np.concatenate([np.ravel(pick(info)) for info in infos])[is_kept]
        return float(np.mean(values)) if len(values) else float("nan")

    error = mean(lambda info: info.critic.error / np.maximum(info.critic.variance, 1e-8))
    return {
        **known,
        "meta_loss": mean(lambda info: info.loss),
        **{term: mean(lambda info, term=term: getattr(info.terms, term)) for term in terms},
        "gradient_norm": float(report.step.gradient_norm),
        "critic_error": error,
        **{f"return/{name}": float(np.nanmean(values)) for name, values in report.final_returns.items()
           if not np.all(np.isnan(values))},
        **{f"gradient_norm/{name}": float(norm)
           for name, norm in zip(report.windows, report.step.environment_norms, strict=True)},
    }  # fmt: skip


class MetricsFile:
    """The metrics.csv of a run, open for appending."""

    def __init__(self, path: Path, names: tuple[str, ...], meta_update: int, terms: tuple[str, ...] = TERMS) -> None:
        """Creates or continues the file; rows after `meta_update`, of work that was lost, are dropped."""
        self.path, self.header = path, columns(names, terms)
        kept = [line for line in read_metrics(path) if float(line["meta_update"]) <= meta_update]
        text = io.StringIO()
        writer = csv.DictWriter(text, self.header, restval="")
        writer.writeheader()
        writer.writerows(kept)
        write_atomic(path, text.getvalue().encode())
        self._file = open(path, "a", newline="")  # noqa: SIM115
        self._writer = csv.DictWriter(self._file, self.header, restval="")

    def append(self, values: dict[str, float | int | str]) -> None:
        """Writes and flushes one row, so that a killed process loses none."""
        self._writer.writerow({k: f"{v:.8g}" if isinstance(v, float) else v for k, v in values.items()})
        self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def read_metrics(path: Path) -> list[dict[str, str]]:
    """Complete rows as strings by column, without an incomplete last line; empty if there is no file."""
    if not path.exists():
        return []
    text = path.read_bytes().decode(errors="replace")
    complete = text[: text.rfind("\n") + 1]  # the start of a number is another number: drop an incomplete line
    rows = list(csv.DictReader(io.StringIO(complete, newline="")))
    return [line for line in rows if None not in line and None not in line.values() and line["meta_update"]]
