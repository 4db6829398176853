"""Returns of trained agents that take their most probable actions."""

import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, Shaped

from lpg.agents.network import is_faster_unbatched
from lpg.agents.outputs import Agent, outputs
from lpg.environments import stepping
from lpg.environments.base import Environment, EnvParams
from lpg.environments.masks import batch_mask
from lpg.environments.stepping import draw_resets, draw_steps
from lpg.evaluation.backend import Backend
from lpg.evaluation.gymnasium_backend import GymnasiumBackend
from lpg.evaluation.jax_backend import JaxBackend
from lpg.evaluation.tasks import run_keys, sample_env_params
from lpg.evaluation.train_agents import fitting_chunk
from lpg.learner.action_masks import read_masks
from lpg.learner.gymnasium_environments import make_environments

MAX_STEPS = 10_000
"""Longest episode. A longer one is cut, and what it has paid so far is its return."""
STREAM = 2**32 - 1
"""Folded into the agent's key; the training folds in 0 to the number of updates, which is less than 2³¹."""


def greedy_returns(
    backend: Backend, name: str, agents: Sequence[Agent], seeds: Sequence[int], num_episodes: int,
    max_steps: int = MAX_STEPS,
) -> Float[np.ndarray, "R E"]:  # fmt: skip
    """Undiscounted returns of whole episodes on the environment, with the parameters, that each agent was trained on.

    An agent takes its most probable action, of equal ones the first. Random numbers depend on environment and seed and
    not on the rule. In JAX all agents play in one compiled program.

    Args:
        backend: of the environment.
        name: what kind of agents they are, see `lpg.agents.registry`.
        agents: one for each seed, see `lpg.evaluation.trainer`.
        num_episodes: E, for each agent.
        max_steps: longest episode.
    """
    keys = jax.vmap(lambda key: jax.random.fold_in(key, STREAM))(run_keys(backend.environment, seeds, "report")[1])
    if isinstance(backend, GymnasiumBackend):
        return np.stack([
            _play_gymnasium(backend, agent, int(jax.random.randint(key, (), 0, 2**31 - 1)), num_episodes, max_steps)
            for agent, key in zip(agents, keys, strict=True)
        ])  # fmt: skip
    assert isinstance(backend, JaxBackend)
    env_params = sample_env_params(backend.environment, seeds, "report", backend.num_actions)
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *jax.device_get(list(agents)))
    chunk = 1 if is_faster_unbatched(name) else fitting_chunk(len(seeds), 1)
    return np.asarray(_program(backend.env, num_episodes, max_steps, chunk)(stacked, env_params, keys), float)


@functools.lru_cache(maxsize=64)
def _program(env: Environment, num_episodes: int, max_steps: int, chunk: int) -> Callable:
    """Compiled: (agents, env params, keys), each on a leading axis R → returns [R, E]; `chunk` agents at once."""

    def play(row: tuple[Agent, EnvParams, PRNGKeyArray]) -> Float[Array, " E"]:
        agent, env_params, key = row
        key_reset, key_steps = jax.random.split(key)
        observe = jax.vmap(lambda state: env.observe(state, env_params))
        take = jax.vmap(lambda draw, state, action: stepping.step(draw, state, action, env, env_params))

        def step(carry: tuple) -> tuple:
            time, state, total, is_over = carry
            draws = draw_steps(jax.random.fold_in(key_steps, time), env, (num_episodes,))
            action = _best_action(agent, observe(state), batch_mask(env, state, env_params))
            state, result = take(draws.step, state, action)
            total = total + jnp.where(is_over, 0.0, result.reward)
            return time + 1, state, total, is_over | result.terminated | result.truncated

        state = jax.vmap(lambda draw: stepping.reset(draw, env, env_params))(
            draw_resets(key_reset, env, (num_episodes,))
        )
        start = (jnp.asarray(0), state, jnp.zeros(num_episodes), jnp.zeros(num_episodes, bool))
        return jax.lax.while_loop(lambda carry: (carry[0] < max_steps) & ~jnp.all(carry[3]), step, start)[2]

    return jax.jit(lambda *rows: jax.lax.map(play, rows, batch_size=chunk if chunk > 1 else None))


def _play_gymnasium(
    backend: GymnasiumBackend, agent: Agent, seed: int, num_episodes: int, max_steps: int
) -> Float[np.ndarray, " E"]:
    """The first episode of each of E copies of the environment."""
    spaces = backend.spaces
    environments = make_environments(
        backend.environment, num_episodes, sticky_actions=backend.options.sticky_actions
    )  # fmt: skip
    total, is_over, all_actions = (
        np.zeros(num_episodes),
        np.zeros(num_episodes, bool),
        np.ones(spaces.num_actions, bool),
    )
    act = jax.jit(_best_action)
    try:
        observation, info = environments.reset(seed=seed)
        for _ in range(max_steps):
            mask = (
                read_masks(info, spaces.actions, is_over, backend.environment) if backend.options.action_masks else None
            )
            mask = all_actions if mask is None else mask
            action = np.asarray(act(agent, spaces.observations.read(observation), mask))
            observation, reward, terminated, truncated, info = environments.step(spaces.actions.to_env(action))
            total += np.where(is_over, 0.0, reward)
            is_over |= np.asarray(terminated, bool) | np.asarray(truncated, bool)
            if is_over.all():
                break
    finally:
        environments.close()
    return total


def _best_action(agent: Agent, observation: Shaped[Array, " E *obs"], mask: Bool[Array, " *E A"]) -> Int[Array, " E"]:
    return jnp.argmax(outputs(agent, observation, mask, batch_ndim=1).logits, axis=-1)
