"""Trains agents by a plan: progress, checkpoints, agents' files and rows of results, whatever the backend."""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import jax
import numpy as np

from lpg.agents.outputs import Agent
from lpg.evaluation.backend import Batch, BatchState, TrainingPlan
from lpg.evaluation.curves import Totals, continued_ends, curves_from_totals
from lpg.evaluation.evaluate import Trial, rows_of, train_trials
from lpg.evaluation.finite import FiniteCheck, NotFiniteError
from lpg.evaluation.jax_backend import JaxBackend
from lpg.evaluation.log import log_rows
from lpg.evaluation.rejax_backend import RejaxBackend
from lpg.evaluation.results import Row
from lpg.evaluation.training_folder import agent_card, budgets_of, check_same, checkpoint_path, write_agent
from lpg.learner.saving import read_card, read_tree, write_tree
from lpg.sinks import Sinks

NUM_POINTS = 100
"""At most so many points on each learning curve."""
SECONDS_BETWEEN_CHECKPOINTS = 60.0

Progress = Callable[[int], None]


def train_plan(
    plan: TrainingPlan,
    seeds: Sequence[int],
    *,
    progress: Progress | None = None,
    out: Path | None = None,
    resume: bool = False,
    sinks: Sinks | None = None,
) -> tuple[list[Row], list[Agent]]:
    """Trains one fresh agent for each seed.

    Args:
        progress: called with the number of environment steps just done.
        out: a folder (see `lpg.evaluation.training_folder`) for checkpoints, which are written every minute, at the end
            and when a signal stops the training, and for the trained agents.
        resume: go on from the checkpoints that are there. Environments in JAX go on bit for bit; Gymnasium's begin new
            episodes. A plan with more updates than the training had goes on beyond its end; the schedule of the
            learning rate is then that of a training of the new length.
        sinks: get each point of the learning curves when it is reached; those from before a resumption, not again.

    Returns:
        The learning curves, and the agent of each seed after the last update.

    Raises:
        ValueError: a checkpoint is of another training.
        RuntimeError: an agent diverged, or the environment failed.
        OSError: the folder cannot be written.
    """
    if out is not None and isinstance(plan.backend, RejaxBackend):
        raise ValueError(
            f"out is {out}; agents of {plan.rule.label} are not saved; lpg evaluate --out writes their learning curves"
        )
    budgets = budgets_of(plan, seeds, out if resume else None)
    ends = continued_ends(budgets, NUM_POINTS)
    rows: list[Row] = []
    agents: list[Agent] = []
    for batch in plan.backend.batches(plan, seeds, ends):
        checkpoint = None if out is None else _Checkpoint(out, plan, batch, budgets)
        state = _train(plan, batch, ends, progress, checkpoint, sinks, resume=resume)
        rows += _rows(plan, batch, ends, state.totals)
        trained = batch.agents(state.tree)
        if out is not None:
            for seed, agent in zip(batch.seeds, trained, strict=True):
                write_agent(out, agent, agent_card(plan, seed))
        agents += trained
    return rows, agents


@dataclasses.dataclass(frozen=True)
class Trained:
    """One agent's training, after it."""

    plan: TrainingPlan
    seed: int
    rows: list[Row]
    """Its learning curve."""
    agent: Agent
    num_steps: int
    """Environment steps that were done now and not before an interruption, all environments together."""
    seconds: float
    """Wall time of them, compilation included; agents that are trained together share it equally."""


def train_plans(
    plans: Sequence[TrainingPlan], seeds: Sequence[int], *, progress: Progress | None = None
) -> list[Trained]:
    """Trains a rule's agents in several environments.

    Those in JAX that have the same array shapes train together, so that no program is compiled twice.

    Args:
        plans: of one rule, each of another environment.
        progress: called with the number of environment steps just done.

    Returns:
        Trained agents, environment by environment and seed by seed.
    """
    found: dict[tuple[str, int], Trained] = {}
    together = [plan for plan in plans if type(plan.backend) is JaxBackend]
    pairs = [(plan, seed) for plan in together for seed in seeds]
    if together:
        trials = [Trial(plan.environment, seed, plan.config, plan.num_updates, plan.agent) for plan, seed in pairs]
        one = together[0]
        results = train_trials(
            one.rule.rule, trials, "report", num_actions=one.backend.num_actions, progress=progress
        )  # fmt: skip
        for (plan, seed), trial, result in zip(pairs, trials, results, strict=True):
            rows = rows_of(plan.rule.label, [trial], [result.curve])
            assert result.agent is not None
            found[plan.environment, seed] = Trained(
                plan, seed, rows, result.agent, plan.steps_per_agent, result.seconds
            )  # fmt: skip
    for plan in plans:
        if type(plan.backend) is not JaxBackend:
            began = time.monotonic()
            all_rows, agents = train_plan(plan, seeds, progress=progress)
            trained = trained_of(plan, seeds, all_rows, agents, plan.steps_per_agent, time.monotonic() - began)
            found.update({(plan.environment, one.seed): one for one in trained})
    return [found[plan.environment, seed] for plan in plans for seed in seeds]


