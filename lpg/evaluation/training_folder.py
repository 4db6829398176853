"""The folder of `lpg train --out`: checkpoints and trained agents.

    results.csv  final.csv  figures/  checkpoints/seed-0.safetensors  agents/seed-0.safetensors

A checkpoint holds what a training needs to resume; an agent's file holds what is needed to use the agent.
"""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax

from lpg.agents.outputs import Agent
from lpg.checks import checked_fields
from lpg.environments.names import stable
from lpg.evaluation.backend import Backend, GymnasiumOptions, TrainingPlan
from lpg.evaluation.chosen_config import ChosenConfig
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.training_plan import backend_of
from lpg.learner.gymnasium_environments import is_gymnasium
from lpg.learner.saving import read_card, read_tree, write_tree

CHECKPOINTS, AGENTS = "checkpoints", "agents"


@dataclasses.dataclass(frozen=True, kw_only=True)
class AgentCard:
    """What a trained agent is; stored in its file."""

    environment: str
    agent: str
    """Its name, see `lpg list agents`."""
    rule: str
    """What the rule is called in tables."""
    seed: int
    """With the environment's name it determines the environment parameters of the training."""
    prediction_size: int
    """Numbers that it predicts, a learned baseline included."""
    normalise_observations: bool = False
    """Whether it carries statistics by which it scales observations."""
    num_actions: int | None = None
    """Which version of a grid; none: the usual one."""
    sticky_actions: float = 0.0
    """Probability that an Atari game repeated the last action."""
    action_masks: bool = True
    """Whether it chose among the actions that `info["action_mask"]` allowed."""
    steps: int = 0
    """Environment steps of its training, all environments together."""

    def backend(self) -> Backend:
        """Of the agent's environment.

        Raises:
            ValueError: it does not exist any more.
        """
        if is_gymnasium(self.environment):
            options = GymnasiumOptions(sticky_actions=self.sticky_actions, action_masks=self.action_masks)
            return backend_of(self.environment, options=options)
        return backend_of(self.environment, self.num_actions)


def agent_card(plan: TrainingPlan, seed: int) -> AgentCard:
    """What the agent of a seed is after a training."""
    return AgentCard(
        environment=plan.environment,
        agent=plan.agent,
        rule=plan.rule.label,
        seed=seed,
        prediction_size=plan.rule.rule.prediction_size + plan.config.baseline,
        normalise_observations=plan.config.normalise_observations,
        num_actions=plan.backend.num_actions,
        sticky_actions=plan.backend.options.sticky_actions,
        action_masks=plan.backend.options.action_masks,
        steps=plan.steps_per_agent,
    )


def checkpoint_path(folder: Path, seed: int) -> Path:
    """The checkpoint of a seed."""
    return folder / CHECKPOINTS / f"seed-{seed}.safetensors"


def budgets_of(plan: TrainingPlan, seeds: Sequence[int], folder: Path | None) -> list[int]:
    """Agent updates after which a training was to end at first and whenever it went on; the last are the plan's.

    Args:
        folder: of the training that goes on; none: it begins.

    Raises:
        ValueError: the training in the folder has more updates than the plan.
    """
    cards = _checkpoint_cards(folder, seeds)
    found = max((card["budgets"] for card in cards), key=len, default=[])
    if found and plan.num_updates < found[-1]:
        per_update = plan.config.steps_per_update
        raise ValueError(
            f"{plan.steps_per_agent:,} steps asked for; the training in {folder} has {found[-1] * per_update:,}, and "
            "it can go on with more, not with fewer"
        )
    return found if found[-1:] == [plan.num_updates] else [*found, plan.num_updates]


def begun_as(folder: Path, seeds: Sequence[int], environment: str) -> tuple[ChosenConfig, int] | None:
    """Configuration and environment steps of the training that a folder holds; none if it holds none of these seeds
    and this environment."""
    for card in _checkpoint_cards(folder, seeds):
        if card["environment"] == stable(environment):
            config = TrainConfig(**checked_fields(TrainConfig, card["config"]))
            return ChosenConfig(config, card["source"], card["level"]), card["budgets"][-1] * config.steps_per_update
    return None


