"""Trains fresh agents with a frozen rule: the compiled program and the loop around it.

One compiled program advances a fixed number of runs (a batch: a few per device) by any number of agent updates.
Environment parameters, hyper-parameters, seeds, η and the number of updates are traced, so a program is compiled once
for each environment class, kind of rule and static part of the configuration.
"""

import functools
from collections.abc import Callable, Generator, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from jaxtyping import Array, Float, Int, Key

from lpg.agents.custom import is_custom
from lpg.agents.initial_value import with_initial_value
from lpg.agents.network import is_faster_unbatched
from lpg.agents.outputs import Agent
from lpg.agents.registry import TABULAR, agent_optimizer, init_agent
from lpg.agents.rollout import RolloutInfo, RolloutState, init_rollout, rollout
from lpg.arrays import vmap_unless_single
from lpg.environments.base import Environment, EnvParams
from lpg.evaluation.curves import Curves, Totals, curves_from_totals, point_ends
from lpg.evaluation.train_config import TrainConfig
from lpg.learner.baseline import WithBaseline
from lpg.types import Hyperparameters
from lpg.update_rules.base import Rule
from lpg.update_rules.learning import AgentState, StepSize, init_agent_state, learn

AXIS = "runs"


class Run(eqx.Module):
    """What defines one agent's training; every field may carry a leading axis R."""

    env_params: EnvParams
    hyper: Hyperparameters
    step_size: StepSize
    initial_value: Float[Array, " *R"]
    """v₀ of fresh agents; custom agents have their own."""
    key: Key[Array, " *R"]


class RunState(eqx.Module):
    """Where one agent's training stands."""

    learner: AgentState
    rollout: RolloutState


def train_agents(
    rule: Rule,
    env: Environment,
    runs: Run,
    num_updates: int,
    *,
    config: TrainConfig,
    agent: str = TABULAR,
    num_points: int = 50,
    chunk: int | None = None,
    progress: Callable[[int], None] | None = None,
    keep_agents: bool = False,
) -> tuple[Curves, list[Agent]]:
    """Trains one fresh agent per run.

    Args:
        runs: on a leading axis of any length R ≥ 1.
        config: only its static fields are read, see `TrainConfig.static`; the traced ones are in `runs`.
        agent: which kind of agent, see `lpg.agents.registry`. With a baseline it predicts one number more.
        num_points: at most so many points on each curve.
        chunk: runs that a device works on together; none: what is fastest here, as nearly as R allows.
        progress: called with the number of environment steps just done.
        keep_agents: return the trained agents; costs memory.

    Returns:
        The learning curves, and the agents in the order of the runs (empty unless they are kept).
    """
    ends = point_ends(num_updates, num_points)
    everything: list[list[Totals]] = []
    agents: list[Agent] = []
    for rows, num_real in batch_rows(runs.key.shape[0], agent, chunk):
        members = jax.tree.map(lambda x, rows=rows: x[rows], runs)
        done = 0
        for state, totals in advance_batch(rule, env, members, config, agent, ends):
            trained, before, done = state.learner.acting, done, int(ends[len(totals) - 1])
            if progress is not None:
                progress((done - before) * num_real * config.steps_per_update)
        everything.append([jax.tree.map(lambda x, n=num_real: np.asarray(x)[:n], point) for point in totals])
        if keep_agents:
            trained = jax.device_get(trained)  # rows of arrays on several devices are slow to take
            agents += [jax.tree.map(jnp.asarray, row_of(trained, row)) for row in range(num_real)]
    joined = [jax.tree.map(lambda *x: np.concatenate(x), *point) for point in zip(*everything, strict=True)]
    return curves_from_totals(ends, joined), agents


def batch_rows(num_runs: int, agent: str, chunk: int | None = None) -> list[tuple[np.ndarray, int]]:
    """The runs, in batches of `chunk` for each device.

    Returns:
        For each batch the indices of its runs, and how many of them are no padding, which repeats the last run.
    """
    devices = jax.local_device_count()
    chunk = chunk or (1 if is_faster_unbatched(agent) else fitting_chunk(num_runs, devices))
    size = chunk * devices
    return [
        (np.minimum(np.arange(start, start + size), num_runs - 1), min(size, num_runs - start))
        for start in range(0, num_runs, size)
    ]


