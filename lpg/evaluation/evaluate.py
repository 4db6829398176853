"""Trains agents with one rule on many environments and seeds; rows of the results table."""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence

import jax.numpy as jnp
import numpy as np

from lpg.agents.defaults import default_agent
from lpg.agents.outputs import Agent
from lpg.arrays import concatenate
from lpg.environments.registry import env_spec
from lpg.evaluation.curves import Curve
from lpg.evaluation.results import BEST_KNOWN, HUMAN, OPTIMUM, RANDOM, Row
from lpg.evaluation.scores import RuleScores, scores
from lpg.evaluation.tasks import reference, run_keys, sample_env_params
from lpg.evaluation.train_agents import Run, train_agents
from lpg.evaluation.train_config import TrainConfig
from lpg.keys import Purpose
from lpg.update_rules.base import Rule

Progress = Callable[[int], None]


@dataclasses.dataclass(frozen=True)
class Trial:
    """One agent's training, before it happens."""

    environment: str
    seed: int
    config: TrainConfig
    num_updates: int
    agent: str | None = None
    """Which agent learns; none: the environment's own."""


@dataclasses.dataclass(frozen=True)
class TrialResult:
    """One agent's training, after it."""

    curve: Curve
    agent: Agent | None
    """The trained agent; none unless it was to be kept."""
    seconds: float
    """Wall time, compilation included; agents that are trained by one program share it equally."""


def train_trials(
    rule: Rule,
    trials: Sequence[Trial],
    purpose: Purpose,
    *,
    num_actions: int | None = None,
    num_points: int = 50,
    progress: Progress | None = None,
    keep_agents: bool = True,
) -> list[TrialResult]:
    """Trains an agent for each trial.

    Trials whose environments have the same array shapes run in one compiled program, if agent, length and the static
    fields of their configs are the same, too; see `TrainConfig.static`.

    Returns:
        A result for each trial, in their order.
    """
    groups: dict[tuple, list[int]] = {}
    for index, trial in enumerate(trials):
        env = env_spec(trial.environment).distribution.env
        agent = trial.agent or default_agent(trial.environment, env).agent
        groups.setdefault((env, agent, trial.config.static, trial.num_updates), []).append(index)
    found: dict[int, TrialResult] = {}
    for (env, agent, static, num_updates), members in groups.items():
        began = time.monotonic()
        order = sorted(members, key=lambda i: trials[i].environment)  # drawn environment by environment
        runs = runs_of([trials[i] for i in order], purpose, num_actions)
        curves, agents = train_agents(
            rule, env, runs, num_updates, config=static, agent=agent, num_points=num_points, progress=progress,
            keep_agents=keep_agents,
        )  # fmt: skip
        seconds = (time.monotonic() - began) / len(order)
        for row, index in enumerate(order):
            found[index] = TrialResult(curves.of(row), agents[row] if keep_agents else None, seconds)
    return [found[index] for index in range(len(trials))]


def run_trials(
    rule: Rule,
    trials: Sequence[Trial],
    purpose: Purpose,
    *,
    num_actions: int | None = None,
    num_points: int = 50,
    progress: Progress | None = None,
) -> list[Curve]:
    """The learning curves of `train_trials`, in the order of the trials."""
    found = train_trials(
        rule, trials, purpose,
        num_actions=num_actions, num_points=num_points, progress=progress, keep_agents=False,
    )  # fmt: skip
    return [one.curve for one in found]


