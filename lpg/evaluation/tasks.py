"""Environment parameters and random keys by purpose and seed: the same for every rule."""

import functools
import zlib
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from lpg.arrays import concatenate
from lpg.environments.base import EnvParams
from lpg.environments.names import stable
from lpg.environments.registry import env_spec
from lpg.evaluation.atari_scores import atari_reference
from lpg.evaluation.reference_returns import Reference, listed
from lpg.keys import Purpose, stream
from lpg.learner.gymnasium_environments import ATARI, is_gymnasium


def run_keys(name: str, seeds: Sequence[int], purpose: Purpose) -> tuple[Key[Array, " R"], Key[Array, " R"]]:
    """Keys [R] of environment parameters and of agents, a pair for each seed.

    They depend on the environment's name, never on the suite it is run in.
    """
    return _run_keys(stable(name), tuple(int(seed) for seed in seeds), purpose)


@functools.lru_cache(maxsize=4096)
def _run_keys(name: str, seeds: tuple[int, ...], purpose: Purpose) -> tuple[Key[Array, " R"], Key[Array, " R"]]:
    own = zlib.crc32(name.encode())
    keys = jnp.stack([jax.random.fold_in(stream(seed, purpose), own) for seed in seeds])
    pairs = jax.vmap(jax.random.split)(keys)
    return pairs[:, 0], pairs[:, 1]


def sample_env_params(name: str, seeds: Sequence[int], purpose: Purpose, num_actions: int | None = None) -> EnvParams:
    """Environment parameters, one per seed on a leading axis.

    Args:
        num_actions: which version of the environment; none: its usual one (18 actions on grids, 2 on chains).
    """
    distribution = env_spec(name).distribution
    num_actions = num_actions or distribution.env.num_actions
    return concatenate([_draw(distribution, num_actions, stable(name), int(seed), purpose) for seed in seeds])


@functools.lru_cache(maxsize=4096)
def _draw(distribution: Any, num_actions: int, name: str, seed: int, purpose: Purpose) -> EnvParams:
    """Those of one seed, on a leading axis of length 1. Remembered: references, training and greedy play need them."""
    return _sampler(distribution, num_actions)(_run_keys(name, (seed,), purpose)[0])


@functools.lru_cache(maxsize=64)
def _sampler(distribution: Any, num_actions: int) -> Any:
    """Compiled once per environment, whatever the number of seeds."""
    return jax.jit(lambda keys: jax.lax.map(lambda key: distribution.sample(key, num_actions), keys))


@functools.lru_cache(maxsize=64)
def _solver(env: Any) -> Any:
    """Compiled exact returns of the random and the best policy for one set of environment parameters."""
    from lpg.environments import exact

    return jax.jit(
        lambda env_params: (
            exact.policy_return(env, env_params, exact.uniform_policy(env, env_params)),
            exact.optimal_return(env, env_params),
        )
    )


@functools.lru_cache(maxsize=4096)
def reference(name: str, seed: int, purpose: Purpose, num_actions: int | None = None) -> Reference | None:
    """Undiscounted returns of the random and the best policy: exact for the environment parameters of this seed; where
    the environment cannot be solved, those listed in `reference_returns.json` (of Atari games in
    `atari_scores.json`), and none where none are.

    Remembered within the process, since a solution takes up to a second or two.
    """
    if name.startswith(ATARI):
        return atari_reference(name)
    if is_gymnasium(name):
        return listed(name)
    env = env_spec(name).distribution.env
    if not hasattr(env, "backup"):
        return listed(name, num_actions or env.num_actions)
    one = jax.tree.map(lambda x: x[0], sample_env_params(name, [seed], purpose, num_actions))
    random, best = _solver(env)(one)
    return Reference(
        random=float(random), random_stderr=0.0, best=float(best), best_stderr=0.0, is_optimum=True,
        random_from="exact solution", best_from="exact solution",
    )  # fmt: skip


def references(
    name: str, seeds: Sequence[int], purpose: Purpose, num_actions: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """`reference` for several seeds.

    Returns:
        Random [R], best [R]; NaN where they are unknown.
    """
    found = [reference(name, int(seed), purpose, num_actions) for seed in seeds]
    pairs = np.array([(np.nan, np.nan) if one is None else (one.random, one.best) for one in found])
    return pairs[:, 0], pairs[:, 1]
