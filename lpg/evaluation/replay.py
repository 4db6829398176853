"""An episode of a trained agent on an environment written in JAX, as pictures."""

import dataclasses
from collections.abc import Iterator

import jax
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, UInt8

from lpg.agents.outputs import Agent, outputs
from lpg.agents.rollout import sample_action
from lpg.environments import render
from lpg.environments.base import Environment, Instance, Outcome, State
from lpg.environments.observation_image import observation_image
from lpg.environments.registry import environment
from lpg.evaluation.tasks import instances
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
        key: of the episode's luck.

    Raises:
        ValueError: the environment is there no more.
    """
    shape = environment(card.environment).distribution.shape
    batch = instances(card.environment, [card.seed], "report", card.num_actions)
    instance = jax.tree.map(lambda x: x[0], batch)
    is_drawn = render.can_draw(instance)
    return Replay("a map" if is_drawn else "what the agent sees", _play(theta, shape, instance, is_drawn, key))


def _play(theta: Agent, shape: Environment, instance: Instance, is_drawn: bool, key: PRNGKeyArray) -> Iterator[Moment]:
    @jax.jit
    def advance(theta: Agent, state: State, noise: Float[Array, " noise"]) -> tuple[State, Outcome]:
        seen = shape.observe(instance, state)[None]
        logits = outputs(theta, seen, shape.action_mask(instance), batch_ndim=1).logits
        return shape.step(instance, state, sample_action(logits, noise[:1])[0], noise[1:])

    def picture(state: State) -> np.ndarray:
        if is_drawn:
            return _pixels(shape, instance, state)
        return observation_image(shape.observe(instance, state), getattr(shape, "num_states", None))

    key, key_reset = jax.random.split(key)
    state = jax.jit(shape.reset)(instance, jax.random.uniform(key_reset, (shape.num_reset_noise,)))
    yield Moment(picture(state), 0.0, False)
    is_last = False
    while not is_last:
        key, key_step = jax.random.split(key)
        state, outcome = advance(theta, state, jax.random.uniform(key_step, (1 + shape.num_noise,)))
        is_last = bool(outcome.terminated | outcome.truncated)
        yield Moment(picture(state), float(outcome.reward), is_last)


def _pixels(shape: Environment, instance: Instance, state: State) -> np.ndarray:
    figure = render.image(shape, instance, state)
    figure.set_dpi(DOTS_PER_INCH)
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3]  # type: ignore[attr-defined]
