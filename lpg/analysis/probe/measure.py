"""A rule probed from outside: synthetic trajectories, delayed chains, and data of agents that are learning.

*Chains.* On chains of increasing length the rule predicts for the uniformly random policy until its predictions have
settled. Then π̂ of the first step is compared between agents that chose the right action and agents that chose the
wrong one. A rollout has 20 steps: where the reward comes later, only the prediction of the last state can tell. The
control is the same comparison with predictions that carry no information: uniform, or zero.

*Agents.* Agents learn under the rule. Then they stop, and for one more rollout π̂ is recorded together with the
generalised advantage and the λ-return under the *true* value of the agent's own policy: the best critic that A2C could
have. If the rule is a policy gradient with a baseline, π̂ follows the advantage; without a baseline, the return.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from lpg.agents.outputs import outputs
from lpg.agents.rollout import init_rollout, rollout
from lpg.agents.tabular import Table as AgentTable
from lpg.analysis.policy_evaluation import (
    Case,
    Progress,
    default_rate,
    evaluate_policies,
    fresh_predictions,
    hyperparameters,
)
from lpg.analysis.predictions.measure import check_policy
from lpg.analysis.probe.synthetic import predictions, probabilities, rewards
from lpg.analysis.study import Tables
from lpg.analysis.table import Table
from lpg.environments import exact, registry
from lpg.environments.base import ExactEnvironment
from lpg.environments.delayed_chain import ChainEnv, ChainParams
from lpg.environments.registry import suite
from lpg.evaluation.evaluate import Trial, runs_of
from lpg.evaluation.train_agents import train_agents
from lpg.evaluation.train_config import TrainConfig
from lpg.keys import stream
from lpg.types import AgentOutput, Hyperparameters, Trajectory
from lpg.update_rules.base import Rule, RuleInputs
from lpg.update_rules.returns import generalised_advantages


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """What fixes the measurement, beside rule and seed."""

    gamma: float = 0.995
    """Discount that the rule is given."""
    steps_ahead: int = 20
    """Length of the synthetic trajectories."""
    iterations: int = 300
    """Updates after which predictions on chains have settled."""
    environments: str = "tabular/dense,tabular/sparse,tabular/long_horizon,chain/short"
    """Where real data comes from: a suite, or names with commas; all exactly solvable."""
    updates: tuple[int, ...] = (20, 100)
    """Agent updates after which agents are looked at."""
    rate: float | None = None
    """Learning rate × α_y of the agents on chains; none: 320 for categorical predictions, 10 for others."""

    def __post_init__(self) -> None:
        check_policy(self.gamma, 1.0, self.rate)
        suite(self.environments)
        if self.steps_ahead < 2 or self.iterations < 1 or not self.updates or min(self.updates) < 1:
            raise ValueError("steps_ahead must be at least 2, iterations and all updates at least 1")

    @property
    def steps(self) -> int:
        """Environment steps of the measurement with 64 × 20 steps an update."""
        on_grids = len(suite(self.environments)) * sum(self.updates)
        return (len(LENGTHS) * self.iterations + on_grids) * TrainConfig().steps_per_update


def measure(
    rule: Rule,
    config: Config,
    train_config: TrainConfig,
    seed: int,
    progress: Progress | None = None,
    config_for: Callable[[str], TrainConfig] | None = None,
) -> Tables:
    """Asks everything.

    Args:
        train_config: how agents are trained.
        config_for: configurations by environment, instead of it, of the agents that make real data.

    Returns:
        `rewards`, `probabilities`, `predictions`, `chains`, `samples`; see the functions that make them.
    """
    gamma, steps = config.gamma, config.steps_ahead
    key = jax.random.fold_in(stream(seed, "report"), 11)
    rate = config.rate or default_rate(rule)
    return {
        "rewards": rewards(rule, gamma, steps),
        "probabilities": probabilities(rule, gamma, steps),
        "predictions": predictions(rule, gamma, steps),
        "chains": gaps(rule, key, gamma, rate, config.iterations, train_config, progress=progress),
        "samples": samples(
            rule, suite(config.environments), config.updates, config_for or (lambda name: train_config), seed, progress
        ),
    }


LAMBDA = 0.95
PER_AGENT = 400
"""Steps kept of each agent, evenly spread."""


def samples(
    rule: Rule,
    environments: Sequence[str],
    updates: Sequence[int],
    config_for: Callable[[str], TrainConfig],
    seed: int,
    progress: Callable[[int], None] | None = None,
) -> Table:
    """Steps of agents in the middle of learning.

    Args:
        environments: exactly solvable ones.
        updates: agent updates after which agents are looked at.
        config_for: how agents are trained, by environment.

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
        train_config = config_for(name)
        for count in updates:
            runs = runs_of([Trial(name, seed, train_config, count)], "report", None)
            _, (agent,) = train_agents(
                rule, env, runs, count, config=train_config, num_points=4, keep_agents=True, progress=progress
            )
            env_params, hyper = (jax.tree.map(lambda x: x[0], tree) for tree in (runs.env_params, runs.hyper))
            key = jax.random.fold_in(runs.key[0], 2**31 - 1)
            found = _look(env, train_config.static)(rule, agent, env_params, hyper, key)
            flat = {field: np.asarray(x, float).reshape(-1) for field, x in found.items()}
            kept = np.unique(np.linspace(0, len(flat["pi_hat"]) - 1, PER_AGENT).astype(int))
            for field, x in flat.items():
                columns[field] += x[kept].tolist()
            columns["environment"] += [name] * len(kept)
            columns["updates"] += [count] * len(kept)
    return {name: np.array(column) for name, column in columns.items()}


