"""`lpg.tune`: searches the configurations with which a rule trains agents, and records them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from lpg.evaluation.chosen_config import ChosenConfig, Settings
from lpg.evaluation.progress import Bars, Silent
from lpg.evaluation.suites import members
from lpg.evaluation.sweep_trials import SweepTrials
from lpg.evaluation.sweeps import general_sweeps, sweeps_of
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.training_plan import backend_of
from lpg.evaluation.tuning import tune as search
from lpg.evaluation.tuning_table import save_general, save_table, tuned_beside
from lpg.update_rules.base import Rule
from lpg.update_rules.registry import NamedRule, named_rule
from lpg.update_rules.rule_paths import SHIPPED_FOLDER

TUNING_SEEDS = 3
"""Agents per trial of a sweep."""


def tune(
    rule: Rule | str | Path,
    suite: str | Sequence[str],
    *,
    trials: int = 64,
    steps_scale: int | float = 1.0,
    settings: Settings = "tuned",
    num_actions: int | None = None,
    out: str | Path | None = None,
) -> dict[str, TrainConfig]:
    """Searches the hyper-parameters of a rule, on seeds that are not reported.

    Args:
        rule: a rule, or anything that `lpg.load_rule` takes.
        suite: a suite or an environment; or several. Gymnasium's train one agent after the other.
        trials: settings that are tried for each environment.
        steps_scale: share of each environment's own budget of steps.
        settings: "general" searches one setting for all environments of a kind of agent together.
        num_actions: actions of the grids: 9 or 18 (the default).
        out: a folder for the table and the study, which goes on where it was stopped.

    Returns:
        The best configuration by environment. It is recorded beside the rule's file, too, if it has one that does not
        ship with the package, so that `lpg.train` and `lpg.evaluate` use it from now on.

    Raises:
        ValueError: there is no such rule or environment, or a number is out of range.
        OSError: a file cannot be written.
    """
    for name, value in (("trials", trials), ("steps_scale", steps_scale)):
        if not 0 < value < float("inf"):
            raise ValueError(f"{name} is {value}; it must be positive")
    names = members(suite if isinstance(suite, str) else ",".join(suite))
    chosen, _ = tune_rule(
        named_rule(rule), names, trials=trials, steps_scale=steps_scale, settings=settings, num_actions=num_actions,
        out=None if out is None else Path(out),
    )  # fmt: skip
    return {name: one.config for name, one in chosen.items()}


def tune_rule(
    rule: NamedRule,
    names: Sequence[str],
    *,
    trials: int,
    steps_scale: int | float,
    settings: Settings,
    num_actions: int | None,
    out: Path | None,
    progress: Bars = Silent,
) -> tuple[dict[str, ChosenConfig], list[Path]]:
    """The best configurations by environment, and the files in which they are recorded; see `tune`."""
    num_steps = {name: backend_of(name).default_steps * steps_scale for name in names}
    is_general = settings == "general"
    sweeps = general_sweeps(names, num_steps) if is_general else sweeps_of(names, num_steps)
    with progress(f"tuning {rule.label}", round(sum(num_steps.values())) * trials * TUNING_SEEDS) as bar:
        entries = search(
            rule.rule, sweeps, is_learned=rule.is_learned, num_trials=trials, num_seeds=TUNING_SEEDS,
            num_actions=num_actions, progress=bar.advance, label=rule.label, card=rule.card,
            storage=None if out is None else out / "tuned" / "study.log", run=SweepTrials(rule),
        )  # fmt: skip
    paths = [] if out is None else [out / "tuned" / f"{rule.label.replace('/', '-')}.json"]
    if rule.path is not None and rule.path.parent != SHIPPED_FOLDER:
        paths.append(tuned_beside(rule.path))  # so that the rule is used with these configurations from now on
    for path in paths:
        if is_general:
            for kind, entry in entries.items():
                save_general(path, rule.label, kind, entry)
        else:
            save_table(path, rule.label, entries)
    chosen: Mapping[str, ChosenConfig] = {
        name: ChosenConfig(
            TrainConfig.of_record(entries[sweep.name]["setting"]),
            f"tuned now by {entries[sweep.name]['trials']} trials",
            "general" if is_general else "tuned",
        )
        for sweep in sweeps
        for name in sweep.environments
    }
    return dict(chosen), paths
