"""The mean meta-gradient does not depend on groups, chunks and devices."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import AxisType

from lpg.meta_training.lifetime import LifetimeSpec
from lpg.meta_training.meta_gradient import meta_gradient
from lpg.meta_training.programs import (
    AXIS,
    ScaleState,
    compile_all,
    make_mesh,
    meta_optimizer,
    meta_step_program,
    reset_program,
    window_program,
)
from lpg.update_rules.lpg import init_lpg
from tests.tiny_run import TINY, compiled, overwrite, trainer


def leaves(tree) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


def is_close(found, expected, rtol: float = 2e-5) -> bool:
    """Relative to the largest number: sums in another order differ in the last digits."""
    return bool(np.all(np.abs(found - expected) <= rtol * np.abs(expected).max()))


def assert_close(found, expected) -> None:
    """Leaf by leaf, and environment by environment (or lifetime by lifetime), for these differ in size."""
    for x, y in zip(leaves(found), leaves(expected), strict=True):
        assert len(x) == len(y) and all(is_close(one, other) for one, other in zip(x, y, strict=True))


def run(window, weight=None, before=None):
    """Gradients [E, …] of the first window of an initial state, with the trainer's keys and padding."""
    one = trainer()
    state = one.init()
    if before is not None:
        before(state)
    keys, weights, *rest = one.window_arguments(state, 0)
    arguments = (
        state.rule,
        state.lifetimes[0],
        keys,
        weights if weight is None else one._shard(weight),
        *rest,
    )
    gradients, lifetimes, info = window(arguments)
    return jax.tree.map(lambda g: np.asarray(g).sum(0), gradients), lifetimes, info


def on_two_devices(arguments):
    return compiled().programs.window[0](*arguments)


@functools.cache
def single(chunk: int):
    """The window's program for one device, with chunks of another size."""
    mesh = jax.make_mesh((1,), (AXIS,), axis_types=(AxisType.Auto,), devices=jax.devices()[:1])
    program = window_program(TINY, dataclasses.replace(compiled().groups[0], chunk=chunk), mesh)

    def call(arguments):
        return program(*jax.device_put(arguments, jax.devices()[0]))

    return call


@functools.cache
def one_by_one():
    """The definition: `meta_gradient` called lifetime by lifetime, summed by environment."""
    group = compiled().groups[0]
    alone = jax.jit(lambda rule, lifetime, key: meta_gradient(rule, lifetime, key, TINY, group.env)[0])

    one = trainer()
    state = one.init()
    keys = one._keys(state, 0, "window")
    every = [
        alone(*jax.device_get((state.rule, jax.tree.map(lambda x, n=n: x[n], state.lifetimes[0]))), keys[n])
        for n in range(group.num_real)
    ]

    def add(*gradients):
        total = np.zeros((len(group.names), *gradients[0].shape))
        np.add.at(total, np.array(group.env_index[: group.num_real]), np.stack(gradients))
        return total

    return jax.tree.map(add, *every)


def test_two_devices_sum_the_gradients_of_single_lifetimes():
    assert_close(run(on_two_devices)[0], one_by_one())


@pytest.mark.thorough
@pytest.mark.parametrize("chunk", [2, 3])
def test_one_device_and_any_chunk_size_give_the_same_gradient(chunk):
    # Six lifetimes, the last one padding: three chunks of 2, two of 3; above, on two devices, three of 1 each.
    found, lifetimes, info = run(single(chunk))
    assert_close(found, one_by_one())
    expected, lifetimes_2, info_2 = run(on_two_devices)
    assert_close(lifetimes.agent.rows, lifetimes_2.agent.rows)
    assert_close(info.loss, info_2.loss)
    np.testing.assert_array_equal(lifetimes.trajectory.action, lifetimes_2.trajectory.action)


def test_padding_has_a_weight_of_zero():
    # The twin. Slot 5 repeats the first environment: its sum changes, in every leaf, and no other.
    padded = run(on_two_devices, weight=np.ones(6, np.float32))[0]
    for found, expected in zip(leaves(padded), leaves(one_by_one()), strict=True):
        assert [is_close(x, y) for x, y in zip(found, expected, strict=True)] == [False, True, True]


def test_a_nonfinite_lifetime_adds_nothing():
    weight = np.array([1, 1, 0, 1, 1, 0], np.float32)
    without = run(on_two_devices, weight=weight)[0]
    poisoned = run(on_two_devices, before=lambda s: overwrite(s, lambda g: g.agent.rows, 2, jnp.nan))[0]
    for found, expected in zip(leaves(poisoned), leaves(without), strict=True):
        np.testing.assert_array_equal(found, expected)
    # The twin: healthy, it adds something.
    assert any(np.any(x != y) for x, y in zip(leaves(run(on_two_devices)[0]), leaves(without), strict=True))


