"""Policy evaluation by a rule: the policy is frozen, and of the agent only its prediction y is updated.

An agent's table holds the logarithm of the frozen policy beside y, and `agent_update` moves it as ever; an optimiser
that drops the policy's part of every step keeps the policy unchanged. Under A2C, whose prediction is a value, the same
program is TD(λ).

Reference: Oh et al. (2020), section 4.4.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from jaxtyping import Array, Float, Int, Key

from lpg.agents.outputs import MASKED_LOGIT
from lpg.agents.rollout import RolloutState, init_rollout, rollout
from lpg.agents.tabular import Table
from lpg.environments.base import Environment, EnvParams, ExactEnvironment
from lpg.evaluation.train_config import TrainConfig
from lpg.types import Hyperparameters
from lpg.update_rules.base import Rule
from lpg.update_rules.update import agent_update

Progress = Callable[[int], None]
AXIS = "cases"


class Case(eqx.Module):
    """Initial state of one evaluation; every field may carry a leading axis G of cases."""

    env_params: EnvParams
    policy: Float[Array, " *G S A"]
    """Probabilities, constant."""
    prediction: Float[Array, " *G S P"]
    """y before the first update, as the agent holds it: logits, or numbers."""
    key: Key[Array, " *G"]
    """The random numbers of the rollouts."""


class EvaluationState(eqx.Module):
    """State of the evaluations."""

    prediction: Float[Array, " *G S P"]
    rollout: RolloutState
    visits: Int[Array, " *G S"]
    """How often each state was seen."""


def evaluate_policies(
    rule: Rule,
    env: ExactEnvironment,
    cases: Case,
    hyper: Hyperparameters,
    iterations: Sequence[int],
    train_config: TrainConfig,
    states: Int[Array, " C"] | None = None,
    progress: Progress | None = None,
) -> tuple[np.ndarray, EvaluationState]:
    """Updates the predictions of frozen policies under a rule.

    Args:
        hyper: only the product of learning rate and y weight matters, beside γ and λ.
        iterations: updates after which predictions are wanted, ascending; 0 is before the first.
        states: state indices whose predictions are wanted; none: all.
        progress: called with the number of environment steps just done.

    Returns:
        Predictions [L, G, C, P], and the state after the last of the iterations.
    """
    begin, advance, spread = _programs(env, train_config.static)  # type: ignore[arg-type]  # environments are frozen
    chosen = slice(None) if states is None else np.asarray(states)
    num_cases = cases.policy.shape[0]
    # Padding repeats the last case, so that every device has equally many.
    rows = np.minimum(np.arange(-(-num_cases // jax.device_count()) * jax.device_count()), num_cases - 1)
    cases = jax.device_put(jax.tree.map(lambda x: x[rows], cases), spread)
    state = jax.device_put(begin(cases), spread)
    found, done = [], 0
    for wanted in iterations:
        if wanted < done:
            raise ValueError(f"iterations {list(iterations)} given; ascending ones are needed")
        if wanted > done:
            state = advance(rule, state, cases, hyper, done, wanted)
            if progress is not None:
                jax.block_until_ready(state)
                progress((wanted - done) * num_cases * train_config.steps_per_update)
            done = wanted
        found.append(np.asarray(state.prediction)[:num_cases, chosen])
    return np.stack(found), jax.tree.map(lambda x: jnp.asarray(x[:num_cases]), jax.device_get(state))


def is_categorical(rule: Rule) -> bool:
    """Whether a rule's predictions are distributions, held by agents as logits; others are numbers."""
    return rule.discovers_predictions and getattr(rule, "without", "nothing") != "softmax"


def as_probabilities(rule: Rule, prediction: np.ndarray) -> np.ndarray:
    """Categorical predictions as probabilities, others unchanged."""
    if is_categorical(rule):
        weight = np.exp(prediction - prediction.max(-1, keepdims=True))
        return weight / weight.sum(-1, keepdims=True)
    return prediction


def default_rate(rule: Rule) -> float:
    """Default learning rate × α_y of y.

    The paper does not state its rate. 320 for categorical predictions: with a first discovered rule the distance
    between two initial predictions fell to a tenth about as soon as in the paper's figure 6. At 160 and less some had
    not converged after 300 updates, because the gradient of KL is small for a category with a small probability; at
    640 a few cells with many visits overshot. A squared distance is steeper than KL and overshoots sooner, hence 10
    for other predictions.
    """
    return 320.0 if is_categorical(rule) else 10.0


