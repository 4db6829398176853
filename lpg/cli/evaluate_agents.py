"""`lpg evaluate RUN`: the trained agents of a folder play episodes."""

import json
from pathlib import Path

import numpy as np

from lpg.evaluation.greedy import greedy_returns
from lpg.evaluation.results import OPTIMUM, RANDOM
from lpg.evaluation.tasks import reference
from lpg.evaluation.training_folder import read_agent, trained_seeds
from lpg.files import write_atomic


def evaluate_agents(folder: Path, *, episodes: int, json_file: Path | None) -> None:
    """Plays episodes by the most probable actions, and prints each agent's mean return.

    Args:
        folder: left by `lpg train --out`.
        episodes: for each agent.
        json_file: for programs.

    Raises:
        ValueError: there is no trained agent in the folder, or episodes is not positive.
        OSError: the file cannot be written.
    """
    if not trained_seeds(folder):
        raise ValueError(
            f"{folder}: no trained agent in it, agents/seed-0.safetensors say, which `lpg train --out` writes; rules "
            "are compared with --rule and --suite"
        )
    if episodes < 1:
        raise ValueError(f"--greedy-episodes is {episodes}; it must be positive")
    agents, cards = zip(*(read_agent(folder, seed) for seed in trained_seeds(folder)), strict=True)
    seeds, one = [card.seed for card in cards], cards[0]
    returns = greedy_returns(one.backend(), one.agent, agents, seeds, episodes)
    found = [
        {"seed": seed, "steps": card.steps, "mean": float(np.mean(own)), "stderr": _error(own), "episodes": episodes}
        for seed, card, own in zip(seeds, cards, returns, strict=True)
    ]
    content = {"environment": one.environment, "rule": one.rule, "agents": found}
    if json_file is not None:
        write_atomic(json_file, (json.dumps(content, indent=1) + "\n").encode())
    print(f"{one.environment}, rule {one.rule}, agent {one.agent}: returns of {episodes} episodes of each agent, with")
    print("its most probable actions")
    for line in found:
        error = "" if line["stderr"] is None else f" ± {line['stderr']:.4g}"
        print(f"  seed {line['seed']}, trained for {line['steps']:,} steps: {line['mean']:.4g}{error}")
    if len(found) > 1:
        means = returns.mean(axis=1)
        print(f"  all agents: {means.mean():.4g} ± {_error(means):.4g}")
    if (known := reference(one.environment, one.seed, "report", one.num_actions)) is not None:
        best = OPTIMUM if known.is_optimum else "best known"
        print(f"  {RANDOM} {known.random:.4g}, {best} {known.best:.4g}")


def _error(values: np.ndarray) -> float | None:
    """Standard error of the mean; none for one value."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
