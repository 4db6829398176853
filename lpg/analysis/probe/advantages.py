"""π̂ on real data beside what actor-critic would have said: agents in the middle of learning, on training grids.

Agents learn under the rule as they always do. Then they stop, and for one more rollout π̂ is noted together with the
generalised advantage and the λ-return under the *true* value of the agent's own policy: the best critic that A2C
could have. If the rule is a policy gradient with a baseline, π̂ follows the advantage; without a baseline, the return.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Key

from lpg.agents.outputs import outputs
from lpg.agents.rollout import init_rollout, rollout
from lpg.analysis.table import Table
from lpg.environments import exact, registry
from lpg.environments.base import ExactEnvironment
from lpg.evaluation.evaluate import Trial, runs_of
from lpg.evaluation.settings import Setting
from lpg.evaluation.train_agents import TrainingSizes, train_agents
from lpg.types import Hyperparameters
from lpg.update_rules.base import Rule, RuleInputs
from lpg.update_rules.returns import generalised_advantages

LAMBDA = 0.95
PER_AGENT = 400
"""Steps kept of each agent, evenly spread."""


def samples(
    rule: Rule,
    environments: Sequence[str],
    updates: Sequence[int],
    setting: Callable[[str], Setting],
    sizes: TrainingSizes,
    seed: int,
    progress: Callable[[int], None] | None = None,
) -> Table:
    """Steps of agents in the middle of learning.

    Args:
        environments: exactly solvable ones.
        updates: agent updates after which agents are looked at.
        setting: the agents' hyper-parameters by environment.

    Returns:
        Columns `environment`, `updates`, `pi_hat`, `advantage`, `return` (the λ-return), `value`, `pi` (of the action).

    Raises:
        ValueError: an environment cannot be solved exactly.
    """
    columns: dict[str, list] = {
        n: [] for n in ("environment", "updates", "pi_hat", "advantage", "return", "value", "pi")
    }
    for name in environments:
        env = registry.env_spec(name).distribution.env
        if not hasattr(env, "backup"):
            raise ValueError(f"{name}: cannot be probed, because it has no exact values to compare with")
        for count in updates:
            runs = runs_of([Trial(name, seed, setting(name), count)], "report", None)
            _, (agent,) = train_agents(
                rule, env, runs, count, sizes=sizes, num_points=4, keep_agents=True, progress=progress
            )
            env_params, hyper = (jax.tree.map(lambda x: x[0], tree) for tree in (runs.env_params, runs.hyper))
            key = jax.random.fold_in(runs.key[0], 2**31 - 1)
            found = _look(env, sizes)(rule, agent, env_params, hyper, key)
            flat = {field: np.asarray(x, float).reshape(-1) for field, x in found.items()}
            kept = np.unique(np.linspace(0, len(flat["pi_hat"]) - 1, PER_AGENT).astype(int))
            for field, x in flat.items():
                columns[field] += x[kept].tolist()
            columns["environment"] += [name] * len(kept)
            columns["updates"] += [count] * len(kept)
    return {name: np.array(column) for name, column in columns.items()}


@functools.lru_cache(maxsize=16)
def _look(env: ExactEnvironment, sizes: TrainingSizes) -> Callable[..., dict[str, Array]]:
    """Compiled: (η, agent, instance, α, key) → one rollout's columns [T, B]."""

    def look(rule: Rule, agent: Any, env_params: Any, hyper: Hyperparameters, key: Key[Array, ""]) -> dict[str, Array]:
        key_reset, key_warm, key_walk = jax.random.split(key, 3)
        state = init_rollout(key_reset, env, env_params, sizes.num_envs)
        mask = env.action_mask(env_params)

        def walk(key: Key[Array, ""], state: Any) -> tuple:
            return rollout(
                key, state, agent, env, env_params, num_steps=sizes.num_steps,
                time_limit_is_termination=sizes.time_limit_is_termination,
            )  # fmt: skip

        # The first rollout brings the environments away from their common beginning.
        state, _, _ = walk(key_warm, state)
        _, seen, _ = walk(key_walk, state)
        output = outputs(agent, seen.observation, mask)
        following = outputs(agent, seen.next_observation, mask).prediction
        pi_hat = rule.targets(RuleInputs(trajectory=seen, output=output, next_prediction=following), hyper).pi_hat
        everywhere = outputs(agent, jax.numpy.arange(env.num_states), mask, batch_ndim=1).logits
        value = exact.policy_values(env, env_params, jax.nn.softmax(everywhere), hyper.gamma)
        here, there = value[seen.observation], value[seen.next_observation]
        advantage = generalised_advantages(
            seen.reward, here, there, seen.terminated, seen.is_last, hyper.gamma, jax.numpy.asarray(LAMBDA)
        )
        pi = jax.numpy.take_along_axis(jax.nn.softmax(output.logits), seen.action[..., None], axis=-1)[..., 0]
        return {"pi_hat": pi_hat, "advantage": advantage, "return": advantage + here, "value": here, "pi": pi}

    return jax.jit(look)
