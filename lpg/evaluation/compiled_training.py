"""Training on environments written in JAX, all seeds in one compiled program: rows of results, agents, files."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lpg.agents.outputs import Agent
from lpg.agents.rollout import RolloutInfo
from lpg.environments.registry import env_spec
from lpg.evaluation.evaluate import Trial, rows_of, runs_of
from lpg.evaluation.results import Row
from lpg.evaluation.train_agents import RunState, train_agents
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.training_folder import (
    SECONDS_BETWEEN_CHECKPOINTS,
    AgentCard,
    check_same,
    checkpoint_path,
    write_agent,
)
from lpg.learner.saving import read_card, read_tree, write_tree
from lpg.update_rules.registry import NamedRule

NUM_POINTS = 100


@dataclasses.dataclass(frozen=True, kw_only=True)
class CompiledTask:
    """One rule on one environment, before anything happens."""

    rule: NamedRule
    environment: str
    agent: str
    num_updates: int
    config: TrainConfig
    num_actions: int | None = None
    """Which version of a grid; none: the usual one."""

    def identity(self, seeds: Sequence[int], num_rows: int) -> dict[str, Any]:
        """What a checkpoint of these seeds must have in common with a training that goes on from it."""
        return {
            "rule": self.rule.label,
            "card": self.rule.card,
            "environment": self.environment,
            "agent": self.agent,
            "num_updates": self.num_updates,
            "config": dataclasses.asdict(self.config),
            "num_actions": self.num_actions,
            "seeds": list(seeds),
            # So many together fit this machine's devices.
            "num_rows": num_rows,
        }


def train_compiled(
    task: CompiledTask,
    seeds: Sequence[int],
    *,
    progress: Callable[[int], None] | None = None,
    out: Path | None = None,
    resume: bool = False,
) -> tuple[list[Row], list[Agent]]:
    """Trains one fresh agent for each seed.

    Args:
        progress: called with the number of environment steps just done.
        out: a folder (see `lpg.evaluation.training_folder`) for checkpoints, which are written every minute, at the end
            and when a signal stops the training, and for the trained agents.
        resume: go on from the checkpoints that are there.

    Returns:
        The learning curves, and θ of each seed after the last update.

    Raises:
        ValueError: a checkpoint is of another training.
        OSError: the folder cannot be written.
    """
    trials = [Trial(task.environment, seed, task.config, task.num_updates) for seed in seeds]
    curves, agents = train_agents(
        task.rule.rule,
        env_spec(task.environment).distribution.env,
        runs_of(trials, "report", task.num_actions),
        task.num_updates,
        config=task.config,
        agent=task.agent,
        num_points=NUM_POINTS,
        progress=progress,
        keep_agents=True,
        checkpoints=None if out is None else FolderCheckpoints(out, task, seeds, resume=resume),
    )
    if out is not None:
        for seed, theta in zip(seeds, agents, strict=True):
            write_agent(out, theta, _card(task, seed))
    return rows_of(task.rule.label, trials, [curves.of(row) for row in range(len(trials))]), agents


class FolderCheckpoints:
    """One file for each batch of seeds, called by the first of them."""

    def __init__(self, folder: Path, task: CompiledTask, seeds: Sequence[int], *, resume: bool) -> None:
        """Nothing is read or written yet."""
        self._folder, self._task, self._seeds, self._resume = folder, task, seeds, resume
        self._saved = time.monotonic()
        self._num_rows = 0

    def read(self, first: int, num_rows: int, state: RunState) -> tuple[RunState, list[RolloutInfo]]:
        """What the batch has reached, see `lpg.evaluation.train_agents.Checkpoints`.

        Raises:
            ValueError: the file is torn or of another training.
        """
        self._num_rows, path = num_rows, checkpoint_path(self._folder, self._seeds[first])
        if not (self._resume and path.exists()):
            return state, []
        card = read_card(path)
        check_same(path, card, self._identity(first))
        return read_tree(path, state)[0], [_info(sums) for sums in card["totals"]]

    def write(self, first: int, state: RunState, infos: Sequence[RolloutInfo], *, at_once: bool) -> None:
        """Writes it, at once or if the last time is a minute ago.

        Raises:
            OSError: nothing could be written; an older file is kept.
        """
        if not at_once and time.monotonic() - self._saved < SECONDS_BETWEEN_CHECKPOINTS:
            return
        totals = [[np.asarray(column).tolist() for column in jax.tree.leaves(info)] for info in infos]
        card = {**self._identity(first), "totals": totals}
        write_tree(checkpoint_path(self._folder, self._seeds[first]), state, card)
        self._saved = time.monotonic()

    def _identity(self, first: int) -> dict[str, Any]:
        return self._task.identity(self._seeds[first : first + self._num_rows], self._num_rows)


def steps_done(task: CompiledTask, seeds: Sequence[int], folder: Path) -> int:
    """Environment steps that are in a folder's checkpoints already, all seeds together."""
    total = 0
    for path in (checkpoint_path(folder, seed) for seed in seeds):
        if path.exists():
            card = read_card(path)
            share = len(card.get("totals", [])) / min(NUM_POINTS, task.num_updates)
            total += round(share * task.num_updates) * len(card.get("seeds", [])) * task.config.steps_per_update
    return total


def _info(sums: list) -> RolloutInfo:
    """What finished in one stretch, [rows] each, from the card."""
    empty = RolloutInfo(return_sum=jnp.zeros(()), return_square_sum=jnp.zeros(()), num_episodes=jnp.zeros((), int))
    return jax.tree.unflatten(jax.tree.structure(empty), [np.asarray(column) for column in sums])


def _card(task: CompiledTask, seed: int) -> AgentCard:
    return AgentCard(
        environment=task.environment,
        agent=task.agent,
        rule=task.rule.label,
        seed=seed,
        prediction_size=task.rule.rule.prediction_size + task.config.baseline,
        num_actions=task.num_actions,
        steps=task.num_updates * task.config.steps_per_update,
    )
