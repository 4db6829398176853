"""One rule on many environments and seeds → rows of the results table; and whole tables."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from lpg.agents.defaults import default_agent
from lpg.environments.registry import env_spec
from lpg.evaluation.results import BEST_KNOWN, HUMAN, OPTIMUM, RANDOM, Row
from lpg.evaluation.scores import RuleScores, scores
from lpg.evaluation.settings import Setting, chosen
from lpg.evaluation.tasks import reference, run_keys, sample_env_params
from lpg.evaluation.train_agents import Curve, Run, TrainingSizes, stack, train_agents
from lpg.keys import Purpose
from lpg.update_rules.base import Rule

Progress = Callable[[int], None]


@dataclasses.dataclass(frozen=True)
class Trial:
    """One agent's training, before it happens."""

    environment: str
    seed: int
    setting: Setting
    num_updates: int
    agent: str | None = None
    """Which agent learns; none: the environment's own."""


def default_updates(name: str, scale: float = 1.0, sizes: TrainingSizes | None = None) -> int:
    """Agent updates in an environment's own budget of steps (Table 3 of the paper), times a scale; at least one."""
    sizes = sizes or TrainingSizes()
    return max(1, round(env_spec(name).lifetime_steps * scale / sizes.steps_per_update))


def run_trials(
    rule: Rule,
    trials: Sequence[Trial],
    purpose: Purpose,
    *,
    sizes: TrainingSizes | None = None,
    num_actions: int | None = None,
    num_points: int = 50,
    progress: Progress | None = None,
) -> list[Curve]:
    """Trains an agent for each trial; those of one shape, agent, baseline and length run in one compiled program.

    Returns:
        A learning curve for each trial, in their order.
    """
    sizes = sizes or TrainingSizes()
    groups: dict[tuple, list[int]] = {}
    for index, trial in enumerate(trials):
        env = env_spec(trial.environment).distribution.env
        agent = trial.agent or default_agent(trial.environment, env).agent
        groups.setdefault((env, agent, trial.setting.baseline, trial.num_updates), []).append(index)
    found: dict[int, Curve] = {}
    for (env, agent, baseline, num_updates), members in groups.items():
        order = sorted(members, key=lambda i: trials[i].environment)  # instances are drawn environment by environment
        runs = runs_of([trials[i] for i in order], purpose, num_actions)
        curves, _ = train_agents(
            rule, env, runs, num_updates, sizes=sizes, agent=agent, baseline=baseline, num_points=num_points,
            progress=progress,
        )  # fmt: skip
        for row, index in enumerate(order):
            found[index] = curves.of(row)
    return [found[index] for index in range(len(trials))]


def evaluate_rule(
    rule: Rule,
    label: str,
    environments: Sequence[str],
    seeds: int | Sequence[int],
    updates: int | Mapping[str, int] | None = None,
    purpose: Purpose = "validation",
    hyper: Setting | Mapping[str, Setting] | None = None,
    *,
    sizes: TrainingSizes | None = None,
    agent: str | None = None,
    num_actions: int | None = None,
    num_points: int = 50,
    progress: Progress | None = None,
) -> list[Row]:
    """Fresh agents under one frozen rule, as rows of the results table; nothing is compiled twice in a process.

    Args:
        label: what the rule is called in the rows.
        seeds: how many (0, 1, …), or which.
        updates: agent updates, for all or by environment; none: each environment's own budget.
        purpose: the environment of keys, see `lpg.keys`.
        hyper: agent hyper-parameters, for all or by environment; none: what `chosen` says for the rule.
        agent: which agents learn; none: each environment's own.
        num_actions: which version of the grids; none: 18.
        progress: called with the number of environment steps just done.
    """
    sizes = sizes or TrainingSizes()
    seeds = range(seeds) if isinstance(seeds, int) else seeds
    trials = []
    for name in environments:
        count = updates if isinstance(updates, int) else (updates or {}).get(name, default_updates(name, sizes=sizes))
        setting = hyper if isinstance(hyper, Setting) else (hyper or {}).get(name)
        if setting is None:
            setting = chosen(label, name, count, is_learned=bool(jax.tree.leaves(rule)), agent=agent).setting
        trials += [Trial(name, seed, setting, count, agent) for seed in seeds]
    curves = run_trials(
        rule, trials, purpose, sizes=sizes, num_actions=num_actions, num_points=num_points, progress=progress
    )
    return rows_of(label, trials, curves, sizes)


def rows_of(label: str, trials: Sequence[Trial], curves: Sequence[Curve], sizes: TrainingSizes) -> list[Row]:
    """Rows of the results table from learning curves."""
    return [
        Row(label, t.environment, t.seed, int(at), int(at) * sizes.steps_per_update, float(mean), float(error), int(n))
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
    updates: int | Mapping[str, int] | None = None,
    purpose: Purpose = "validation",
    hyper: Setting | Mapping[str, Setting] | None = None,
    **options: object,
) -> tuple[list[Row], RuleScores]:
    """`evaluate_rule`, and the scores of what came out; arguments as there."""
    rows = evaluate_rule(rule, label, environments, seeds, updates, purpose, hyper, **options)  # type: ignore[arg-type]
    reference_returns = reference_rows(environments, seeds, purpose, options.get("num_actions"))  # type: ignore[arg-type]
    return rows, scores([*rows, *reference_returns])[label]


def runs_of(trials: Sequence[Trial], purpose: Purpose, num_actions: int | None) -> Run:
    """What the trials need, on a leading axis; equal environments must stand together."""
    names = list(dict.fromkeys(trial.environment for trial in trials))
    seeds = {name: [trial.seed for trial in trials if trial.environment == name] for name in names}
    # Many trials share a seed; each instance is drawn once.
    distinct = {name: sorted(set(seeds[name])) for name in names}
    place = {name: np.searchsorted(distinct[name], seeds[name]) for name in names}
    drawn = {name: sample_env_params(name, distinct[name], purpose, num_actions) for name in names}
    keys = {name: run_keys(name, distinct[name], purpose)[1] for name in names}
    settings = [trial.setting for trial in trials]
    table = Setting.table(settings)
    return Run(
        env_params=stack([jax.tree.map(lambda x, n=n: x[place[n]], drawn[n]) for n in names]),
        key=jnp.concatenate([keys[n][place[n]] for n in names]),
        hyper=table,
    )
