"""Fresh agents under one frozen rule: what is compiled, and the loop that feeds it.

One compiled program advances a fixed number of runs (a batch: a few per device) by any number of agent updates.
Environment instances, hyper-parameters, seeds, η and the number of updates are data, so the program is compiled once
per environment shape and kind of rule, however often and for however long it is used.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from jaxtyping import Array, Int, Key

from lpg.agents.network import is_faster_unbatched
from lpg.agents.outputs import Agent
from lpg.agents.registry import TABULAR, agent_optimizer, init_agent
from lpg.agents.rollout import RolloutInfo, RolloutState, init_rollout, rollout
from lpg.arrays import vmap_unless_single
from lpg.environments.base import Environment, EnvParams
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
    key: Key[Array, " *R"]


class RunState(eqx.Module):
    """Where one agent's training stands."""

    learner: AgentState
    rollout: RolloutState


@dataclasses.dataclass(frozen=True)
class Curves:
    """Learning curves of R runs, P points each; a point covers the updates since the previous one."""

    agent_updates: np.ndarray
    """[P] agent updates done at each point."""
    return_mean: np.ndarray
    """[R, P] mean undiscounted return of the episodes that ended; NaN where none did."""
    return_stderr: np.ndarray
    """[R, P] its standard error over episodes; NaN for fewer than two."""
    episodes: np.ndarray
    """[R, P] how many ended."""

    def of(self, run: int) -> "Curve":
        """The curve of one run."""
        return self.agent_updates, self.return_mean[run], self.return_stderr[run], self.episodes[run]


