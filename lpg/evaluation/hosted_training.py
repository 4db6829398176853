"""Training on environments that run on the host, `gymnasium/*` and `atari/*`: rows of the same results table."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import jax
import numpy as np

from lpg.evaluation.evaluate import Trial, rows_of
from lpg.evaluation.hosted_plan import HostedTask, make_learner
from lpg.evaluation.results import Row
from lpg.evaluation.tasks import run_keys
from lpg.evaluation.train_agents import Curve, stretch_ends
from lpg.evaluation.training_folder import (
    SECONDS_BETWEEN_CHECKPOINTS,
    AgentCard,
    check_same,
    checkpoint_path,
    write_agent,
)
from lpg.learner import loop
from lpg.learner.agent import Theta
from lpg.learner.collect import Collector
from lpg.learner.hosted import ATARI, make_environments
from lpg.learner.learner import Learner
from lpg.learner.saving import read_card, read_tree, write_tree

NUM_POINTS = 100


def train_seeds(
    task: HostedTask,
    seeds: Iterable[int],
    *,
    progress: Callable[[int], None] | None = None,
    out: Path | None = None,
    resume: bool = False,
) -> list[Row]:
    """Learning curves of one fresh agent for each seed, one after the other; arguments as in `train_hosted`."""
    learner = make_learner(task)
    curves = [train_hosted(task, seed, learner=learner, progress=progress, out=out, resume=resume)[0] for seed in seeds]
    return [row for curve in curves for row in curve]


def train_hosted(
    task: HostedTask,
    seed: int,
    *,
    learner: Learner | None = None,
    progress: Callable[[int], None] | None = None,
    out: Path | None = None,
    resume: bool = False,
) -> tuple[list[Row], Theta]:
    """Trains one fresh agent.

    Args:
        learner: of this task, so that several seeds share what is compiled; none: a new one.
        progress: called with the number of environment steps just done.
        out: a folder (see `lpg.evaluation.training_folder`) for a checkpoint, which is written every minute, at the end
            and when a signal stops the training, and for the trained agent.
        resume: go on from the checkpoint if it is there. The environments begin new episodes then, because emulators
            cannot be saved: a training that was interrupted is not the one that was not, bit for bit.

    Returns:
        The learning curve, and θ after the last update.

    Raises:
        ValueError: the checkpoint is of another training.
        RuntimeError: the agent diverged.
        OSError: the folder cannot be written.
    """
    checkpoint = None if out is None else checkpoint_path(out, seed)
    learner = learner or make_learner(task)
    key_environment, key_agent = (keys[0] for keys in run_keys(task.environment, [seed], "report"))
    key_init, key_actions, key_again = jax.random.split(key_agent, 3)
    ends = stretch_ends(task.num_updates, NUM_POINTS)
    state = loop.begin(learner, key_init, len(ends))
    if checkpoint is not None and resume and checkpoint.exists():
        state = _read(checkpoint, task, seed, state)
        # Other episodes than those that were played before the interruption.
        key_environment = jax.random.fold_in(key_again, state.num_updates)
    if state.num_updates < task.num_updates:
        environments = make_environments(
            task.environment, task.config.num_envs, sticky_actions=task.options.sticky_actions
        )
        try:
            collector = Collector(
                environments,
                name=task.environment,
                seed=int(jax.random.randint(key_environment, (), 0, 2**31 - 1)),
                time_limit_is_termination=bool(task.config.time_limit_is_termination),
                largest_reward=1.0 if task.environment.startswith(ATARI) else None,
            )
            saved = time.monotonic()
            states = loop.go_on(
                learner, collector, state, key_actions, ends,
                num_steps=task.config.num_steps, overlap=task.options.overlap,
            )  # fmt: skip
            for state in states:
                if progress is not None:
                    progress(task.config.steps_per_update)
                if checkpoint is not None and time.monotonic() - saved > SECONDS_BETWEEN_CHECKPOINTS:
                    _write(checkpoint, task, seed, state)
                    saved = time.monotonic()
        except (KeyboardInterrupt, SystemExit):
            # A signal: `state` is what the last whole update left.
            if checkpoint is not None:
                _write(checkpoint, task, seed, state)
            raise
        finally:
            environments.close()
        if checkpoint is not None:
            _write(checkpoint, task, seed, state)
    theta = learner.theta(state.learner)
    if out is not None:
        write_agent(out, theta, _card(task, seed))
    trial = Trial(task.environment, seed, task.config, task.num_updates)
    return rows_of(task.rule.label, [trial], [_curve(ends, state.totals)]), theta


def _card(task: HostedTask, seed: int) -> AgentCard:
    return AgentCard(
        environment=task.environment,
        agent=task.agent,
        rule=task.rule.label,
        seed=seed,
        prediction_size=task.rule.rule.prediction_size + task.config.baseline,
        sticky_actions=task.options.sticky_actions,
        steps=task.num_updates * task.config.steps_per_update,
    )


def _curve(ends: np.ndarray, totals: np.ndarray) -> Curve:
    """Means and standard errors from sums [P, 3]."""
    total, squares, count = totals.T
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(count > 0, total / count, np.nan)
        variance = np.maximum(squares - count * mean**2, 0) / (count - 1)
        stderr = np.where(count > 1, np.sqrt(variance / count), np.nan)
    return ends, mean, stderr, count.astype(int)


def _write(path: Path, task: HostedTask, seed: int, state: loop.LoopState) -> None:
    card = {**task.identity(seed), "done": state.num_updates, "totals": state.totals.tolist()}
    write_tree(path, state.learner, card)


def _read(path: Path, task: HostedTask, seed: int, template: loop.LoopState) -> loop.LoopState:
    card = read_card(path)
    check_same(path, card, task.identity(seed))
    learner, _ = read_tree(path, template.learner)
    return loop.LoopState(learner, int(card["done"]), np.asarray(card["totals"], float))
