"""An episode on a Gymnasium environment or an Atari game, to be drawn."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from lpg.agents.outputs import Agent, outputs
from lpg.agents.rollout import sample_action
from lpg.environments.observation_image import observation_image
from lpg.evaluation.backend import GymnasiumOptions
from lpg.learner.gymnasium_environments import ATARI, make_environments, make_one
from lpg.learner.spaces import Spaces
from lpg.packages import import_optional


class GymnasiumEpisode:
    """See `lpg.evaluation.backend.Episode`.

    Pictures are the environment's own where it has some (`render_mode="rgb_array"`), else what the agent sees; of an
    Atari game that is the newest of its four frames, 84 × 84 and grey.
    """

    def __init__(self, name: str, spaces: Spaces, options: GymnasiumOptions) -> None:
        """Makes one copy of the environment.

        Raises:
            ValueError: there is no such environment.
        """
        self._name, self._spaces, self._use_masks = name, spaces, options.action_masks
        self._observation, self._mask = np.zeros(0), np.zeros(0)
        self._env: Any
        if name.startswith(ATARI):
            self._env = _SingleGame(make_environments(name, 1, sticky_actions=options.sticky_actions))
            self.about, self._render = "what the agent sees", None
        else:
            self._env = _make(name)
            self.about, self._render = _renderer(self._env, name)
        self._act = jax.jit(
            lambda agent, observation, mask, uniform: sample_action(
                outputs(agent, observation, mask, batch_ndim=0).logits[None], uniform
            )[0]
        )

    def reset(self, key: PRNGKeyArray) -> None:
        """Begins the episode."""
        self._see(*self._env.reset(seed=int(jax.random.randint(key, (), 0, 2**31 - 1))))

    def step(self, agent: Agent, key: PRNGKeyArray) -> tuple[float, bool]:
        """Draws an action from the agent's policy and takes it."""
        action = self._act(agent, self._observation, self._mask, jax.random.uniform(key, (1,)))
        taken = self._spaces.actions.to_env(np.asarray(action))
        observation, reward, terminated, truncated, info = self._env.step(taken)
        if not (terminated or truncated):
            self._see(observation, info)
        else:
            self._see(observation, {})  # no action follows, and a mask may allow none
        return float(reward), bool(terminated or truncated)

    def _see(self, observation: Any, info: Mapping[str, Any]) -> None:
        self._observation = self._spaces.observations.read(observation)
        actions = self._spaces.actions
        has_mask = self._use_masks and "action_mask" in info
        self._mask = actions.read_mask(info["action_mask"], self._name) if has_mask else np.ones(actions.count, bool)

    def picture(self) -> np.ndarray:
        """The environment's own, else the observation."""
        if self._render is not None:
            return np.asarray(self._render(), np.uint8)
        return observation_image(self._observation, self._spaces.observations.num_states)

    def close(self) -> None:
        """Closes the environment."""
        self._env.close()


class _SingleGame:
    """A vector environment of one game, with the interface of a single environment and without autoreset."""

    def __init__(self, environments: Any) -> None:
        self._environments = environments

    def reset(self, seed: int) -> tuple[Any, dict]:
        """First observation."""
        observation, info = self._environments.reset(seed=seed)
        return observation[0], info

    def step(self, action: np.ndarray) -> tuple[Any, float, bool, bool, dict]:
        """At an end the observation is the final one and not the next episode's first."""
        observation, reward, terminated, truncated, info = self._environments.step(np.asarray([action]))
        is_last = bool(terminated[0] or truncated[0])
        final = info["final_obs"][0] if is_last else observation[0]
        return final, float(reward[0]), bool(terminated[0]), bool(truncated[0]), info

    def close(self) -> None:
        """Ends the emulator."""
        self._environments.close()


def _make(name: str) -> Any:
    """One copy, which renders if its metadata say that it can."""
    plain = make_one(name)
    if "rgb_array" not in (plain.metadata or {}).get("render_modes", ()) or plain.spec is None:
        return plain
    plain.close()
    return make_one(name, render_mode="rgb_array")


def _renderer(env: Any, name: str) -> tuple[str, Callable[[], Any] | None]:
    """What pictures show, and what makes them; none: the observation is drawn."""
    if env.render_mode != "rgb_array":
        return f"what the agent sees ({name} has no pictures)", None
    try:
        # Many environments render with an optional package and only now find out that it is missing.
        env.reset()
        env.render()
    except (ImportError, import_optional("gymnasium", name).error.Error) as error:
        return f"what the agent sees ({name} cannot be drawn: {' '.join(str(error).split())})", None
    return "its own pictures", env.render
