"""The compiled programs of a meta-training: window and reset for each group of lifetimes, and the update of η."""

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Bool, Float, Key

from lpg.arrays import vmap_unless_single
from lpg.meta_training.config import MetaConfig
from lpg.meta_training.evolution import Lifetimes, PairState, init_pair, pair_gradient
from lpg.meta_training.groups import Group, has_levels
from lpg.meta_training.imitation import imitation_window
from lpg.meta_training.lifetime import LifetimeSpec, init_lifetime
from lpg.meta_training.meta_gradient import WindowInfo, all_finite, meta_gradient
from lpg.processes import device_mesh
from lpg.types import Hyperparameters, at_update
from lpg.update_rules.base import Rule
from lpg.update_rules.ta_lpg import TALPG, time_weights

AXIS = "lifetimes"
"""Name of the mesh axis: lifetimes are sharded over all devices of all processes."""


class MetaStepInfo(eqx.Module):
    """Diagnostics of the optimiser step of η in one meta-update."""

    gradient_norm: Float[Array, ""]
    """Global norm of the mean meta-gradient, before clipping."""
    environment_norms: Float[Array, " E"]
    """Norm of the mean meta-gradient of each environment, before any scaling."""
    leaf_norms: Float[Array, " L"]
    """Norm of the mean meta-gradient of each leaf of η."""
    is_finite: Bool[Array, ""]


class ScaleState(eqx.Module):
    """Running mean square of the gradient norm of each environment; `mean_square / weight` is bias-corrected."""

    mean_square: Float[Array, " E"]
    weight: Float[Array, ""]


@dataclasses.dataclass(frozen=True)
class Programs:
    """Compiled programs; `window` and `reset` have one for each group."""

    window: tuple[jax.stages.Compiled, ...]
    """See `window_program`."""
    reset: tuple[jax.stages.Compiled, ...]
    """See `reset_program`."""
    meta_step: Callable
    """See `meta_step_program`."""


def make_mesh() -> Mesh:
    """A mesh of all devices of all processes along one axis."""
    return device_mesh(AXIS)