def test_the_mesh_has_all_devices():
    assert make_mesh().shape == {AXIS: jax.device_count()} == {AXIS: 2}


# The update of η worked by hand: only one number of η, the bias of π̂'s head, has a gradient.


@pytest.fixture
def eta(key):
    return init_lpg(key, lstm_size=2, prediction_size=2, embedding_size=2)


def gradients(eta, *sums):
    """Gradients [D = 2, E, …] of a group, summed over lifetimes: half of each environment's sum on either device."""

    def leaf(x, is_bias):
        total = np.zeros((2, len(sums), *x.shape), np.float32)
        if is_bias:
            total[:] = np.array(sums, np.float32)[:, None] / 2
        return jnp.asarray(total)

    return jax.tree.map(lambda x: leaf(x, x is eta.pi_head.bias), eta)


def step(config, eta, counts, *groups, scales=None, average=None):
    """One step of η; returns η′, its running mean, optimiser state, scales and diagnostics."""
    number = sum(map(len, counts))
    scales = scales or ScaleState(mean_square=jnp.zeros(number), weight=jnp.zeros(()))
    program = meta_step_program(config, [np.array(c) for c in counts], make_mesh())
    return program(eta, eta if average is None else average, meta_optimizer(config).init(eta), scales, groups)


@pytest.mark.thorough
def test_the_mean_is_over_lifetimes_and_independent_of_groups(eta):
    # Sums 6 and 10 over 2 and 3 lifetimes in one group, 8 over 3 in another: (6 + 10 + 8) / (2 + 3 + 3) = 3; the means
    # of the three environments are 3, 10/3 and 8/3.
    *_, info = step(TINY, eta, [[2, 3], [3]], gradients(eta, 6.0, 10.0), gradients(eta, 8.0))
    np.testing.assert_allclose(info.gradient_norm, 3, rtol=1e-6)
    np.testing.assert_allclose(info.environment_norms, [3, 10 / 3, 8 / 3], rtol=1e-6)
    np.testing.assert_allclose(np.max(info.leaf_norms), 3, rtol=1e-6)
    *_, together = step(TINY, eta, [[2, 3, 3]], gradients(eta, 6.0, 10.0, 8.0))
    np.testing.assert_allclose(together.gradient_norm, 3, rtol=1e-6)
    # The twin: the mean of the environments' means would be (3 + 10/3) / 2 = 3.1667 here, where lifetimes give 16/5.
    *_, unequal = step(TINY, eta, [[2, 3]], gradients(eta, 6.0, 10.0))
    np.testing.assert_allclose(unequal.gradient_norm, 3.2, rtol=1e-6)


def test_the_first_step_of_adam_has_the_size_of_the_learning_rate(eta):
    # Adam's first step is rate · g / |g| = 1e-3, whatever the gradient's size; other leaves have none and stay.
    following, *_ = step(TINY, eta, [[1]], gradients(eta, 7.0))
    np.testing.assert_allclose(following.pi_head.bias, eta.pi_head.bias - 1e-3, rtol=1e-4)
    np.testing.assert_array_equal(following.y_head.bias, eta.y_head.bias)


def test_with_scaling_environments_have_equal_weight_in_the_meta_gradient(eta):
    # Means 1000 and −1 of one lifetime each. Raw: (1000 − 1) / 2. Scaled by their norms 1000 and 1: (1 − 1) / 2 = 0.
    scaled = dataclasses.replace(TINY, scale_gradients=True)
    sums = gradients(eta, 1000.0, -1.0)
    np.testing.assert_allclose(step(scaled, eta, [[1, 1]], sums)[-1].gradient_norm, 0, atol=1e-6)
    np.testing.assert_allclose(step(TINY, eta, [[1, 1]], sums)[-1].gradient_norm, 499.5, rtol=1e-6)


def test_the_scale_is_a_running_root_mean_square(eta):
    # After squares 4 and 16: 0.95 · (0.05 · 4) + 0.05 · 16 = 0.99, weight 0.95 · 0.05 + 0.05 = 0.0975;
    # √(0.99 / 0.0975) = 3.186494, and the gradient 4 becomes 4 / 3.186494 = 1.255298.
    config = dataclasses.replace(TINY, scale_gradients=True)
    *_, scales, _ = step(config, eta, [[1]], gradients(eta, 2.0))
    *_, scales, info = step(config, eta, [[1]], gradients(eta, 4.0), scales=scales)
    np.testing.assert_allclose(scales.mean_square, [0.99], rtol=1e-5)
    np.testing.assert_allclose(info.gradient_norm, 1.255298, rtol=1e-5)


