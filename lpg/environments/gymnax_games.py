"""Environments of gymnax as games: its raw steps, without its resets.

Reference: Lange (2022), gymnax. Version 1 tells terminations and time limits apart; earlier ones do not.
"""

from typing import Any

import gymnax
from jaxtyping import Array, PRNGKeyArray

from lpg.environments.third_party import Game


def load(name: str) -> Game:
    """An environment with its default parameters, by gymnax's name.

    Raises:
        ValueError: gymnax does not know the name.
    """
    environment, params = gymnax.make(name)

    def reset(key: PRNGKeyArray) -> tuple[Any, Array]:
        observation, state = environment.reset_env(key, params)
        return state, observation

    def step(key: PRNGKeyArray, state: Any, action: Array) -> tuple[Any, Array, Array, Array]:
        observation, state, reward, terminated, _ = environment.step_env(key, state, action, params)
        return state, observation, reward, terminated

    return Game(
        num_actions=int(environment.num_actions), max_steps=int(params.max_steps_in_episode), reset=reset, step=step
    )