def evaluate_rule(
    rule: Rule,
    label: str,
    environments: Sequence[str],
    seeds: int | Sequence[int],
    updates: int | Mapping[str, int],
    purpose: Purpose,
    config: TrainConfig | Mapping[str, TrainConfig],
    *,
    agent: str | None = None,
    num_actions: int | None = None,
    num_points: int = 50,
    progress: Progress | None = None,
) -> list[Row]:
    """Fresh agents under one frozen rule, as rows of the results table; nothing is compiled twice in a process.

    Args:
        label: what the rule is called in the rows.
        seeds: how many (0, 1, …), or which.
        updates: agent updates, for all or by environment.
        purpose: which stream of keys, see `lpg.keys`.
        config: how agents are trained, for all or by environment.
        agent: which agents learn; none: each environment's own.
        num_actions: which version of the grids; none: 18.
        progress: called with the number of environment steps just done.
    """
    seeds = range(seeds) if isinstance(seeds, int) else seeds
    trials = []
    for name in environments:
        num_updates = updates if isinstance(updates, int) else updates[name]
        own = config if isinstance(config, TrainConfig) else config[name]
        trials += [Trial(name, seed, own, num_updates, agent) for seed in seeds]
    curves = run_trials(rule, trials, purpose, num_actions=num_actions, num_points=num_points, progress=progress)
    return rows_of(label, trials, curves)


def rows_of(label: str, trials: Sequence[Trial], curves: Sequence[Curve]) -> list[Row]:
    """Rows of the results table from learning curves."""
    return [
        Row(
            label,
            t.environment,
            t.seed,
            int(at),
            int(at) * t.config.steps_per_update,
            float(mean),
            float(error),
            int(n),
        )  # fmt: skip
        for t, curve in zip(trials, curves, strict=True)
        for at, mean, error, n in zip(*curve, strict=True)
    ]


def reference_rows(
    environments: Sequence[str], seeds: int | Sequence[int], purpose: Purpose, num_actions: int | None = None
) -> list[Row]:
    """Rows of the random policy and of the optimum, the best known or a person, for environments that have them."""
    seeds = range(seeds) if isinstance(seeds, int) else seeds
    rows = []
    for name in environments:
        for seed in seeds:
            found = reference(name, seed, purpose, num_actions)
            if found is not None:
                best = OPTIMUM if found.is_optimum else HUMAN if found.is_human else BEST_KNOWN
                rows += [Row(RANDOM, name, seed, 0, 0, found.random, found.random_stderr or float("nan"), 0),
                         Row(best, name, seed, 0, 0, found.best, found.best_stderr or float("nan"), 0)]  # fmt: skip
    return rows


def score_rule(
    rule: Rule,
    label: str,
    environments: Sequence[str],
    seeds: int | Sequence[int],
    updates: int | Mapping[str, int],
    purpose: Purpose,
    config: TrainConfig | Mapping[str, TrainConfig],
    **options: object,
) -> tuple[list[Row], RuleScores]:
    """`evaluate_rule`, and the scores of what came out; arguments as there."""
    rows = evaluate_rule(rule, label, environments, seeds, updates, purpose, config, **options)  # type: ignore[arg-type]
    reference_returns = reference_rows(environments, seeds, purpose, options.get("num_actions"))  # type: ignore[arg-type]
    return rows, scores([*rows, *reference_returns])[label]


def runs_of(trials: Sequence[Trial], purpose: Purpose, num_actions: int | None) -> Run:
    """What the trials need, on a leading axis; equal environments must stand together."""
    names = list(dict.fromkeys(trial.environment for trial in trials))
    seeds = {name: [trial.seed for trial in trials if trial.environment == name] for name in names}
    # Trials may share a seed.
    distinct = {name: sorted(set(seeds[name])) for name in names}
    place = {name: np.searchsorted(distinct[name], seeds[name]) for name in names}
    keys = {name: run_keys(name, distinct[name], purpose)[1] for name in names}
    return Run(
        env_params=concatenate([sample_env_params(name, seeds[name], purpose, num_actions) for name in names]),
        key=jnp.concatenate([keys[n][place[n]] for n in names]),
        hyper=TrainConfig.stack([trial.config for trial in trials]),
        step_size=TrainConfig.stack_step_sizes([trial.config for trial in trials]),
        initial_value=jnp.asarray([float(trial.config.initial_value) for trial in trials]),
    )