Curve = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""One learning curve: agent updates, mean return, its standard error, number of episodes; [P] each."""


@runtime_checkable
class Checkpoints(Protocol):
    """Where a training keeps how far it has come, see `lpg.evaluation.compiled_training`."""

    def read(self, first: int, num_rows: int, state: RunState) -> tuple[RunState, list[RolloutInfo]]:
        """What the batch that begins with this run has reached; the state itself and nothing, if it begins now.

        Args:
            num_rows: runs in the batch, padding included.
        """
        ...

    def write(self, first: int, state: RunState, infos: Sequence[RolloutInfo], *, at_once: bool) -> None:
        """Keeps it; unless it must be at once, only if the last time is long ago."""
        ...


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
    checkpoints: Checkpoints | None = None,
) -> tuple[Curves, list[Agent]]:
    """Trains one fresh agent per run.

    Args:
        runs: on a leading axis of any length R ≥ 1.
        config: only its static fields are read, see `TrainConfig.static`; the traced ones are in `runs.hyper`.
        agent: which kind of agent, see `lpg.agents.registry`. With a baseline it predicts one number more.
        num_points: at most so many points on each curve.
        chunk: runs that a device works on together; none: what is fastest here, as nearly as R allows.
        progress: called with the number of environment steps just done.
        keep_agents: return the trained agents; costs memory.
        checkpoints: go on from what these know, and tell them how far the training has come. A training that was
            interrupted is the one that was not, bit for bit.

    Returns:
        The learning curves, and the agents in the order of the runs (empty unless they are kept).
    """
    num_runs = runs.key.shape[0]
    devices = jax.device_count()
    chunk = chunk or (1 if is_faster_unbatched(agent) else fitting_chunk(num_runs, devices))
    rule, config = WithBaseline(rule) if config.baseline else rule, config.static
    begin, advance, spread = _programs(env, config, chunk, agent)  # type: ignore[arg-type]  # environments are frozen
    batch = chunk * devices
    ends = stretch_ends(num_updates, num_points)
    everything, agents = [], []
    for start in range(0, num_runs, batch):
        rows = np.minimum(np.arange(start, start + batch), num_runs - 1)  # padding repeats the last run
        members = jax.device_put(jax.tree.map(lambda x, rows=rows: x[rows], runs), spread)
        state, infos = begin(rule, members), []
        if checkpoints is not None:
            state, infos = checkpoints.read(start, batch, state)
            state = jax.device_put(state, spread)
        num_real = min(batch, num_runs - start)
        spans = list(zip(np.append(0, ends[:-1]), ends, strict=True))
        try:
            for first, last in spans[len(infos) :]:
                moved, info = advance(rule, state, members, int(first), int(last), num_updates)
                state, infos = moved, [*infos, info]
                # Fetched one stretch late, so that the devices never wait for the host.
                if len(infos) > 1:
                    infos[-2] = jax.device_get(infos[-2])
                if progress is not None:
                    progress(int(last - first) * num_real * config.steps_per_update)
                if checkpoints is not None:
                    checkpoints.write(start, state, infos, at_once=False)
        finally:
            # At a signal, too; then the arrays may just have been given away to the next stretch.
            if checkpoints is not None and not any(leaf.is_deleted() for leaf in jax.tree.leaves(state)):
                checkpoints.write(start, state, infos, at_once=True)
        everything.append(jax.tree.map(lambda *x, n=num_real: np.stack(x, 1)[:n], *jax.device_get(infos)))
        if keep_agents:
            agents += [jax.tree.map(lambda x, i=i: x[i], state.learner.acting) for i in range(num_real)]
    info = jax.tree.map(lambda *x: np.concatenate(x).astype(float), *everything)
    return _curves(ends, info), agents


def stretch_ends(num_updates: int, num_points: int) -> np.ndarray:
    """Agent updates at which a point is logged: evenly spread, the last one at the end.

    Raises:
        ValueError: more updates than compiled programs can count.
    """
    if num_updates >= 2**31:
        raise ValueError(f"{num_updates:,} agent updates asked for; programs count them up to 2,147,483,647 (32 bits)")
    count = min(num_updates, num_points)
    return np.round(np.arange(1, count + 1) * num_updates / count).astype(int)


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
    """Compiled: (η, runs) → states, and (η, states, runs, first, last, total) → states, what finished; and layout."""
    mesh = jax.make_mesh((jax.device_count(),), (AXIS,), axis_types=(AxisType.Auto,))
    spread, everywhere = PartitionSpec(AXIS), PartitionSpec()

    def begin(rule: Rule, run: Run) -> RunState:
        return _begin(rule, run, env, config, agent)

    def advance(rule: Rule, state: RunState, run: Run, span: tuple) -> tuple:
        first, last, total = span
        return _advance(rule, state, run, first, last, total, env, config, agent)

    start = jax.shard_map(
        lambda rule, runs: vmap_unless_single(functools.partial(begin, rule))(runs),
        mesh=mesh, in_specs=(everywhere, spread), out_specs=spread, check_vma=False,
    )  # fmt: skip
    go_on = jax.shard_map(
        lambda rule, states, runs, *span: vmap_unless_single(lambda state, run: advance(rule, state, run, span))(
            states, runs
        ),
        mesh=mesh, in_specs=(everywhere, spread, spread, *[everywhere] * 3), out_specs=spread, check_vma=False,
    )  # fmt: skip
    return jax.jit(start), jax.jit(go_on, donate_argnums=1), NamedSharding(mesh, spread)


def _begin(rule: Rule, run: Run, env: Environment, config: TrainConfig, name: str) -> RunState:
    key_agent, key_reset = jax.random.split(jax.random.fold_in(run.key, 0))
    agent = init_agent(key_agent, name, env, prediction_size=rule.prediction_size)
    optimizer = agent_optimizer(name, config.table_step)
    return RunState(
        learner=init_agent_state(
            agent,
            optimizer,
            config.passes,
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
            passes=config.passes,
            step_size=run.step_size,
            progress=progress,
            key=jax.random.fold_in(key, 1),
        )
        return RunState(learner=learner, rollout=following), jax.tree.map(jnp.add, before, info)

    zero = RolloutInfo(return_sum=jnp.zeros(()), return_square_sum=jnp.zeros(()), num_episodes=jnp.zeros((), int))
    return jax.lax.fori_loop(first, last, update, (state, zero))


def _curves(ends: np.ndarray, info: RolloutInfo) -> Curves:
    """Means and standard errors from sums [R, P]."""
    count = np.asarray(info.num_episodes)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(count > 0, info.return_sum / count, np.nan)
        variance = np.maximum(info.return_square_sum - count * mean**2, 0) / (count - 1)
        stderr = np.where(count > 1, np.sqrt(variance / count), np.nan)
    return Curves(agent_updates=ends, return_mean=mean, return_stderr=stderr, episodes=count.astype(int))


def stack(items: Sequence[Any]) -> Any:
    """Pytrees of equal structure, joined along their leading axes."""
    return jax.tree.map(lambda *x: jnp.concatenate(x), *items)