def test_a_nonfinite_gradient_changes_nothing_and_is_reported(eta):
    scales = ScaleState(mean_square=jnp.array([0.2]), weight=jnp.array(0.05))
    following, mean, state, kept, info = step(TINY, eta, [[1]], gradients(eta, np.nan), scales=scales)
    assert not info.is_finite
    expected = (eta, eta, meta_optimizer(TINY).init(eta), scales)
    for x, y in zip(leaves((following, mean, state, kept)), leaves(expected), strict=True):
        np.testing.assert_array_equal(x, y)
    assert step(TINY, eta, [[1]], gradients(eta, 1.0))[-1].is_finite


def test_the_running_mean_follows_eta_and_is_eta_without_averaging(eta):
    before = jax.tree.map(lambda x: x + 1, eta)
    averaged = dataclasses.replace(TINY, averaging=0.75)
    following, mean, *_ = step(averaged, eta, [[1]], gradients(eta, 7.0), average=before)
    for new, kept, old in zip(*map(leaves, (following, mean, before)), strict=True):
        np.testing.assert_allclose(kept, 0.75 * old + 0.25 * new, rtol=1e-6, atol=1e-6)
    following, mean, *_ = step(TINY, eta, [[1]], gradients(eta, 7.0), average=before)
    for new, kept in zip(leaves(following), leaves(mean), strict=True):
        np.testing.assert_array_equal(kept, new)


def learning_rates(**changes) -> list[float]:
    """Steps of an η of one number under a constant gradient: Adam moves by the learning rate."""
    optimizer = meta_optimizer(dataclasses.replace(TINY, **changes))
    state = optimizer.init(jnp.zeros(()))
    found = []
    for _ in range(9):
        update, state = optimizer.update(jnp.ones(()), state)
        found.append(-float(update))
    return found


def test_the_learning_rate_has_linear_warmup_and_cosine_decay():
    # Warm-up over 2 of 6: 0, ½, then 1; decay over the 4 that are left, to a tenth: 0.1 + 0.9 · (1 + cos(π t/4)) / 2
    # is 1, .868198, .55, .231802, .1 and stays.
    found = learning_rates(meta_learning_rate=1.0, warmup=2, meta_updates=6, final_learning_rate=0.1)
    np.testing.assert_allclose(found, [0, 0.5, 1, 0.868198, 0.55, 0.231802, 0.1, 0.1, 0.1], rtol=1e-4, atol=1e-6)
    # The twin, the paper's: constant.
    np.testing.assert_allclose(learning_rates(meta_learning_rate=1e-4), [1e-4] * 9, rtol=1e-4)


def test_a_large_meta_gradient_is_clipped_before_adam():
    optimizer = meta_optimizer(dataclasses.replace(TINY, max_gradient_norm=1.0))
    _, state = optimizer.update(jnp.full(4, 50.0), optimizer.init(jnp.zeros(4)))
    # Norm √(4 · 50²) = 100, clipped to 1: each 0.5. Adam's first moment is 0.1 · 0.5.
    np.testing.assert_allclose(optax.tree.get(state, "mu"), [0.05] * 4, rtol=1e-6)


@pytest.mark.thorough
def test_lifetimes_started_one_by_one_and_all_at_once_are_the_same(monkeypatch):
    one = trainer()
    group = one.groups[0]
    size = len(group.env_index)
    must_reset = np.arange(size) % 2 == 0
    specs = LifetimeSpec(jnp.array(group.env_index, jnp.int32), jnp.linspace(1.0, 2.0, size), jnp.full(size, 0.5))
    results = {}
    for backend in ("cpu", "gpu"):  # the second decides for all at once, and runs here all the same
        state = one.init()
        before = leaves(state.lifetimes[0])
        monkeypatch.setattr(jax, "default_backend", lambda name=backend: name)
        program = reset_program(one.config, group, one.mesh, state.rule)
        monkeypatch.undo()
        results[backend] = program(*one._shard((state.lifetimes[0], must_reset, specs)), one._keys(state, 0, "reset"))
    for x, y in zip(leaves(results["gpu"]), leaves(results["cpu"]), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6)
    # Those that go on are untouched, and the others are new.
    for x, y in zip(leaves(results["gpu"]), before, strict=True):
        np.testing.assert_array_equal(x[1::2], y[1::2])
    np.testing.assert_array_equal(results["gpu"].hyper.learning_rate[::2], specs.learning_rate[::2])


def test_programs_compiled_in_threads_stay_in_their_order(monkeypatch):
    lowered = [jax.jit(lambda x, n=n: x + n).lower(jnp.zeros(())) for n in range(3)]
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert [float(program(jnp.zeros(()))) for program in compile_all(lowered)] == [0, 1, 2]