def hyperparameters(rate: float, gamma: float, lambda_: float = 0.95) -> Hyperparameters:
    """Hyper-parameters of an agent whose y moves at a rate."""
    return TrainConfig(learning_rate=rate, y_weight=1.0, gamma=gamma, lambda_=lambda_).hyperparameters()


def fresh_predictions(rule: Rule, *shape: int) -> Float[Array, " *shape P"]:
    """Initial predictions of an agent: zero, which is uniform where they are categorical."""
    return jnp.zeros((*shape, rule.prediction_size))


def random_predictions(key: Key[Array, ""], rule: Rule, *shape: int) -> Float[Array, " *shape P"]:
    """Initial predictions drawn from N(0, 1); those of rules that do not discover them are zero."""
    scale = 1.0 if rule.discovers_predictions else 0.0
    return scale * jax.random.normal(key, (*shape, rule.prediction_size))


def frozen_policy(num_actions: int) -> optax.GradientTransformation:
    """Plain descent for a table's predictions; its first `num_actions` columns, the policy, stay."""

    def update(gradient: Table, state: optax.OptState, params: Table | None = None) -> tuple[Table, optax.OptState]:
        del params
        return jax.tree.map(lambda g: -g.at[:, :num_actions].set(0.0), gradient), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


@functools.lru_cache(maxsize=32)
def _programs(env: Environment, train_config: TrainConfig) -> tuple[Callable, Callable, NamedSharding]:
    """Compiled: cases → state, and (η, state, cases, α, first, last) → state, cases spread over devices; the layout."""
    mesh = jax.make_mesh((jax.device_count(),), (AXIS,), axis_types=(AxisType.Auto,))
    own, everywhere = PartitionSpec(AXIS), PartitionSpec()

    def begin_one(case: Case) -> EvaluationState:
        rollout_state = init_rollout(jax.random.fold_in(case.key, 0), env, case.env_params, train_config.num_envs)
        return EvaluationState(
            prediction=case.prediction, rollout=rollout_state, visits=jnp.zeros(case.prediction.shape[:1], int)
        )

    def advance(
        rule: Rule,
        state: EvaluationState,
        cases: Case,
        hyper: Hyperparameters,
        first: Int[Array, ""],
        last: Int[Array, ""],
    ) -> EvaluationState:
        def one(row: tuple[EvaluationState, Case]) -> EvaluationState:
            return jax.lax.fori_loop(
                first, last, lambda number, s: _iterate(rule, s, row[1], hyper, number, env, train_config), row[0]
            )

        return jax.lax.map(one, (state, cases), batch_size=_batch(cases.policy.shape[0]))

    spread = jax.shard_map(
        advance,
        mesh=mesh,
        in_specs=(everywhere, own, own, everywhere, everywhere, everywhere),
        out_specs=own,
        check_vma=False,
    )
    return jax.jit(jax.vmap(begin_one)), jax.jit(spread, donate_argnums=1), NamedSharding(mesh, own)


def _batch(num_cases: int) -> int:
    """Cases that are advanced together: few, because they share a cache; a divisor, so that none is left over."""
    return next(size for size in (4, 3, 2, 1) if num_cases % size == 0)


def _iterate(
    rule: Rule,
    state: EvaluationState,
    case: Case,
    hyper: Hyperparameters,
    number: Int[Array, ""],
    env: Environment,
    train_config: TrainConfig,
) -> EvaluationState:
    """A rollout of the frozen policy, and one update of y on it."""
    logits = jnp.where(case.policy > 0, jnp.log(jnp.maximum(case.policy, 1e-30)), MASKED_LOGIT)
    agent = Table(rows=jnp.concatenate([logits, state.prediction], axis=1), num_actions=env.num_actions)
    rollout_state, trajectory, _ = rollout(
        jax.random.fold_in(case.key, 1 + number),
        state.rollout,
        agent,
        env,
        case.env_params,
        num_steps=train_config.num_steps,
        time_limit_is_termination=bool(train_config.time_limit_is_termination),
    )
    optimizer = frozen_policy(env.num_actions)
    mask = env.action_mask(case.env_params)
    moved: Any
    moved, _, _ = agent_update(rule, agent, optimizer, optimizer.init(agent), trajectory, mask, hyper)
    return EvaluationState(
        prediction=moved.rows[:, env.num_actions :],
        rollout=rollout_state,
        visits=state.visits.at[trajectory.observation.reshape(-1)].add(1),
    )
