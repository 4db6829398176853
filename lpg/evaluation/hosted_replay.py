"""An episode of a trained agent on an environment of the host, `gymnasium/*` or `atari/*`, as pictures."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from lpg.agents.outputs import Agent
from lpg.agents.rollout import sample_action
from lpg.environments.observation_image import observation_image
from lpg.evaluation.hosted_plan import look
from lpg.evaluation.replay import Moment, Replay
from lpg.evaluation.training_folder import AgentCard
from lpg.learner.hosted import ATARI, GYMNASIUM, make_environments
from lpg.learner.spaces import Spaces
from lpg.packages import import_optional

Picture = Callable[[np.ndarray], np.ndarray]
"""What the agent sees → [H, W, 3] bytes."""


def replay_hosted(theta: Agent, card: AgentCard, key: PRNGKeyArray) -> Replay:
    """One episode; actions are drawn from the agent's policy, as while it learned.

    Pictures are the environment's own where it has some (`render_mode="rgb_array"`), else what the agent sees; of an
    Atari game that is the newest of its four frames, 84 × 84 and grey.

    Args:
        theta: the agent.
        card: what it is, see `lpg.evaluation.training_folder.read_agent`.
        key: of the episode's random numbers.

    Raises:
        ValueError: the environment is there no more.
    """
    name, spaces = card.environment, look(card.environment, card.sticky_actions)
    if name.startswith(ATARI):
        stage: Any = _Alone(make_environments(name, 1, sticky_actions=card.sticky_actions))
        about, picture = "what the agent sees", _seen(spaces)
    else:
        stage = _make(name)
        about, picture = _painter(stage, name, spaces)
    return Replay(about, _play(theta, stage, spaces, picture, key))


def _play(theta: Agent, stage: Any, spaces: Spaces, picture: Picture, key: PRNGKeyArray) -> Iterator[Moment]:
    @jax.jit
    def act(theta: Agent, seen: Any, uniform: Any) -> Any:
        return sample_action(theta(seen).logits[None], uniform)[0]

    try:
        key, key_reset = jax.random.split(key)
        seen = spaces.read(stage.reset(seed=int(jax.random.randint(key_reset, (), 0, 2**31 - 1)))[0])
        yield Moment(picture(seen), 0.0, False)
        is_last = False
        while not is_last:
            key, key_act = jax.random.split(key)
            action = int(act(theta, seen, jax.random.uniform(key_act, (1,))))
            arrived, reward, terminated, truncated, _ = stage.step(spaces.first_action + action)
            seen, is_last = spaces.read(arrived), bool(terminated or truncated)
            yield Moment(picture(seen), float(reward), is_last)
    finally:
        stage.close()


class _Alone:
    """A vector environment of one environment, as if it were no vector; an episode's end is not followed by another."""

    def __init__(self, environments: Any) -> None:
        self._environments = environments

    def reset(self, seed: int) -> tuple[Any, dict]:
        """First observation."""
        seen, info = self._environments.reset(seed=seed)
        return seen[0], info

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict]:
        """At an end the observation is the final one and not the next episode's first."""
        seen, reward, terminated, truncated, info = self._environments.step(np.asarray([action]))
        is_last = bool(terminated[0] or truncated[0])
        arrived = info["final_obs"][0] if is_last else seen[0]
        return arrived, float(reward[0]), bool(terminated[0]), bool(truncated[0]), info

    def close(self) -> None:
        """Lets the emulator go."""
        self._environments.close()


def _make(name: str) -> Any:
    """One copy, which draws itself if it says that it can."""
    gymnasium, identity = import_optional("gymnasium", name), name.removeprefix(GYMNASIUM)
    plain = gymnasium.make(identity)
    if "rgb_array" not in (plain.metadata or {}).get("render_modes", ()):
        return plain
    plain.close()
    return gymnasium.make(identity, render_mode="rgb_array")


def _painter(stage: Any, name: str, spaces: Spaces) -> tuple[str, Picture]:
    """Who draws, and how."""
    if stage.render_mode != "rgb_array":
        return f"what the agent sees ({name} has no pictures)", _seen(spaces)
    try:
        # Many environments draw with a package that is not theirs and find out now that it is missing.
        stage.reset()
        stage.render()
    except (ImportError, import_optional("gymnasium", name).error.Error) as error:
        return f"what the agent sees ({name} cannot be drawn: {' '.join(str(error).split())})", _seen(spaces)
    return "its own pictures", lambda seen: np.asarray(stage.render(), np.uint8)


def _seen(spaces: Spaces) -> Picture:
    return lambda seen: observation_image(seen, spaces.num_states)