def init_batch(rule: Rule, env: Environment, runs: Run, config: TrainConfig, agent: str) -> RunState:
    """Fresh agents and environments for a batch of runs; arguments as in `advance_batch`."""
    init, _, layout = _programs(env, config.static, len(runs.key) // jax.local_device_count(), agent)  # type: ignore[arg-type]
    return init(_with_baseline(rule, config), jax.device_put(runs, layout))


def advance_batch(
    rule: Rule,
    env: Environment,
    runs: Run,
    config: TrainConfig,
    agent: str,
    ends: np.ndarray,
    *,
    state: RunState | None = None,
    totals: Sequence[Totals] = (),
) -> Generator[tuple[RunState, list[Totals]], None, None]:
    """Trains a batch of agents, point by point of the learning curve.

    A training that goes on from a state is the one that was not interrupted, bit for bit.

    Args:
        runs: of a batch, see `batch_rows`.
        ends: [P] agent updates at which points end.
        state: where the training stands; none: at its beginning. Its arrays are deleted.
        totals: of the points that are done.

    Yields:
        The state at the end of a point, and the totals of all points up to there; JAX arrays, which are still being
        computed. The state's arrays are deleted when the next one is asked for.
    """
    # Environments are frozen dataclasses.
    _, advance, layout = _programs(env, config.static, len(runs.key) // jax.local_device_count(), agent)  # type: ignore[arg-type]
    runs = jax.device_put(runs, layout)
    state = init_batch(rule, env, runs, config, agent) if state is None else jax.device_put(state, layout)
    rule, totals = _with_baseline(rule, config), list(totals)
    spans = list(zip(np.append(0, ends[:-1]), ends, strict=True))
    for first, last in spans[len(totals) :]:
        state, info = advance(rule, state, runs, int(first), int(last), int(ends[-1]))
        totals = [*totals, (info.return_sum, info.return_square_sum, info.num_episodes)]
        # Fetched one point late, so that the devices never wait for the host.
        if len(totals) > 1:
            totals[-2] = jax.device_get(totals[-2])
        yield state, totals


def row_of(tree: Any, row: int) -> Any:
    """One row of every array."""
    return jax.tree.map(lambda x: x[row], tree)


def _with_baseline(rule: Rule, config: TrainConfig) -> Rule:
    return WithBaseline(rule) if config.baseline else rule


def fitting_chunk(num_runs: int, num_devices: int) -> int:
    """Runs per device and batch: few on CPUs, whose caches they must share, and many elsewhere; little is padded."""
    wanted = 4 if jax.default_backend() == "cpu" else 256
    local = -(-num_runs // num_devices)
    if local <= wanted:
        return local
    candidates = range(max(wanted // 2, 1), wanted + 1)
    return min(candidates, key=lambda chunk: (-(-local // chunk) * chunk, -chunk))


@functools.lru_cache(maxsize=64)
def _programs(
    env: Environment, config: TrainConfig, chunk: int, agent: str
) -> tuple[Callable, Callable, NamedSharding]:
    """Compiled init and advance of a batch, and how its arrays are spread over devices.

    Returns:
        (η, runs) → states; (η, states, runs, first, last, total) → states, sums over the episodes that ended; the
        sharding of states and runs.
    """
    # Of this process: where several meta-train together, each of them validates.
    devices = jax.local_devices()
    mesh = jax.make_mesh((len(devices),), (AXIS,), axis_types=(AxisType.Auto,), devices=devices)
    spread, everywhere = PartitionSpec(AXIS), PartitionSpec()

    def init(rule: Rule, run: Run) -> RunState:
        return _init(rule, run, env, config, agent)

    def advance(rule: Rule, state: RunState, run: Run, span: tuple) -> tuple:
        first, last, total = span
        return _advance(rule, state, run, first, last, total, env, config, agent)

    init_all = jax.shard_map(
        lambda rule, runs: vmap_unless_single(functools.partial(init, rule))(runs),
        mesh=mesh, in_specs=(everywhere, spread), out_specs=spread, check_vma=False,
    )  # fmt: skip
    advance_all = jax.shard_map(
        lambda rule, states, runs, *span: vmap_unless_single(lambda state, run: advance(rule, state, run, span))(
            states, runs
        ),
        mesh=mesh, in_specs=(everywhere, spread, spread, *[everywhere] * 3), out_specs=spread, check_vma=False,
    )  # fmt: skip
    return jax.jit(init_all), jax.jit(advance_all, donate_argnums=1), NamedSharding(mesh, spread)


def _init(rule: Rule, run: Run, env: Environment, config: TrainConfig, name: str) -> RunState:
    key_agent, key_reset = jax.random.split(jax.random.fold_in(run.key, 0))
    agent = init_agent(key_agent, name, env, prediction_size=rule.prediction_size)
    if not is_custom(name):
        agent = with_initial_value(agent, run.initial_value, rule.prediction_size - config.baseline)
    return RunState(
        learner=init_agent_state(
            agent,
            agent_optimizer(name, config.table_step),
            config.learn_options,
            num_envs=config.num_envs,
            observation_shape=env.observation_shape,
        ),
        rollout=init_rollout(key_reset, env, run.env_params, config.num_envs),
    )


def _advance(
    rule: Rule,
    state: RunState,
    run: Run,
    first: Int[Array, ""],
    last: Int[Array, ""],
    total: Int[Array, ""],
    env: Environment,
    config: TrainConfig,
    name: str,
) -> tuple[RunState, RolloutInfo]:
    """Agent updates number `first` to `last` − 1 of `total`, each on a rollout of its own; sums over what finished."""
    mask, optimizer = env.action_mask(run.env_params), agent_optimizer(name, config.table_step)

    def update(number: Int[Array, ""], carry: tuple[RunState, RolloutInfo]) -> tuple[RunState, RolloutInfo]:
        state, before = carry
        key = jax.random.fold_in(run.key, 1 + number)
        following, trajectory, info = rollout(
            key,
            state.rollout,
            state.learner.acting,
            env,
            run.env_params,
            num_steps=config.num_steps,
            time_limit_is_termination=bool(config.time_limit_is_termination),
        )
        # The schedule of the learning rate reaches its end with the last update.
        progress = number / jnp.maximum(total - 1, 1)
        learner, _ = learn(
            rule,
            state.learner,
            trajectory,
            mask,
            run.hyper,
            optimizer,
            options=config.learn_options,
            step_size=run.step_size,
            progress=progress,
            num_updates=total,
            key=jax.random.fold_in(key, 1),
        )
        return RunState(learner=learner, rollout=following), jax.tree.map(jnp.add, before, info)

    zero = RolloutInfo(return_sum=jnp.zeros(()), return_square_sum=jnp.zeros(()), num_episodes=jnp.zeros((), int))
    return jax.lax.fori_loop(first, last, update, (state, zero))
