"""An episode of a trained agent on an environment written in JAX, as pictures."""

import dataclasses
from collections.abc import Iterator

import jax
import numpy as np
from jaxtyping import PRNGKeyArray, UInt8

from lpg.agents.outputs import Agent, outputs
from lpg.agents.rollout import sample_action
from lpg.environments import render, stepping
from lpg.environments.base import Environment, EnvParams, EnvState, StepResult
from lpg.environments.observation_image import observation_image
from lpg.environments.registry import env_spec
from lpg.environments.stepping import draw_resets, draw_steps
from lpg.evaluation.tasks import sample_env_params
from lpg.evaluation.training_folder import AgentCard

DOTS_PER_INCH = 72


@dataclasses.dataclass(frozen=True)
class Moment:
    """One state of an episode."""

    picture: UInt8[np.ndarray, "H W 3"]
    reward: float
    """Paid by the step that led here; 0 at the start."""
    is_last: bool


@dataclasses.dataclass(frozen=True)
class Replay:
    """An episode that is played while one looks at it."""

    about: str
    """Who draws the pictures."""
    moments: Iterator[Moment]


def replay(theta: Agent, card: AgentCard, key: PRNGKeyArray) -> Replay:
    """One episode, on the very instance on which the agent was trained; actions are drawn from its policy, as then.

    Args:
        theta: the agent.
        card: what it is, see `lpg.evaluation.training_folder.read_agent`.
        key: of the episode's random numbers.

    Raises:
        ValueError: the environment is there no more.
    """
    env = env_spec(card.environment).distribution.env
    batch = sample_env_params(card.environment, [card.seed], "report", card.num_actions)
    env_params = jax.tree.map(lambda x: x[0], batch)
    is_drawn = render.can_draw(env_params)
    return Replay("a map" if is_drawn else "what the agent sees", _play(theta, env, env_params, is_drawn, key))


def _play(theta: Agent, env: Environment, env_params: EnvParams, is_drawn: bool, key: PRNGKeyArray) -> Iterator[Moment]:
    @jax.jit
    def advance(theta: Agent, state: EnvState, key: PRNGKeyArray) -> tuple[EnvState, StepResult]:
        draws = draw_steps(key, env, (1,))
        logits = outputs(theta, env.observe(state, env_params)[None], env.action_mask(env_params), batch_ndim=1).logits
        action = sample_action(logits, draws.action)[0]
        return stepping.step(draws.step[0], state, action, env, env_params)

    def picture(state: EnvState) -> np.ndarray:
        if is_drawn:
            return _pixels(env, env_params, state)
        return observation_image(env.observe(state, env_params), getattr(env, "num_states", None))

    key, key_reset = jax.random.split(key)
    state = jax.jit(stepping.reset, static_argnums=1)(draw_resets(key_reset, env), env, env_params)
    yield Moment(picture(state), 0.0, False)
    is_last = False
    while not is_last:
        key, key_step = jax.random.split(key)
        state, result = advance(theta, state, key_step)
        is_last = bool(result.terminated | result.truncated)
        yield Moment(picture(state), float(result.reward), is_last)


def _pixels(env: Environment, env_params: EnvParams, state: EnvState) -> np.ndarray:
    figure = render.image(env, env_params, state)
    figure.set_dpi(DOTS_PER_INCH)
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3]  # type: ignore[attr-defined]
