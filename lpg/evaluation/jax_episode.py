"""An episode on an environment written in JAX, to be drawn."""

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from lpg.agents.outputs import Agent, outputs
from lpg.agents.rollout import sample_action
from lpg.environments import render, stepping
from lpg.environments.base import Environment, EnvState, StepResult
from lpg.environments.masks import state_mask
from lpg.environments.observation_image import observation_image
from lpg.environments.stepping import draw_resets, draw_steps
from lpg.evaluation.tasks import sample_env_params

DOTS_PER_INCH = 72


class JaxEpisode:
    """See `lpg.evaluation.backend.Episode`."""

    def __init__(self, name: str, env: Environment, seed: int, num_actions: int | None) -> None:
        """Draws the environment parameters of the report seed."""
        batch = sample_env_params(name, [seed], "report", num_actions)
        self._env, self._env_params = env, jax.tree.map(lambda x: x[0], batch)
        self._has_map = render.can_draw(self._env_params)
        self.about = "a map" if self._has_map else "what the agent sees"
        self._advance = jax.jit(self._step)
        self._state: EnvState

    def reset(self, key: PRNGKeyArray) -> None:
        """Begins the episode."""
        reset = jax.jit(stepping.reset, static_argnums=1)
        self._state = reset(draw_resets(key, self._env), self._env, self._env_params)

    def step(self, agent: Agent, key: PRNGKeyArray) -> tuple[float, bool]:
        """Draws an action from the agent's policy and takes it."""
        self._state, result = self._advance(agent, self._state, key)
        return float(result.reward), bool(result.terminated | result.truncated)

    def picture(self) -> np.ndarray:
        """A map where one can be drawn, else the observation."""
        if not self._has_map:
            observation = self._env.observe(self._state, self._env_params)
            return observation_image(observation, getattr(self._env, "num_states", None))
        figure = render.image(self._env, self._env_params, self._state)
        figure.set_dpi(DOTS_PER_INCH)
        figure.canvas.draw()
        return np.asarray(figure.canvas.buffer_rgba())[..., :3]  # type: ignore[attr-defined]

    def close(self) -> None:
        """Nothing is held."""

    def _step(self, agent: Agent, state: EnvState, key: PRNGKeyArray) -> tuple[EnvState, StepResult]:
        env, env_params = self._env, self._env_params
        draws = draw_steps(key, env, (1,))
        observation = env.observe(state, env_params)[None]
        logits = outputs(agent, observation, state_mask(env, state, env_params), batch_ndim=1).logits
        return stepping.step(draws.step[0], state, sample_action(logits, draws.action)[0], env, env_params)
