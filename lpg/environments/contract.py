"""Whether an environment of a user's keeps the contract of `base`, found out without computing anything."""

from typing import Any

import jax
import jax.numpy as jnp

from lpg.environments.base import StepResult, UniformEnv
from lpg.environments.masks import has_state_masks
from lpg.environments.stepping import draw_resets, draw_steps, reset
from lpg.places import described


def check_contract(distribution: Any, name: str) -> None:
    """Traces a reset, an observation and a step.

    Args:
        distribution: see `lpg.environments.registry.EnvDistribution`.
        name: of the environment.

    Raises:
        ValueError: one of its methods fails, or returns something of another shape or type; one line with the place.
    """
    env, key = distribution.env, jax.random.key(0)

    def traced(what: str, function: Any, *arguments: Any) -> Any:
        try:
            return jax.eval_shape(function, *arguments)
        except Exception as error:
            raise ValueError(f"{name} failed in {what}: {described(error)}") from error

    env_params = traced("sample", distribution.sample, key)
    mask = traced("action_mask", env.action_mask, env_params)
    _same(name, "action_mask", mask, (env.num_actions,))
    state = traced("reset", lambda params: reset(draw_resets(key, env), env, params), env_params)
    if has_state_masks(env):
        mask = traced("state_action_mask", env.state_action_mask, state, env_params)
        _same(name, "state_action_mask", mask, (env.num_actions,))
    _same(name, "an observation", traced("observe", env.observe, state, env_params), tuple(env.observation_shape))

    def one_step(state: Any, env_params: Any) -> Any:
        take = env.step_from if isinstance(env, UniformEnv) else env.step
        found = take(draw_steps(key, env).step, state, jnp.asarray(0), env_params)
        if not isinstance(found, tuple) or len(found) != 2 or not isinstance(found[1], StepResult):
            kinds = (
                ", ".join(type(part).__name__ for part in found) if isinstance(found, tuple) else type(found).__name__
            )
            raise ValueError(f"it returned ({kinds}); (state, StepResult) is needed")
        return found

    following, result = traced("step", one_step, state, env_params)
    for field in ("reward", "terminated", "truncated"):
        _same(name, field, getattr(result, field), ())
    before, after = (jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), tree) for tree in (state, following))
    if before != after:
        raise ValueError(
            f"{name}: a step returned a state of other shapes or types than a reset; {_first_difference(before, after)}"
        )


def _same(name: str, what: str, found: Any, shape: tuple[int, ...]) -> None:
    if jnp.shape(found) != shape:
        raise ValueError(f"{name}: {what} has shape {list(jnp.shape(found))}; {list(shape)} is needed")


def _first_difference(before: Any, after: Any) -> str:
    """Of two pytrees of (shape, type)."""

    def leaves(tree: Any) -> list[tuple[str, Any]]:
        flat, _ = jax.tree_util.tree_flatten_with_path(tree, is_leaf=lambda x: isinstance(x, tuple) and len(x) == 2)
        return [(jax.tree_util.keystr(path) or "it", value) for path, value in flat]

    for (path, one), (other_path, other) in zip(leaves(before), leaves(after), strict=False):
        if (path, one) != (other_path, other):
            return f"{path} is {one[1]}{list(one[0])} after a reset and {other[1]}{list(other[0])} after a step"
    return "they have other parts"
