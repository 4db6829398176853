"""`lpg show` of a folder of `lpg train`: an episode of the trained agent as an animated GIF."""

from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np

from lpg.cli.progress import StepProgress
from lpg.environments import video
from lpg.evaluation import results
from lpg.evaluation.replay import Replay, replay
from lpg.evaluation.training_folder import read_agent, trained_seeds

MOST_STEPS = 1000
"""Longer episodes are cut here; an Atari game may last for 27,000 steps."""


def show_training(folder: Path, *, seed: int, out: Path | None) -> None:
    """Prints what was trained with which result, plays one episode, and draws it.

    Args:
        folder: left by `lpg train --out`.
        seed: which of its agents.
        out: the GIF; none: `figures/episode-seed-N.gif` in the folder.

    Raises:
        ValueError: there is no such agent in the folder, or the file's name does not end in .gif.
        OSError: the file cannot be written.
    """
    if not trained_seeds(folder):
        raise ValueError(
            f"{folder}: nothing to show; it has neither config.json, which `lpg meta-train` writes, nor a trained "
            "agent such as agents/seed-0.safetensors, which `lpg train --out` writes; give the folder of one run"
        )
    agent, card = read_agent(folder, seed)
    path = folder / "figures" / f"episode-seed-{seed}.gif" if out is None else out
    video.check_name(path)
    print(f"{card.environment}: agent {card.agent!r}, rule {card.rule}, seed {seed}, {card.steps:,} steps")
    if (folder / "results.csv").is_file():
        curve = [row for row in results.read(folder / "results.csv") if (row.rule, row.seed) == (card.rule, seed)]
        end = results.end_row(curve)
        if end.episodes:
            print(f"return in the last tenth of its training: {end.return_mean:.4g}")
    played = replay(agent, card, jax.random.key(seed))
    with StepProgress(f"an episode of at most {MOST_STEPS:,} steps", MOST_STEPS) as progress:
        captions = _Captions(played, progress)
        frames = video.write_gif(path, captions.frames())
    ending = "" if captions.is_over else ", cut there"
    print(
        f"an episode of {frames - 1:,} steps{ending}, with actions drawn from the policy: return {captions.total:.4g}"
    )
    print(f"drawn into {path}; it shows {played.about}")


class _Captions:
    """Frames with captions; keeps the return and whether the episode ended."""

    def __init__(self, played: Replay, progress: StepProgress) -> None:
        self._played, self._progress = played, progress
        self.total, self.is_over = 0.0, False

    def frames(self) -> Iterator[tuple[np.ndarray, str]]:
        """Pictures and captions."""
        for step, frame in enumerate(self._played.frames):
            self.total += frame.reward
            self.is_over = frame.is_last
            yield frame.picture, f"step {step}   reward {frame.reward:.3g}   return {self.total:.4g}"
            self._progress.advance(1)
            if step == MOST_STEPS:
                return
