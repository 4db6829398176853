"""Sweeps of agent hyper-parameters by Optuna, on seeds that are never reported.

A sweep is an Optuna study: its sampler proposes configurations, `run_trials` trains agents with them, many in one
compiled program, and the study is told their scores. A study that lives in a file goes on where it was stopped, and
several processes may work on it at once. Every rule gets the same number of trials.
"""

import dataclasses
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from lpg.evaluation.curves import Curve
from lpg.evaluation.default_config import default_for, of_meta_training
from lpg.evaluation.evaluate import Progress, Trial, run_trials
from lpg.evaluation.search_space import (
    TABLE,
    AgentKind,
    fields_of,
    is_valued,
    predicts_values,
    search_space,
    values_of,
)
from lpg.evaluation.sweeps import Sweep, SweepScorer
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.training_plan import backend_of
from lpg.packages import import_optional
from lpg.update_rules.base import Rule
from lpg.update_rules.proximal import step_limit_of

RunTrials = Callable[..., list[Curve]]
"""What trains the agents, see `run_trials`."""
AT_ONCE = 8
"""Configurations that are asked for together: those with equal static fields train in one compiled program."""


def tune(
    rule: Rule,
    sweeps: Sequence[Sweep],
    *,
    is_learned: bool,
    num_trials: int = 64,
    num_seeds: int = 3,
    config: TrainConfig | None = None,
    fixed: Collection[str] = (),
    num_actions: int | None = None,
    storage: Path | None = None,
    label: str = "rule",
    card: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    run: RunTrials = run_trials,
) -> dict[str, dict[str, Any]]:
    """Searches the best configuration for each sweep.

    Args:
        is_learned: which hyper-parameters there are, see `lpg.evaluation.search_space`.
        num_trials: configurations tried in each sweep, the default one first.
        num_seeds: agents per configuration and environment, the same ones for every configuration.
        config: the fields that are not searched; none: the middle of the rule's own meta-training, if that is known,
            else the defaults of the kind of agent.
        fixed: hyper-parameters that are not searched.
        storage: a file that keeps the studies; trials in it count. None: they are kept in memory.
        label: what the rule is called in the file.
        card: of the rule: how it is shown time limits, and its meta-training.
        run: trains the agents.

    Returns:
        For each sweep an entry of a tuning table: the configuration, its score (mean over environments and seeds of
        the mean over the learning curve, normalised where all environments have reference returns, see
        `is_normalised`), and all trials, best first.
    """
    studies = {sweep.name: _study(f"{label} on {sweep.name}", storage) for sweep in sweeps}
    spaces, bases, scorers = {}, {}, {}
    for sweep in sweeps:
        kind, valued, step_limit = sweep.kind, is_valued(rule), step_limit_of(rule)
        space = search_space(
            kind, is_learned=is_learned, is_valued=valued, step_limit=step_limit,
            predicts_values=predicts_values(rule, card or {}),
        )  # fmt: skip
        spaces[sweep.name] = {name: found for name, found in space.items() if name not in fixed}
        start = config or _start(kind, card or {}, is_learned=is_learned, is_valued=valued, step_limit=step_limit)
        bases[sweep.name] = start.for_rule(card or {})
        scorers[sweep.name] = SweepScorer(sweep, num_seeds, num_actions)
        if not studies[sweep.name].trials:
            studies[sweep.name].enqueue_trial(_within(bases[sweep.name], spaces[sweep.name]))
    while rooms := {s.name: room for s in sweeps if (room := num_trials - _done(studies[s.name])) > 0}:
        asked: list[tuple[Sweep, Any, TrainConfig]] = []
        for sweep in sweeps:
            for _ in range(min(AT_ONCE, rooms.get(sweep.name, 0))):
                trial = studies[sweep.name].ask(spaces[sweep.name])
                asked.append((sweep, trial, dataclasses.replace(bases[sweep.name], **fields_of(trial.params))))
        trials = [
            Trial(name, seed, one, one.num_updates(sweep.num_steps[name]), sweep.agent)
            for sweep, _, one in asked
            for name in sweep.environments
            for seed in range(num_seeds)
        ]
        curves = iter(run(rule, trials, "tuning", num_actions=num_actions, progress=progress))
        for sweep, trial, _ in asked:
            scorer = scorers[sweep.name]
            studies[sweep.name].tell(trial, scorer([next(curves) for _ in range(scorer.num_curves)]))
    return {
        sweep.name: _entry(sweep, studies[sweep.name], spaces[sweep.name], bases[sweep.name], scorers[sweep.name])
        for sweep in sweeps
    }