def window_program(config: MetaConfig, group: Group, mesh: Mesh) -> Any:
    """(η, lifetimes, keys, weight, env_index, times) → gradients [D, E, …], lifetimes, diagnostics; others are [N, …].

    `weight` and `env_index` are those of the group; `times` are two arrays, the agent updates that were made and those
    of the whole lifetime, for rules that read them. On each of the D devices, `group.chunk` lifetimes are
    differentiated at a time, and gradients are summed over the lifetimes of each of the E environments.
    """
    estimate: Callable = pair_gradient if config.meta_optimizer == "es" else meta_gradient
    window = {"window": imitation_window} if config.objective == "imitate" else {}

    def on_device(
        rule: Rule, lifetimes: Lifetimes, keys: Key[Array, " N"], weight: Array, env_index: Array, times: tuple
    ) -> tuple:
        def gradient_of(lifetime: Lifetimes, key: Array, times: tuple) -> tuple:
            gradient, after, info = estimate(
                rule, timed(lifetime, times), key, config, group.env, group.agent, **window
            )
            return gradient, timed(after, None), info

        def differentiate_chunk(total: Rule, rows: tuple) -> tuple[Rule, tuple[Lifetimes, WindowInfo]]:
            lifetimes, keys, weight, env_index, times = rows
            gradient, lifetimes, info = vmap_unless_single(gradient_of)(lifetimes, keys, times)
            selected = jax.nn.one_hot(env_index, len(group.names), axis=0, dtype=weight.dtype) * weight
            total = jax.tree.map(lambda t, g: t + jnp.tensordot(selected, g, axes=1), total, gradient)
            return total, (lifetimes, info)

        chunked = jax.tree.map(
            lambda x: x.reshape(x.shape[0] // group.chunk, group.chunk, *x.shape[1:]),
            (lifetimes, keys, weight, env_index, times),
        )
        zero = jax.tree.map(lambda x: jnp.zeros((len(group.names), *x.shape), x.dtype), rule)
        total, results = jax.lax.scan(differentiate_chunk, zero, chunked)
        lifetimes, info = jax.tree.map(lambda x: x.reshape(x.shape[0] * x.shape[1], *x.shape[2:]), results)
        return jax.tree.map(lambda x: x[None], total), lifetimes, info

    by_lifetime = PartitionSpec(AXIS)
    sharded = jax.shard_map(
        on_device,
        mesh=mesh,
        in_specs=(PartitionSpec(), *[by_lifetime] * 5),
        out_specs=(by_lifetime, by_lifetime, by_lifetime),
        check_vma=False,
    )
    return jax.jit(sharded, donate_argnums=1)


def timed(lifetime: Lifetimes, times: tuple[Array, Array] | None) -> Lifetimes:
    """A lifetime, or a pair, with the time in its hyper-parameters; None: without, as checkpoints have it."""

    def change(hyper: Hyperparameters) -> Hyperparameters:
        if times is None:
            return dataclasses.replace(hyper, progress=None, num_updates=None)
        return at_update(hyper, *times)

    if isinstance(lifetime, PairState):
        return eqx.tree_at(lambda pair: pair.both.hyper, lifetime, jax.vmap(change)(lifetime.both.hyper))
    return eqx.tree_at(lambda one: one.hyper, lifetime, change(lifetime.hyper))


def starter(config: MetaConfig) -> Callable:
    """What begins a lifetime, or a pair of them; arguments as in `init_lifetime`."""
    return init_pair if config.meta_optimizer == "es" else init_lifetime


def reset_program(config: MetaConfig, group: Group, mesh: Mesh, rule: Rule) -> Any:
    """(lifetimes [N], must_reset [N], specs [N], keys [N]) → lifetimes, newly initialised where `must_reset`.

    On a CPU a sequential loop (`jax.lax.map`), because `vmap` would initialise all lifetimes and discard most. On an
    accelerator one lifetime takes as long as all of them, and every pass of a loop waits for the host.
    """
    samplers = tuple(distribution.sample for distribution in group.distributions)

    def reset_one(row: tuple) -> Lifetimes:
        lifetime, must_reset, spec, key = row
        start = lambda: starter(config)(key, spec, config, group.env, samplers, rule, group.agent)  # noqa: E731
        return jax.lax.cond(must_reset, start, lambda: lifetime)

    def on_device(lifetimes: Lifetimes, must_reset: Array, specs: LifetimeSpec, keys: Key[Array, " N"]) -> Lifetimes:
        rows = (lifetimes, must_reset, specs, keys)
        return jax.lax.map(reset_one, rows) if jax.default_backend() == "cpu" else jax.vmap(reset_one)(rows)

    by_lifetime = PartitionSpec(AXIS)
    sharded = jax.shard_map(on_device, mesh=mesh, in_specs=(by_lifetime,) * 4, out_specs=by_lifetime, check_vma=False)
    return jax.jit(sharded, donate_argnums=0)


def meta_optimizer(config: MetaConfig) -> optax.GradientTransformation:
    """The optimiser of η: clipping by global norm, then Adam with linear warm-up and optional cosine decay."""
    peak = config.meta_learning_rate
    decay = optax.cosine_decay_schedule(peak, max(config.meta_updates - config.warmup, 1), config.final_learning_rate)
    rate = optax.join_schedules([optax.linear_schedule(0.0, peak, config.warmup), decay], [config.warmup])
    clip = [] if config.max_gradient_norm is None else [optax.clip_by_global_norm(config.max_gradient_norm)]
    return optax.chain(*clip, optax.adam(rate))


def meta_step_program(config: MetaConfig, counts: list[np.ndarray], mesh: Mesh) -> Callable:
    """(η, its running mean, optimiser state, scales, gradients of all groups) → the first four, updated; diagnostics.

    The meta-gradient is the mean over all lifetimes, independent of their grouping. If it is not finite, nothing is
    updated.

    Args:
        counts: for each group, the number of lifetimes of each of its environments.
        mesh: every device of it has all results.
    """
    optimizer = meta_optimizer(config)
    count = jnp.concatenate([jnp.asarray(c, jnp.float32) for c in counts])

    def step(rule: Rule, average: Rule, optimizer_state: optax.OptState, scales: ScaleState, gradients: tuple) -> tuple:
        summed = jax.tree.map(lambda *g: jnp.concatenate([x.sum(0) for x in g]), *gradients)
        mean = jax.tree.map(lambda g: g / count.reshape(-1, *[1] * (g.ndim - 1)), summed)
        squares = [jnp.sum(g.reshape(g.shape[0], -1) ** 2, axis=1) for g in jax.tree.leaves(mean)]
        norms = jnp.sqrt(sum(squares))
        new_scales = ScaleState(
            mean_square=0.95 * scales.mean_square + 0.05 * norms**2, weight=0.95 * scales.weight + 0.05
        )
        env_weight = count / count.sum()
        if config.scale_gradients:
            env_weight = env_weight / jnp.maximum(jnp.sqrt(new_scales.mean_square / new_scales.weight), 1e-6)
        gradient = jax.tree.map(lambda g: jnp.tensordot(env_weight.astype(g.dtype), g, axes=1), mean)
        if config.trained_weights == "time":
            gradient = time_weights(cast(TALPG, gradient))
        is_finite = all_finite(gradient)
        updates, new_optimizer_state = optimizer.update(gradient, optimizer_state, rule)
        new_rule = optax.apply_updates(rule, updates)
        new_average = jax.tree.map(lambda old, new: new + config.averaging * (old - new), average, new_rule)
        if_finite = lambda new, old: jnp.where(is_finite, new, old)  # noqa: E731
        info = MetaStepInfo(
            gradient_norm=optax.tree.norm(gradient),
            environment_norms=norms,
            leaf_norms=jnp.stack([jnp.linalg.norm(g.reshape(-1)) for g in jax.tree.leaves(gradient)]),
            is_finite=is_finite & all_finite(new_rule),
        )
        return (
            jax.tree.map(if_finite, new_rule, rule),
            jax.tree.map(if_finite, new_average, average),
            jax.tree.map(if_finite, new_optimizer_state, optimizer_state),
            jax.tree.map(if_finite, new_scales, scales),
            info,
        )

    return jax.jit(step, out_shardings=NamedSharding(mesh, PartitionSpec()))


def compile_programs(config: MetaConfig, groups: list[Group], mesh: Mesh, rule: Rule) -> tuple[Programs, list]:
    """Compiles the window and reset programs of all groups ahead of time; `meta_step` is compiled at its first call.

    Returns:
        The programs, and for each group the shapes and sharding of its lifetimes.
    """
    sharded = NamedSharding(mesh, PartitionSpec(AXIS))

    def lower(group: Group) -> tuple[Any, Any, Any]:
        size = len(group.env_index)
        keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), size))
        level = jnp.zeros((size, 2), jnp.uint32) if has_levels(config, group.env) else None
        specs = jax.eval_shape(
            lambda: LifetimeSpec(jnp.zeros(size, jnp.int32), jnp.zeros(size), jnp.zeros(size), level)
        )
        samplers = tuple(distribution.sample for distribution in group.distributions)
        init = jax.vmap(lambda key, spec: starter(config)(key, spec, config, group.env, samplers, rule, group.agent))
        empty = jax.eval_shape(init, keys, specs)
        place = lambda tree: jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharded), tree)  # noqa: E731
        flags = jax.ShapeDtypeStruct((size,), bool)
        weight, env_index = jax.ShapeDtypeStruct((size,), jnp.float32), jax.ShapeDtypeStruct((size,), jnp.int32)
        replicated = NamedSharding(mesh, PartitionSpec())
        eta = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=replicated), rule)
        arguments = (empty, keys, weight, env_index, (env_index, env_index))
        window = window_program(config, group, mesh).lower(eta, *place(arguments))
        reset = reset_program(config, group, mesh, rule).lower(*place((empty, flags, specs, keys)))
        return window, reset, place(empty)

    lowered = [lower(group) for group in groups]
    compiled = compile_all([window for window, _, _ in lowered] + [reset for _, reset, _ in lowered])
    counts = [np.bincount(group.env_index[: group.num_real], minlength=len(group.names)) for group in groups]
    programs = Programs(
        window=compiled[: len(groups)],
        reset=compiled[len(groups) :],
        meta_step=meta_step_program(config, counts, mesh),
    )
    return programs, [empty for _, _, empty in lowered]


def compile_all(lowered: list[jax.stages.Lowered]) -> tuple[jax.stages.Compiled, ...]:
    """Compiles programs, on a CPU one after the other: there each uses all cores anyway, and some gigabytes."""
    if jax.default_backend() == "cpu":
        return tuple(program.compile() for program in lowered)
    with ThreadPoolExecutor() as pool:
        return tuple(pool.map(lambda program: program.compile(), lowered))