@functools.lru_cache(maxsize=16)
def _look(env: ExactEnvironment, train_config: TrainConfig) -> Callable[..., dict[str, Array]]:
    """Compiled: (η, agent, instance, α, key) → one rollout's columns [T, B]."""

    def look(rule: Rule, agent: Any, env_params: Any, hyper: Hyperparameters, key: Key[Array, ""]) -> dict[str, Array]:
        key_reset, key_warm, key_walk = jax.random.split(key, 3)
        state = init_rollout(key_reset, env, env_params, train_config.num_envs)
        mask = env.action_mask(env_params)

        def walk(key: Key[Array, ""], state: Any) -> tuple:
            return rollout(
                key, state, agent, env, env_params, num_steps=train_config.num_steps,
                time_limit_is_termination=bool(train_config.time_limit_is_termination),
            )  # fmt: skip

        # The environments all start in an initial state; the first rollout spreads them out.
        state, _, _ = walk(key_warm, state)
        _, seen, _ = walk(key_walk, state)
        output, pi_hat = _pi_hat(rule, agent, seen, mask, hyper)
        everywhere = outputs(agent, jax.numpy.arange(env.num_states), mask, batch_ndim=1).logits
        value = exact.policy_values(env, env_params, jax.nn.softmax(everywhere), hyper.gamma)
        here, there = value[seen.observation], value[seen.next_observation]
        advantage = generalised_advantages(
            seen.reward, here, there, seen.terminated, seen.is_last, hyper.gamma, jax.numpy.asarray(LAMBDA)
        )
        pi = jax.numpy.take_along_axis(jax.nn.softmax(output.logits), seen.action[..., None], axis=-1)[..., 0]
        return {"pi_hat": pi_hat, "advantage": advantage, "return": advantage + here, "value": here, "pi": pi}

    return jax.jit(look)


def _pi_hat(
    rule: Rule, agent: Any, seen: Trajectory, mask: Array, hyper: Hyperparameters
) -> tuple[AgentOutput, Float[Array, " T B"]]:
    """The agent's outputs on a trajectory, and π̂."""
    output = outputs(agent, seen.observation, mask)
    following = outputs(agent, seen.next_observation, mask).prediction
    return output, rule.targets(RuleInputs(trajectory=seen, output=output, next_prediction=following), hyper).pi_hat


ENV = ChainEnv()
LENGTHS = (2, 3, 5, 8, 12, 16, 20, 22, 25, 30, 35, 40, 45, 50)


def gaps(
    rule: Rule,
    key: Key[Array, ""],
    gamma: float,
    rate: float,
    iterations: int,
    train_config: TrainConfig,
    lengths: Sequence[int] = LENGTHS,
    progress: Progress | None = None,
) -> Table:
    """π̂ of the right first action minus π̂ of the wrong one.

    Args:
        rate: learning rate × α_y of the agents whose predictions settle.
        iterations: updates until they have.

    Returns:
        Columns `length` (steps between action and reward, plus one), `with` and `without` predictions.
    """
    key_rollouts, key_last = jax.random.split(key)
    count = len(lengths)
    chains = jax.vmap(lambda n: ChainParams(length=n, is_noisy=jnp.asarray(False)))(jnp.array(lengths))
    policy = jnp.full((count, ENV.num_states, ENV.num_actions), 1 / ENV.num_actions)
    first = fresh_predictions(rule, count, ENV.num_states)
    hyper = hyperparameters(rate, gamma)
    cases = Case(chains, policy, first, jax.random.split(key_rollouts, count))
    _, state = evaluate_policies(rule, ENV, cases, hyper, [iterations], train_config, progress=progress)

    def gap(row: tuple) -> Array:
        chain, prediction, key = row
        agent = AgentTable(
            rows=jnp.concatenate([jnp.zeros((ENV.num_states, ENV.num_actions)), prediction], axis=1),
            num_actions=ENV.num_actions,
        )
        key_reset, key_walk = jax.random.split(key)
        state = init_rollout(key_reset, ENV, chain, 4 * train_config.num_envs)
        _, seen, _ = rollout(
            key_walk, state, agent, ENV, chain, num_steps=train_config.num_steps,
            time_limit_is_termination=bool(train_config.time_limit_is_termination),
        )  # fmt: skip
        pi_hat = _pi_hat(rule, agent, seen, ENV.action_mask(chain), hyper)[1][0]
        # In the first state the index is the right action.
        is_right = seen.action[0] == seen.observation[0]
        right = jnp.sum(jnp.where(is_right, pi_hat, 0.0)) / jnp.maximum(jnp.sum(is_right), 1)
        wrong = jnp.sum(jnp.where(is_right, 0.0, pi_hat)) / jnp.maximum(jnp.sum(~is_right), 1)
        return right - wrong

    gap_of = jax.jit(lambda rows: jax.lax.map(gap, rows))
    keys = jax.random.split(key_last, count)
    return {
        "length": np.array(lengths),
        "with": np.asarray(gap_of((chains, state.prediction, keys)), float),
        "without": np.asarray(gap_of((chains, jnp.zeros_like(state.prediction), keys)), float),
    }
