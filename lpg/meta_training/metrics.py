"""metrics.csv: one row per meta-update, appended as the run goes, cut back when a run is resumed."""

import csv
import io
from pathlib import Path

import numpy as np

from lpg.files import write_atomic
from lpg.meta_training.trainer import StepReport

TERMS = ("policy_gradient", "policy_entropy", "prediction_entropy", "pi_hat_square", "y_hat_square", "pi_hat_mean")


def columns(names: tuple[str, ...]) -> list[str]:
    """Header of the table for a run on these environments."""
    return [
        "meta_update", "environment_steps", "seconds", "steps_per_second", "meta_loss", *TERMS, "gradient_norm",
        "critic_error", "deterministic_resets", "dropped", "validation",
        *(f"return/{name}" for name in names), *(f"gradient_norm/{name}" for name in names),
    ]  # fmt: skip


def row(report: StepReport, **known: float | int) -> dict[str, float | int | str]:
    """One meta-update as a row: means over all lifetimes but those that were dropped.

    `return/…` is the mean over lifetimes that ended now, empty where none did.

    Args:
        known: counters that the report does not carry.
    """
    every = list(report.windows.values())
    # What a dropped lifetime measured says nothing, and one NaN would hide all the others.
    is_kept = np.concatenate([np.ravel(info.is_finite) for info in every])

    def mean(pick) -> float:  # noqa: ANN001
        values = np.concatenate([np.ravel(pick(info)) for info in every])[is_kept]
        return float(np.mean(values)) if len(values) else float("nan")

    error = mean(lambda info: info.critic.error / np.maximum(info.critic.variance, 1e-8))
    return {
        **known,
        "meta_loss": mean(lambda info: info.loss),
        **{term: mean(lambda info, term=term: getattr(info.terms, term)) for term in TERMS},
        "gradient_norm": float(report.step.gradient_norm),
        "critic_error": error,
        **{f"return/{name}": float(np.nanmean(values)) for name, values in report.final_returns.items()
           if not np.all(np.isnan(values))},
        **{f"gradient_norm/{name}": float(norm)
           for name, norm in zip(report.windows, report.step.environment_norms, strict=True)},
    }  # fmt: skip


class MetricsFile:
    """The open table of a run."""

    def __init__(self, path: Path, names: tuple[str, ...], meta_update: int) -> None:
        """Opens or continues a table; rows after `meta_update` belong to work that was lost and are dropped."""
        self.path, self.header = path, columns(names)
        kept = [line for line in read_metrics(path) if float(line["meta_update"]) <= meta_update]
        text = io.StringIO()
        writer = csv.DictWriter(text, self.header, restval="")
        writer.writeheader()
        writer.writerows(kept)
        write_atomic(path, text.getvalue().encode())
        self._file = open(path, "a", newline="")  # noqa: SIM115
        self._writer = csv.DictWriter(self._file, self.header, restval="")

    def append(self, values: dict[str, float | int | str]) -> None:
        """Writes one row and hands it to the operating system, so that a killed process loses none."""
        self._writer.writerow({k: f"{v:.8g}" if isinstance(v, float) else v for k, v in values.items()})
        self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def read_metrics(path: Path) -> list[dict[str, str]]:
    """Whole rows of a table as strings by column; a last line that was cut off is left out. Empty without a file."""
    if not path.exists():
        return []
    text = path.read_bytes().decode(errors="replace")
    whole = text[: text.rfind("\n") + 1]  # a number that was cut off is still a number, but another one
    rows = list(csv.DictReader(io.StringIO(whole, newline="")))
    return [line for line in rows if None not in line and None not in line.values() and line["meta_update"]]
