"""A meta-training while it goes on: metrics.csv, the audit, and the bandit of the newest checkpoint."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open

from lpg.analysis import meta_run
from lpg.analysis.watch.status import Status, version_of
from lpg.meta_training.bandit import Bandit
from lpg.meta_training.checkpoint import list_checkpoints
from lpg.meta_training.config import MetaConfig
from lpg.meta_training.config_file import make_config
from lpg.meta_training.groups import arms
from lpg.meta_training.metrics import read_metrics
from lpg.meta_training.run_folder import AUDIT_FILE
from lpg.meta_training.state import init_bandit
from lpg.update_rules.rule_file import INPUTS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RECENT = 50
"""Meta-updates whose speed tells the time left."""


class MetaTrainingView:
    """See `lpg.analysis.watch.view.View`."""

    files = ("config.json",)

    def __init__(self, folder: Path) -> None:
        """Reads the configuration, which never changes.

        Raises:
            ValueError: it cannot be read.
        """
        self.folder = folder
        try:
            stored = json.loads((folder / "config.json").read_text())
            self.config: MetaConfig = make_config(stored["config"])
            self.seed = int(stored["seed"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{folder} holds no run: its config.json cannot be read ({error})") from error
        self._metrics, self._audit = folder / "metrics.csv", folder / AUDIT_FILE

    def version(self) -> str:
        """Another one after each meta-update."""
        return version_of(self._metrics, self._audit)

    def has_figure(self) -> bool:
        """After the first meta-update."""
        return bool(read_metrics(self._metrics))

    def figure(self) -> "Figure":
        """The six panels of `lpg show`."""
        return meta_run.draw(meta_run.load(self._metrics))

    def status(self) -> Status:
        """The run at this moment."""
        title = f"{self.folder.resolve().name}: {self.config.rule} on {self.config.suite}, seed {self.seed}"
        if not read_metrics(self._metrics):
            return Status(title, 0.0, None, {"meta-updates": f"none yet of {self.config.meta_updates:,} (compiling)"})
        table = meta_run.load(self._metrics)
        done, total = int(table["meta_update"][-1]), self.config.meta_updates
        flags = json.loads(self._audit.read_text()) if self._audit.is_file() else []
        return Status(title, done / total, _seconds_left(table, total), self._facts(table), flags, self._arms(table))

    def _facts(self, table: meta_run.Table) -> dict[str, str]:
        last = {name: float(column[-1]) for name, column in table.items()}
        facts = {
            "meta-updates": f"{last['meta_update']:,.0f} of {self.config.meta_updates:,}",
            "environment steps": f"{last['environment_steps'] / 1e6:,.1f} M, {last['steps_per_second']:,.0f} a second",
            "entropy of policies": f"{last['policy_entropy']:.2f} nats",
        }
        # How many predictions a rule of the user's own has is not in the configuration.
        if self.config.rule in INPUTS and self.config.rule not in ("lpg-v", "lpg-no-softmax"):
            size, entropy = self.config.prediction_size, last["prediction_entropy"]
            facts["predictions in use"] = (
                f"{math.exp(entropy):.1f} of {size} (entropy {entropy:.2f} of at most {math.log(size):.2f} nats)"
            )
        if last["critic_error"]:  # a fit to a hand-written rule and evolution strategies train none
            facts["outer critic"] = f"squared error {last['critic_error']:.0%} of its targets' variance"
        facts["lifetimes reset"] = f"{last['deterministic_resets']:.0f} deterministic, {last['dropped']:.0f} diverged"
        if not np.isnan(table["validation"]).all():
            best = int(np.nanargmax(table["validation"]))
            facts["best validation"] = (
                f"{table['validation'][best]:.3f}, at meta-update {table['meta_update'][best]:.0f}"
            )
        return facts

    def _arms(self, table: meta_run.Table) -> list[dict[str, Any]]:
        """Probabilities of the bandit's arms, as of the newest checkpoint that can be read."""
        # In the order of the trainer, which joins environments of equal shapes.
        names = tuple(column.removeprefix("return/") for column in table if column.startswith("return/"))
        bandit = init_bandit(self.config, names)
        for path in reversed(list_checkpoints(self.folder)):
            try:
                with safe_open(path, framework="numpy") as file:
                    columns = (f"bandit.{name}" for name in ("environment", "arm", "final_return"))
                    bandit = Bandit(bandit.config, *(file.get_tensor(name).tolist() for name in columns))
                break
            except (OSError, SafetensorError):
                continue  # it was removed or is being written
        shown = {"all environments": 0} if bandit.config.share else {name: index for index, name in enumerate(names)}
        found = []
        for name, index in shown.items():
            counted = [
                arm for arm, where in zip(bandit.arm, bandit.environment, strict=True)
                if bandit.config.share or where == index
            ]  # fmt: skip
            pairs = arms(self.config, names[index])
            found.append({
                "environment": name,
                "arms": [f"{rate:g}, {weight:g}" for rate, weight in pairs],
                "probabilities": [round(float(p), 4) for p in bandit.probabilities(index)],
                "lifetimes": np.bincount(np.array(counted, int), minlength=len(pairs)).tolist(),
            })  # fmt: skip
        return found


def _seconds_left(table: meta_run.Table, total: int) -> float | None:
    done, seconds = table["meta_update"], table["seconds"]
    first = max(0, len(done) - 1 - RECENT)
    if len(done) - 1 == first:
        return None
    return float((total - done[-1]) * (seconds[-1] - seconds[first]) / (done[-1] - done[first]))