def confirm(
    rule: Rule,
    sweep: Sweep,
    entry: Mapping[str, Any],
    *,
    num_best: int = 4,
    num_seeds: int = 3,
    num_actions: int | None = None,
    run: RunTrials = run_trials,
) -> dict[str, Any]:
    """Tries the best configurations of a sweep again, with more agents or in longer trainings.

    Args:
        sweep: the environments, and the length of these trainings.
        entry: of a tuning table, for the same environments and agent.
        num_best: how many configurations are tried.
        num_seeds: as in `tune`.
        num_actions: as in `tune`.
        run: as in `tune`.

    Returns:
        An entry for this length; `confirms` is the number of updates of the sweep that its configurations are from.
    """
    columns, base = entry["sweep_columns"][:-1], TrainConfig.of_record(entry["setting"])
    configs = [
        dataclasses.replace(base, **fields_of(dict(zip(columns, row, strict=False))))
        for row in entry["sweep"][:num_best]
    ]
    trials = [
        Trial(name, seed, config, config.num_updates(sweep.num_steps[name]), sweep.agent)
        for config in configs
        for name in sweep.environments
        for seed in range(num_seeds)
    ]
    curves = iter(run(rule, trials, "tuning", num_actions=num_actions))
    scorer = SweepScorer(sweep, num_seeds, num_actions)
    scores = [scorer([next(curves) for _ in range(scorer.num_curves)]) for _ in configs]
    order = sorted(range(len(configs)), key=lambda i: -scores[i])
    return {
        **_record(sweep, configs[order[0]], scorer),
        "score": round(scores[order[0]], 4),
        "trials": len(configs),
        "sweep_columns": entry["sweep_columns"],
        "sweep": [[*entry["sweep"][i][:-1], round(scores[i], 4)] for i in order],
        "confirms": entry["updates"],
    }


def _study(name: str, storage: Path | None) -> Any:
    optuna = import_optional("optuna", "tuning")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        kept = None
        if storage is not None:
            storage.parent.mkdir(parents=True, exist_ok=True)
            kept = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(storage)))
        study = optuna.create_study(study_name=name, direction="maximize", storage=kept, load_if_exists=True)
        # Pending trials of other processes, and of the same batch, count as bad ones: no region is asked for twice.
        # The seed is the number of trials so far, or processes that share a study would begin with the same ones.
        study.sampler = optuna.samplers.TPESampler(
            seed=len(study.trials), multivariate=True, constant_liar=True, n_startup_trials=12
        )
        return study


def _done(study: Any) -> int:
    """Trials with a score. One that a killed process left behind has none."""
    optuna = import_optional("optuna", "tuning")
    return len(study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,)))


def _start(
    kind: AgentKind, card: Mapping[str, Any], *, is_learned: bool, is_valued: bool, step_limit: str | None
) -> TrainConfig:
    """What is tried first. Rates of a meta-training with the paper's step of tables do not fit the step by visits."""
    found = of_meta_training(card, kind)
    if found is None or (kind == TABLE and found.table_step == "samples"):
        return default_for(kind, is_learned=is_learned, is_valued=is_valued, step_limit=step_limit)
    return found


def _within(config: TrainConfig, space: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration's values in a search space; values outside are left to the sampler."""
    values = values_of(dataclasses.asdict(config), space)
    return {name: value for name, value in values.items() if _holds(space[name], value)}


def _holds(distribution: Any, value: Any) -> bool:
    choices = getattr(distribution, "choices", None)
    return distribution.low <= value <= distribution.high if choices is None else value in choices


def _entry(
    sweep: Sweep, study: Any, space: Mapping[str, Any], base: TrainConfig, scorer: SweepScorer
) -> dict[str, Any]:
    optuna = import_optional("optuna", "tuning")
    done = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    order = sorted(done, key=lambda trial: -trial.value)
    best = dataclasses.replace(base, **fields_of(order[0].params))
    return {
        **_record(sweep, best, scorer),
        "score": round(order[0].value, 4),
        "trials": len(done),
        "sweep_columns": [*space, "score"],
        "sweep": [[*(_short(trial.params[name]) for name in space), round(trial.value, 4)] for trial in order],
    }


def _record(sweep: Sweep, config: TrainConfig, scorer: SweepScorer) -> dict[str, Any]:
    own = {backend_of(name).default_agent for name in sweep.environments}
    return {
        "updates": config.num_updates(sweep.num_steps[sweep.environments[0]]),
        "setting": config.record(),
        "seeds": scorer.num_seeds,
        "is_normalised": scorer.is_normalised,
        **({} if sweep.agent is None or own == {sweep.agent} else {"agent": sweep.agent}),
        **({} if len(sweep.environments) == 1 else {"environments": list(sweep.environments)}),
    }


def _short(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value
