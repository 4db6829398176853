"""How good agents are after their training, how many steps they needed, and how fast they were trained: final.csv."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lpg.evaluation.greedy import greedy_returns
from lpg.evaluation.log import numbers, training_name
from lpg.evaluation.results import Row, to_text
from lpg.evaluation.scores import steps_to_threshold
from lpg.evaluation.trainer import Trained
from lpg.files import write_atomic
from lpg.sinks import Sinks

GREEDY_EPISODES = 20
THRESHOLD = 0.9


@dataclasses.dataclass(frozen=True)
class Final:
    """One trained agent, a line of final.csv, in the order of its columns. NaN (an empty cell): unknown."""

    rule: str
    environment: str
    seed: int
    greedy_mean: float
    """Undiscounted return of the most probable actions, mean over episodes; see `lpg.evaluation.greedy`."""
    greedy_stderr: float
    """Its standard error over episodes; NaN for fewer than two."""
    episodes: int
    steps_to_threshold: float
    """Environment steps after which the smoothed learning curve first reaches the threshold; NaN: never."""
    seconds: float
    """Wall time of the training, compilation included; agents that are trained together share it equally."""
    steps_per_second: float
    """Environment steps of the training, all environments together, per second."""


COLUMNS = tuple(field.name for field in dataclasses.fields(Final))


def final_scores(
    trained: Sequence[Trained],
    reference_rows: Sequence[Row] = (),
    *,
    num_episodes: int = GREEDY_EPISODES,
    threshold: float = THRESHOLD,
    threshold_return: float | None = None,
) -> list[Final]:
    """Final scores of agents in the order in which they are given; the agents of a plan play together.

    Args:
        reference_rows: see `lpg.evaluation.evaluate.reference_rows`.
        num_episodes: greedy episodes of each agent; 0: none.
        threshold: normalised return to reach.
        threshold_return: return to reach in environments without reference returns.
    """
    rows = [*(row for one in trained for row in one.rows), *reference_rows]
    steps = steps_to_threshold(rows, threshold, threshold_return)
    of_plan: dict[tuple[str, str], list[Trained]] = {}
    for one in trained:
        of_plan.setdefault((one.plan.rule.label, one.plan.environment), []).append(one)
    found = {}
    for (rule, environment), members in of_plan.items():
        returns = np.zeros((len(members), 0))
        if num_episodes:
            agents, seeds = [one.agent for one in members], [one.seed for one in members]
            plan = members[0].plan
            returns = greedy_returns(plan.backend, plan.agent, agents, seeds, num_episodes)
        for one, own in zip(members, returns, strict=True):
            found[rule, environment, one.seed] = Final(
                rule=rule,
                environment=environment,
                seed=one.seed,
                greedy_mean=float(np.mean(own)) if len(own) else np.nan,
                greedy_stderr=float(np.std(own, ddof=1) / np.sqrt(len(own))) if len(own) > 1 else np.nan,
                episodes=len(own),
                steps_to_threshold=steps[rule, environment, one.seed],
                seconds=one.seconds,
                steps_per_second=one.num_steps / max(one.seconds, 1e-9),
            )
    return [found[one.plan.rule.label, one.plan.environment, one.seed] for one in trained]


def write(path: str | Path, finals: Sequence[Final]) -> None:
    """Writes final.csv, whole or not at all. An older file is replaced, because seconds are never the same.

    Raises:
        OSError: nothing could be written.
    """
    write_atomic(Path(path), to_text(finals, COLUMNS).encode())


def log(sinks: Sinks, finals: Sequence[Final], rows: Sequence[Row]) -> None:
    """Hands final scores to sinks, at the last step of each training.

    Args:
        rows: learning curves of the same trainings.
    """
    last = {training_name(row.rule, row.environment, row.seed): row.steps for row in rows}
    for one in finals:
        name = training_name(one.rule, one.environment, one.seed)
        sinks.row(last[name], {f"final/{column}": value for column, value in numbers(one).items()}, name)