def trained_of(
    plan: TrainingPlan,
    seeds: Sequence[int],
    rows: Sequence[Row],
    agents: Sequence[Agent],
    num_steps: int,
    seconds: float,
) -> list[Trained]:
    """What `train_plan` returned, seed by seed.

    Args:
        num_steps: environment steps of each agent that were done now.
        seconds: of all agents together.
    """
    return [
        Trained(plan, seed, [row for row in rows if row.seed == seed], agent, num_steps, seconds / len(seeds))
        for seed, agent in zip(seeds, agents, strict=True)
    ]


def evaluate_plans(
    plans: Sequence[TrainingPlan], seeds: Sequence[int], *, progress: Progress | None = None
) -> list[Row]:
    """The learning curves of `train_plans`."""
    return [row for one in train_plans(plans, seeds, progress=progress) for row in one.rows]


def steps_done(plan: TrainingPlan, seeds: Sequence[int], folder: Path) -> int:
    """Environment steps that are in a folder's checkpoints already, all seeds together."""
    cards = [read_card(path) for path in (checkpoint_path(folder, seed) for seed in seeds) if path.exists()]
    updates = sum(int(card.get("done", 0)) * len(card.get("seeds", [])) for card in cards)
    return updates * plan.config.steps_per_update


def _rows(plan: TrainingPlan, batch: Batch, ends: np.ndarray, totals: Sequence[Totals]) -> list[Row]:
    """Points of the learning curves of a batch."""
    curves = curves_from_totals(ends, totals)
    trials = [Trial(plan.environment, seed, plan.config, plan.num_updates) for seed in batch.seeds]
    return rows_of(plan.rule.label, trials, [curves.of(row) for row in range(len(trials))])


def _train(
    plan: TrainingPlan,
    batch: Batch,
    ends: np.ndarray,
    progress: Progress | None,
    checkpoint: "_Checkpoint | None",
    sinks: Sinks | None,
    *,
    resume: bool,
) -> BatchState:
    state = batch.init()
    if checkpoint is not None and resume:
        state = checkpoint.read(state)
    done, check = state.num_updates, None
    # Closed immediately after a signal, so that emulators end.
    with contextlib.closing(batch.advance(state)) as states:
        try:
            for state in states:
                # Asked one point late, so that the devices do not wait for the host.
                if check is not None:
                    check.raise_if_not(plan.environment)
                check = FiniteCheck(state) if state.num_updates in ends else None
                if progress is not None:
                    progress((state.num_updates - done) * len(batch.seeds) * plan.config.steps_per_update)
                if sinks is not None and not sinks.is_empty:  # who listens waits for the device at every point
                    # Points that ended since the state before.
                    new = slice(*np.searchsorted(ends, [done, state.num_updates], side="right"))
                    if new.start < new.stop:
                        log_rows(sinks, _rows(plan, batch, ends[new], state.totals[new]))
                done = state.num_updates
                if checkpoint is not None:
                    checkpoint.write(state, at_once=False)
        except NotFiniteError:
            raise  # the last checkpoint stays
        except (KeyboardInterrupt, SystemExit, Exception) as error:
            # A signal, or the user's environment failed. If the arrays were just donated to the next step, the last
            # checkpoint stays.
            is_whole = not any(leaf.is_deleted() for leaf in jax.tree.leaves(state.tree))
            has_begun = not isinstance(error, Exception) or state.num_updates > 0
            if checkpoint is not None and is_whole and has_begun:
                checkpoint.write(state, at_once=True)
            raise
    if check is not None:
        check.raise_if_not(plan.environment)
    if checkpoint is not None:
        checkpoint.write(state, at_once=True)
    return state


class _Checkpoint:
    """The file of one batch of seeds; the first seed names it."""

    def __init__(self, folder: Path, plan: TrainingPlan, batch: Batch, budgets: list[int]) -> None:
        self._path = checkpoint_path(folder, batch.seeds[0])
        self._identity = plan.identity(batch)
        self._rest = {"source": plan.chosen.source, "level": plan.chosen.level, "budgets": budgets}
        self._saved = time.monotonic()

    def read(self, state: BatchState) -> BatchState:
        """What the batch has reached; the state itself if there is no file.

        Raises:
            ValueError: the file is truncated or of another training.
        """
        if not self._path.exists():
            return state
        card = read_card(self._path)
        check_same(self._path, card, self._identity)
        earlier = card["budgets"]
        check_same(self._path, {"budgets": earlier}, {"budgets": self._rest["budgets"][: len(earlier)]})
        totals = [tuple(np.asarray(column) for column in point) for point in card["totals"]]
        return BatchState(read_tree(self._path, state.tree)[0], int(card["done"]), totals)  # type: ignore[arg-type]

    def write(self, state: BatchState, *, at_once: bool) -> None:
        """Writes it, at once or if the last time is a minute ago.

        Raises:
            OSError: nothing could be written; an older file is kept.
        """
        if not at_once and time.monotonic() - self._saved < SECONDS_BETWEEN_CHECKPOINTS:
            return
        totals = [[np.asarray(column).tolist() for column in point] for point in state.totals]
        progress = {"done": state.num_updates, "totals": totals}
        write_tree(self._path, state.tree, {**self._identity, **self._rest, **progress})
        self._saved = time.monotonic()
