"""A small meta-training with three environments, padding and resets, compiled once for all tests."""

import copy
import dataclasses
import functools
import json
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from lpg.meta_training.config import MetaConfig
from lpg.meta_training.critic import CriticInfo
from lpg.meta_training.meta_gradient import WindowInfo
from lpg.meta_training.objective import ObjectiveTerms
from lpg.meta_training.programs import MetaStepInfo
from lpg.meta_training.run import RunResult, run
from lpg.meta_training.trainer import MetaUpdateReport, Trainer
from tests.helpers import Silent

TINY = MetaConfig(
    suite="chain/short,chain/short_noisy,chain/long", lstm_size=4, prediction_size=3, embedding_size=2,
    num_lifetimes=5, num_envs=4, num_steps=4, num_updates=2, lifetime_updates=8, chunk=1,
    learning_rates=(20.0, 40.0), y_weights=(0.5,), meta_updates=4, meta_learning_rate=1e-3,
    validation_every=100, checkpoint_every=2,
)  # fmt: skip
"""Five lifetimes are distributed as 2, 2, 1; on two devices a sixth is padding. A lifetime is 8 / 2 = 4 windows."""

NOT_COMPILED = {name for name in TINY.__dict__ if name.startswith("validation_")} | {
    "initial_rule",
    "meta_updates",
    "checkpoint_every",
}
"""Fields that no compiled program depends on (`meta_updates` only if the learning rate decays)."""


@functools.cache
def compiled() -> Trainer:
    """The trainer of `TINY`."""
    return Trainer(TINY, 0)


def trainer(config: MetaConfig = TINY, seed: int = 0) -> Trainer:
    """A trainer of a configuration that needs no other programs than `TINY`."""
    changed = {name for name, value in dataclasses.asdict(config).items() if value != getattr(TINY, name)}
    assert changed <= NOT_COMPILED, changed
    one = copy.copy(compiled())
    one.config, one.seed = config, seed
    return one


def run_silently(config: MetaConfig, folder: Path, *, resume: bool = False, minutes: float | None = None) -> RunResult:
    """A run that says nothing, and whose validations all score one half."""
    return run(config, folder, seed=0, resume=resume, minutes=minutes, validate=lambda rule: 0.5, listener=Silent())


def overwrite(state, where, lifetime: int, value) -> None:
    """Overwrites an array of one lifetime in the state of the only group."""
    group = state.lifetimes[0]
    old = where(group)
    new = jax.device_put(old.at[lifetime].set(jnp.asarray(value, old.dtype)), old.sharding)
    state.lifetimes[0] = eqx.tree_at(where, group, new)


def config_file(path, **changes) -> str:
    """`TINY` with changes as a configuration file."""
    path.write_text(json.dumps(dataclasses.asdict(TINY) | changes))
    return str(path)


def report(names=("a", "b", "c"), lifetimes: int = 2, final_returns=None, **values) -> MetaUpdateReport:
    """The report of a meta-update of a healthy run, with changes.

    Args:
        values: fields of the terms, the critic and the step by name: for all environments, or by environment.
    """

    def of(name: str, field: str, healthy: float):
        value = values.get(field, healthy)
        return value[name] if isinstance(value, dict) else value

    def window(name: str) -> WindowInfo:
        number = functools.partial(of, name)
        one = WindowInfo(
            loss=jnp.asarray(number("loss", 0.25)),
            terms=ObjectiveTerms(
                policy_gradient=jnp.asarray(number("policy_gradient", 0.5)),
                policy_entropy=jnp.asarray(number("policy_entropy", 0.6)),
                prediction_entropy=jnp.asarray(number("prediction_entropy", 0.7)),
                pi_hat_square=jnp.asarray(number("pi_hat_square", 1.0)),
                y_hat_square=jnp.asarray(number("y_hat_square", 2.0)),
                pi_hat_mean=jnp.asarray(number("pi_hat_mean", 0.1)),
                own_term=jnp.asarray(number("own_term", 0.0)),
            ),
            critic=CriticInfo(error=jnp.asarray(number("error", 0.2)), variance=jnp.asarray(number("variance", 1.0))),
            return_sum=jnp.asarray(3.0),
            num_episodes=jnp.asarray(4),
            is_deterministic=jnp.asarray(False),
            is_finite=jnp.asarray(True),
        )
        many = jax.tree.map(lambda x: np.full(lifetimes, x), one)
        return eqx.tree_at(lambda i: i.is_finite, many, np.full(lifetimes, number("is_finite", True)))

    norms = [of(name, "environment_norms", 1.0) for name in names]
    leaves = jnp.asarray(values.get("leaf_norms", (1.0, 1.0)))
    step = MetaStepInfo(
        gradient_norm=jnp.asarray(values.get("gradient_norm", 0.5)),
        environment_norms=jnp.asarray(norms),
        leaf_norms=leaves,
        is_finite=jnp.asarray(True),
    )
    windows = {name: window(name) for name in names}
    return MetaUpdateReport(step=jax.device_get(step), windows=windows, final_returns=final_returns or {}, resets=0)
