"""Single-player environments of pgx as games.

Reference: Koyamada et al. (2023), pgx.
"""

from typing import Any

import pgx
from jaxtyping import Array, PRNGKeyArray

from lpg.environments.third_party import Game

MAX_STEPS = 1000
"""pgx has no time limit, and a good player of MinAtar may never be done; this is gymnax's for the same games."""


def load(name: str) -> Game:
    """An environment by pgx's name.

    Raises:
        ValueError: pgx does not know the name, or the game is one for several players.
    """
    environment = pgx.make(name)  # type: ignore[arg-type]
    if environment.num_players != 1:
        raise ValueError(f"{name} is a game for {environment.num_players} players; one for a single player is needed")

    def reset(key: PRNGKeyArray) -> tuple[Any, Array]:
        state = environment.init(key)
        return state, state.observation

    def step(key: PRNGKeyArray, state: Any, action: Array) -> tuple[Any, Array, Array, Array]:
        state = environment.step(state, action, key)
        return state, state.observation, state.rewards[0], state.terminated

    return Game(num_actions=int(environment.num_actions), max_steps=MAX_STEPS, reset=reset, step=step)
