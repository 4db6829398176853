"""Meta-training (Algorithm 1 of the paper): initial state, and one meta-update over all lifetimes."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from lpg.agents.registry import env_sizes
from lpg.environments.registry import env_spec, suite
from lpg.keys import stream
from lpg.meta_training.config import MetaConfig
from lpg.meta_training.groups import Group, arms, drawn_length, lifetime_updates, make_groups
from lpg.meta_training.levels import Levels, exact_returns
from lpg.meta_training.lifetime import LifetimeSpec
from lpg.meta_training.meta_gradient import WindowInfo
from lpg.meta_training.own_term import check_term
from lpg.meta_training.programs import (
    AXIS,
    MetaStepInfo,
    Programs,
    ScaleState,
    compile_programs,
    make_mesh,
    meta_optimizer,
)
from lpg.meta_training.state import Counters, MetaState, init_bandit, init_slots
from lpg.processes import fetch, place
from lpg.update_rules.base import Rule
from lpg.update_rules.lpg import LPG
from lpg.update_rules.own_rule import check_rule
from lpg.update_rules.registry import find_rule
from lpg.update_rules.rule_file import FITTED, RANDOM, describe, initialiser, origin, sizes_of
from lpg.update_rules.ta_lpg import with_time

MAX_DIVERGED_SHARE = 0.05
"""The run stops if a larger share of its lifetimes diverges, that is, has a number that is not finite."""
MIN_STARTED_LIFETIMES = 40
"""This share is checked once so many lifetimes have started."""


class DivergenceError(RuntimeError):
    """Meta-training stopped, because η is not finite or too many lifetimes diverged."""


@dataclasses.dataclass(frozen=True)
class Provenance:
    """What a discovery began from."""

    origin: str = RANDOM
    """Random numbers, or an η fitted to a hand-written rule."""
    environment_steps: int = 0
    """Steps that its meta-trainings saw before this one."""

    @staticmethod
    def of_card(card: Mapping[str, Any]) -> "Provenance":
        """That of a rule from which a meta-training goes on."""
        return Provenance(origin(card), card.get("environment_steps", 0))


@dataclasses.dataclass
class MetaUpdateReport:
    """Diagnostics of one meta-update; all arrays are on the host."""

    step: MetaStepInfo
    windows: dict[str, WindowInfo]
    """By environment; arrays [n] over its lifetimes."""
    final_returns: dict[str, list[float]]
    """By environment: final returns of the lifetimes that ended now, without those shortened by staggering."""
    resets: int
    """Lifetimes that ended early: diverged, or with a deterministic policy."""


class Trainer:
    """The compiled programs of one configuration, and the functions that update a `MetaState` with them."""

    def __init__(self, config: MetaConfig, seed: int) -> None:
        """Compiles the programs, see `compile_programs`."""
        self.config, self.seed = config, seed
        self.provenance = Provenance()
        """Of the η at meta-update 0, for the rule's card."""
        self.mesh = make_mesh()
        self.groups: list[Group] = make_groups(config, jax.device_count())
        self.names = tuple(name for group in self.groups for name in group.names)
        self.programs: Programs
        self.programs, self._shapes = compile_programs(config, self.groups, self.mesh, random_rule(config, seed))

    def template(self) -> MetaState:
        """A state of the right shapes without any started lifetime, see `lpg.meta_training.checkpoint`."""
        replicated = NamedSharding(self.mesh, PartitionSpec())
        rule = place(random_rule(self.config, self.seed), replicated)
        num_environments = len(self.names)
        return MetaState(
            rule=rule,
            average=jax.tree.map(jnp.copy, rule),
            optimizer_state=place(meta_optimizer(self.config).init(rule), replicated),
            scales=place(ScaleState(jnp.zeros((num_environments,)), jnp.zeros(())), replicated),
            lifetimes=jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype, device=x.sharding), self._shapes),
            slots=[init_slots(self.config, group) for group in self.groups],
            bandit=init_bandit(self.config, self.names),
            levels=Levels(self.config.level_sampling, self.config.level_replay),
            counters=Counters(),
        )

    def init(self) -> MetaState:
        """The state at meta-update 0: the initial η, and newly started lifetimes."""
        state = self.template()
        state.rule = place(initial_rule(self.config, self.seed), NamedSharding(self.mesh, PartitionSpec()))
        state.average = jax.tree.map(jnp.copy, state.rule)
        for index, group in enumerate(self.groups):
            self._reset_lifetimes(state, index, np.ones(len(group.env_index), bool), is_first=True)
        return state

    def meta_update(self, state: MetaState) -> MetaUpdateReport:
        """K agent updates in every lifetime, one update of η, and new lifetimes for those that ended.

        Args:
            state: modified in place; the device arrays of its lifetimes are donated.

        Raises:
            DivergenceError: η is not finite, or more than `MAX_DIVERGED_SHARE` of the lifetimes diverged.
        """
        gradients, infos = [], []
        for index in range(len(self.groups)):
            gradient, state.lifetimes[index], info = self.programs.window[index](
                state.rule, state.lifetimes[index], *self.window_arguments(state, index)
            )
            gradients.append(gradient)
            infos.append(info)
        state.rule, state.average, state.optimizer_state, state.scales, step = self.programs.meta_step(
            state.rule, state.average, state.optimizer_state, state.scales, tuple(gradients)
        )
        state.counters.meta_update += 1
        report = MetaUpdateReport(step=jax.device_get(step), windows={}, final_returns={}, resets=0)
        for index, info in enumerate(infos):
            self._end_lifetimes(state, index, fetch(info), report)
        self._check(state, report)
        return report

    def window_arguments(self, state: MetaState, index: int) -> tuple:
        """What a group's window takes after η and the lifetimes, see `lpg.meta_training.programs.window_program`."""
        group, slots = self.groups[index], state.slots[index]
        times = slots.age.astype(np.int32), slots.length.astype(np.int32)
        rest = group.weight, np.array(group.env_index, np.int32), times
        return self._keys(state, index, "window"), *self._shard(rest)

    def _end_lifetimes(self, state: MetaState, index: int, info: WindowInfo, report: MetaUpdateReport) -> None:
        """Records the lifetimes of a group that ended, and starts new ones in their place."""
        group, slots, counters = self.groups[index], state.slots[index], state.counters
        steps = self.config.agents_per_lifetime * self.config.num_updates * self.config.steps_per_update
        counters.environment_steps += group.num_real * steps
        slots.age += self.config.num_updates
        is_real = group.weight > 0
        has_diverged = ~info.is_finite
        is_deterministic = info.is_deterministic & ~has_diverged
        has_ended = (slots.age >= slots.length) | has_diverged | is_deterministic
        final = final_returns(*fetch((state.lifetimes[index].return_sum, state.lifetimes[index].return_count)))
        environments = np.array(group.env_index)
        for lifetime in np.flatnonzero(has_ended & is_real & ~has_diverged & (slots.is_counted | is_deterministic)):
            name = group.names[environments[lifetime]]
            state.bandit.record(self.names.index(name), int(slots.arm[lifetime]), float(final[lifetime]))
            report.final_returns.setdefault(name, []).append(float(final[lifetime]))
            if slots.level is not None:
                solve = functools.partial(exact_returns, group.distributions[environments[lifetime]])
                first, second = slots.level[lifetime].tolist()
                state.levels.record(self.names.index(name), (first, second), float(final[lifetime]), solve)
        for lifetime in np.flatnonzero(has_diverged & is_real):
            name = group.names[environments[lifetime]]
            state.bandit.record_failure(self.names.index(name), int(slots.arm[lifetime]))
        for position, name in enumerate(group.names):
            rows = is_real & (environments == position)
            report.windows[name] = jax.tree.map(lambda x, rows=rows: x[rows], info)
        counters.ended += int((has_ended & is_real).sum())
        counters.dropped += int((has_diverged & is_real).sum())
        counters.deterministic += int((is_deterministic & is_real).sum())
        report.resets += int(((has_diverged | is_deterministic) & is_real).sum())
        if has_ended.any():
            self._reset_lifetimes(state, index, has_ended, is_first=False)

    def _reset_lifetimes(self, state: MetaState, index: int, must_reset: np.ndarray, *, is_first: bool) -> None:
        """Starts new lifetimes where `must_reset`, with hyper-parameters chosen by the bandit."""
        group, slots, config = self.groups[index], state.slots[index], self.config
        generator = np.random.default_rng([self.seed, state.counters.meta_update, index])
        for lifetime in np.flatnonzero(must_reset):
            name = group.names[group.env_index[lifetime]]
            length = lifetime_updates(config, name)
            if config.min_lifetime_updates is not None:
                length = drawn_length(config, length, generator)
            is_shortened = is_first and config.stagger
            num_windows = generator.integers(1, length // config.num_updates, endpoint=True)
            slots.length[lifetime] = num_windows * config.num_updates if is_shortened else length
            slots.age[lifetime] = 0
            slots.is_counted[lifetime] = not is_shortened
            slots.arm[lifetime] = state.bandit.choose(self.names.index(name), generator)
            if slots.level is not None:
                slots.level[lifetime] = state.levels.choose(self.names.index(name), generator)
        pairs = [arms(config, name) for name in group.names]
        chosen = np.array([pairs[env][arm] for env, arm in zip(group.env_index, slots.arm, strict=True)], np.float32)
        specs = LifetimeSpec(
            jnp.array(group.env_index, jnp.int32),
            jnp.array(chosen[:, 0]),
            jnp.array(chosen[:, 1]),
            None if slots.level is None else jnp.array(slots.level),
        )
        keys = self._keys(state, index, "reset")
        state.lifetimes[index] = self.programs.reset[index](
            state.lifetimes[index], self._shard(must_reset), self._shard(specs), keys
        )
        state.counters.started += int((must_reset & (group.weight > 0)).sum())

    def _keys(self, state: MetaState, index: int, purpose: str) -> jax.Array:
        """Keys [N], a function of seed, meta-update, group and purpose: a resumed run needs no stored key."""
        key = jax.random.fold_in(stream(self.seed, "meta"), state.counters.meta_update)
        key = jax.random.fold_in(key, 2 * index + (purpose == "reset"))
        return self._shard(jax.random.split(key, len(self.groups[index].env_index)))

    def _shard(self, tree: Any) -> Any:
        """Arrays [N, …], sharded over the devices."""
        return place(tree, NamedSharding(self.mesh, PartitionSpec(AXIS)))

    def _check(self, state: MetaState, report: MetaUpdateReport) -> None:
        """Raises `DivergenceError` with the environments and terms that are not finite."""
        counters = state.counters
        details = nonfinite_terms(report)
        if not report.step.is_finite:
            raise DivergenceError(f"η is not finite at meta-update {counters.meta_update}{details}")
        if counters.started >= MIN_STARTED_LIFETIMES and counters.dropped > MAX_DIVERGED_SHARE * counters.started:
            raise DivergenceError(
                f"{counters.dropped} of {counters.started} lifetimes diverged by meta-update {counters.meta_update}, "
                f"more than {MAX_DIVERGED_SHARE:.0%}{details}"
            )


def nonfinite_terms(report: MetaUpdateReport) -> str:
    """Environments, and terms of their meta-loss, that are not finite, as the end of a sentence; empty if all are."""
    environments = []
    for name, info in report.windows.items():
        if not np.all(info.is_finite):
            values = {field: getattr(info.terms, field) for field in info.terms.__dataclass_fields__}
            nonfinite = [field for field, value in values.items() if not np.all(np.isfinite(value))]
            environments.append(f"{name} ({', '.join(nonfinite) or 'meta-gradient'})")
    return f": {'; '.join(environments)}" if environments else ""


def final_returns(total: jax.Array | np.ndarray, count: jax.Array | np.ndarray) -> np.ndarray:
    """Mean return [N] of about the last B episodes of each lifetime; NaN if no episode has ended."""
    number = np.asarray(count, float)
    return np.where(number > 0, np.asarray(total, float) / np.maximum(number, 1e-9), np.nan)


def random_rule(config: MetaConfig, seed: int) -> Rule:
    """A randomly initialised η of the configured kind and sizes."""
    key = jax.random.fold_in(stream(seed, "meta"), 2**31 - 1)
    return initialiser(config.rule)(key, **rule_sizes(config))


def initial_rule(config: MetaConfig, seed: int) -> Rule:
    """The η at meta-update 0: the rule `config.initial_rule`, or a randomly initialised one.

    Raises:
        ValueError: the configured rule does not exist, or has another kind or other sizes.
    """
    if config.initial_rule is None:
        return random_rule(config, seed)
    found = find_rule(config.initial_rule)
    kind, sizes = describe(found.rule, found.card) if found.is_learned else ("written by hand", {})
    if (kind, config.rule) == ("lpg", "ta-lpg") and sizes == rule_sizes(config):
        return with_time(cast(LPG, found.rule))
    if (kind, sizes) != (config.rule, rule_sizes(config)):
        needed = _description(config.rule, rule_sizes(config))
        raise ValueError(f"initial_rule {config.initial_rule!r} is {_description(kind, sizes)}; {needed} is needed")
    return found.rule


def check_own_parts(config: MetaConfig, rule: Rule) -> None:
    """Checks rule and term of the user's own, which else would fail in a compilation; see `check_rule`, `check_term`.

    Raises:
        ValueError: one of them breaks its interface.
    """
    sizes = env_sizes(env_spec(suite(config.suite)[0]).distribution.env, rule.prediction_size)
    check_rule(rule, sizes)
    check_term(config.meta_term, sizes.num_actions, sizes.prediction_size)


def provenance_of(config: MetaConfig) -> Provenance:
    """Of the η at meta-update 0."""
    before = Provenance() if config.initial_rule is None else Provenance.of_card(find_rule(config.initial_rule).card)
    return dataclasses.replace(before, origin=FITTED + config.teacher) if config.objective == "imitate" else before


def rule_sizes(config: MetaConfig) -> dict[str, int]:
    """Sizes of the rule, by name."""
    return {name: getattr(config, name) for name in sizes_of(config.rule)}


def _description(kind: str, sizes: dict[str, int]) -> str:
    return " ".join([kind, *(f"{name} {size}" for name, size in sizes.items())])