def _checkpoint_cards(folder: Path | None, seeds: Sequence[int]) -> list[dict[str, Any]]:
    """Cards of the checkpoints that are there.

    Raises:
        ValueError: one is damaged, or of an older version.
    """
    paths = [] if folder is None else [checkpoint_path(folder, seed) for seed in seeds]
    cards = {path: read_card(path) for path in paths if path.exists()}
    for path, card in cards.items():
        if missing := [name for name in ("budgets", "environment", "config", "source", "level") if name not in card]:
            raise ValueError(f"{path}: its card has no {missing[0]}; a checkpoint of this version of lpg is needed")
    return list(cards.values())


def check_free(folder: Path, *, resume: bool) -> None:
    """Whether a training may begin in this folder.

    Raises:
        ValueError: there is one already, and `resume` is not given.
    """
    for path in sorted((folder / CHECKPOINTS).glob("*.safetensors")):
        if not resume:
            raise ValueError(
                f"{path} exists; go on with that training by --resume (in Python resume=True), give another folder "
                "with --out, or remove it"
            )


def check_same(path: Path, card: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Whether a checkpoint belongs to the training that resumes from it.

    Args:
        path: of the checkpoint, for the error.
        card: of the checkpoint.
        wanted: values that its card must have.

    Raises:
        ValueError: a value differs. Fields of the configuration that an older version lacks have their defaults.
    """
    for name, value in json.loads(json.dumps(wanted)).items():
        before = card.get(name)
        if name == "config" and isinstance(before, dict):
            before = dataclasses.asdict(TrainConfig()) | before
        if before != value:
            if isinstance(before, dict) and isinstance(value, dict):  # say no more than what differs
                changed = [key for key in before | value if before.get(key) != value.get(key)]
                before, value = ({key: one.get(key) for key in changed} for one in (before, value))
            was = "" if name == "card" else f": {before!r} then, {value!r} now"
            raise ValueError(f"{path}: the checkpoint is of another training, its {name} differs{was}")


def write_agent(folder: Path, agent: Agent, card: AgentCard) -> Path:
    """Writes a trained agent atomically.

    Returns:
        Its file.

    Raises:
        OSError: nothing could be written.
    """
    path = folder / AGENTS / f"seed-{card.seed}.safetensors"
    write_tree(path, agent, dataclasses.asdict(card))
    return path


def trained_seeds(folder: Path) -> list[int]:
    """Seeds whose agents are in the folder, in ascending order."""
    found = (path.stem.removeprefix("seed-") for path in (folder / AGENTS).glob("seed-*.safetensors"))
    return sorted(int(text) for text in found if text.isdecimal())


def read_agent(folder: Path, seed: int, environment: str | None = None) -> tuple[Agent, AgentCard]:
    """The trained agent of a seed.

    Args:
        environment: what its environment is called now; none: as then.

    Returns:
        The agent, called with one observation, and its card.

    Raises:
        ValueError: there is none, its file is truncated or of another kind, or its environment does not exist any more.
    """
    path = folder / AGENTS / f"seed-{seed}.safetensors"
    if not path.is_file():
        seeds = ", ".join(map(str, trained_seeds(folder))) or "none"
        raise ValueError(f"{folder}: no trained agent of seed {seed} in it; seeds that are there: {seeds}")
    try:
        card = AgentCard(**read_card(path))
    except TypeError as error:
        raise ValueError(f"{path}: not a trained agent, its card does not fit ({error})") from error
    card = card if environment is None else dataclasses.replace(card, environment=environment)
    backend = card.backend()
    shape = {name: getattr(card, name) for name in ("agent", "prediction_size", "normalise_observations")}
    return read_tree(path, jax.eval_shape(lambda: backend.template(**shape)))[0], card
