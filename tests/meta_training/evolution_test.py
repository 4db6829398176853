"""Evolution strategies: the estimate against analytic gradients, pairs that share everything but ±ε, and resumption."""

import dataclasses
import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.agents.registry import TABULAR
from lpg.arrays import flatten
from lpg.environments.delayed_chain import DelayedChain
from lpg.meta_training.evolution import PairState, advantage, draw_noise, estimate, init_pair, pair_gradient
from lpg.meta_training.lifetime import LifetimeSpec, fresh_rollout, update_running_return
from lpg.meta_training.state import to_arrays
from lpg.meta_training.trainer import Trainer
from lpg.update_rules.update import agent_update
from tests.helpers import CHAIN
from tests.meta_training.replayed import VISITS, config, rule_of
from tests.tiny_run import TINY, run_silently

SETTINGS = config(meta_optimizer="es", num_updates=3, es_std=0.3, table_step="visits")
ES = dataclasses.replace(TINY, meta_optimizer="es", es_std=0.3)
SPEC = LifetimeSpec(environment=jnp.array(0), learning_rate=jnp.array(5.0), y_weight=jnp.array(0.5))
GRADIENT = jax.jit(pair_gradient, static_argnums=(3, 4))


@functools.cache
def fresh_pair(seed: int = 2) -> PairState:
    samplers = (DelayedChain(min_length=2, max_length=3, is_noisy=True).sample,)
    started = jax.jit(init_pair, static_argnums=(2, 3, 4, 6))
    return started(jax.random.key(seed), SPEC, SETTINGS, CHAIN, samplers, rule_of(), TABULAR)


def leaves(tree) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


CURVATURE = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, -0.3], [0.0, -0.3, 0.5]])
SLOPE = np.array([1.0, -2.0, 0.5])
ETA = np.array([0.4, 0.1, -0.7])


def fitness(eta):
    """−½ ηᵀAη + bᵀη, whose gradient is b − Aη; smoothing by N(0, σ²) shifts it by a constant."""
    return -0.5 * eta @ CURVATURE @ eta + SLOPE @ eta


def estimates(num_pairs: int, std: float, *, is_antithetic: bool = True, measured=None) -> np.ndarray:
    """One estimate of the gradient of the fitness for each pair."""

    def one(key):
        noise = draw_noise(key, {"eta": jnp.asarray(ETA)})
        plus = fitness(ETA + std * noise["eta"])
        minus = fitness(ETA - std * noise["eta"]) if is_antithetic else -plus
        measured_noise = noise if measured is None else draw_noise(jax.random.fold_in(key, measured), noise)
        return -estimate(measured_noise, (plus - minus) / 2, std)["eta"]

    return np.asarray(jax.vmap(one)(jax.random.split(jax.random.key(1), num_pairs)))


def deviation(found: np.ndarray) -> float:
    """Largest distance of the mean from the analytic gradient, in standard errors."""
    error = found.std(0) / np.sqrt(len(found))
    return float(np.abs((found.mean(0) - (SLOPE - CURVATURE @ ETA)) / error).max())


def test_the_mean_estimate_is_the_analytic_gradient_within_its_standard_error():
    found = estimates(20_000, 0.5)
    assert deviation(found) < 4
    # A pair cancels the constant and the curvature: for a quadratic its variance is that of a linear function.
    assert found.std() < 0.5 * estimates(20_000, 0.05, is_antithetic=False).std()
    # The twins: with another ε than the agents had, or with the wrong σ.
    assert deviation(estimates(20_000, 0.5, measured=1)) > 20
    assert deviation(2 * found) > 20


def test_better_is_half_the_difference_of_the_means_or_its_sign():
    # Differences of the second and third update: 1 − 2 = −1 and 5 − 1 = 4; at the first one there is no return.
    returns = jnp.array([[jnp.nan, 1.0, 5.0], [0.5, 2.0, 1.0]])
    expected = {("area", "difference"): (0 - 1 + 4) / 3 / 2, ("end", "difference"): 2.0, ("area", "rank"): 0.5}
    for (kind, shaping), value in expected.items():
        settings = dataclasses.replace(
            SETTINGS, es_fitness=kind, es_shaping=shaping, lifetime_updates=SETTINGS.num_updates
        )
        np.testing.assert_allclose(advantage(returns, settings), value, rtol=1e-6)
        np.testing.assert_allclose(advantage(returns[::-1], settings), -value, rtol=1e-6)
        assert advantage(jnp.stack([returns[0], returns[0]]), settings) == 0


def test_a_new_pair_is_twice_the_same_lifetime():
    pair = fresh_pair()
    for leaf in leaves(pair.both):
        np.testing.assert_array_equal(leaf[0], leaf[1])
    assert np.any(pair.noise != fresh_pair(3).noise)


@pytest.mark.thorough
def test_the_agents_of_a_pair_share_environment_and_random_numbers():
    pair, key = fresh_pair(), jax.random.key(4)
    # With a σ that vanishes in rounding both have the same η: everything stays equal, and nothing is learned from it.
    tiny = dataclasses.replace(SETTINGS, es_std=1e-30)
    gradient, after, info = GRADIENT(rule_of(), pair, key, tiny, CHAIN)
    for leaf in leaves(after.both):
        np.testing.assert_array_equal(leaf[0], leaf[1])
    assert all(np.all(leaf == 0) for leaf in leaves(gradient)) and info.is_finite
    # The twin: ±σ ε makes two agents of them, in the same environment with the same hyper-parameters.
    _, after, _ = GRADIENT(rule_of(), pair, key, SETTINGS, CHAIN)
    assert np.any(after.both.agent.rows[0] != after.both.agent.rows[1])
    for leaf in leaves((after.both.env_params, after.both.hyper)):
        np.testing.assert_array_equal(leaf[0], leaf[1])


def test_the_estimate_points_along_the_noise_of_the_better_agent_and_keeps_it():
    pair, rule = fresh_pair(), rule_of()
    noise = draw_noise(jax.random.wrap_key_data(pair.noise), rule)
    seen = set()
    for seed in range(6):
        gradient, after, _ = GRADIENT(rule, pair, jax.random.key(seed), SETTINGS, CHAIN)
        factors = {
            round(float(g.ravel()[0] / e.ravel()[0]), 4) for g, e in zip(leaves(gradient), leaves(noise), strict=True)
        }
        assert len(factors) == 1 and factors <= {round(-0.5 / 0.3, 4), round(0.5 / 0.3, 4), 0.0}
        seen |= factors
        np.testing.assert_array_equal(after.noise, pair.noise)
    assert len(seen) > 1  # that it is not always the same one


def test_each_agent_learns_by_its_own_eta_as_in_a_plain_loop():
    pair, rule, key = fresh_pair(), rule_of(), jax.random.key(7)
    noise = draw_noise(jax.random.wrap_key_data(pair.noise), rule)
    settings = dataclasses.replace(SETTINGS, es_shaping="difference")
    gradient, after, info = GRADIENT(rule, pair, key, settings, CHAIN)
    areas = []
    for index, sign in enumerate((1, -1)):
        eta = jax.tree.map(lambda x, e, s=sign: x + s * 0.3 * e, rule, noise)
        one = jax.tree.map(lambda x, i=index: x[i], pair.both)
        agent, optimizer_state, state, seen = one.agent, one.optimizer_state, one.rollout, one.trajectory
        total, count, means = one.return_sum, one.return_count, []
        for k in jax.random.split(key, 3):
            agent, optimizer_state, _ = agent_update(
                eta, agent, VISITS, optimizer_state, seen, CHAIN.action_mask(one.env_params), one.hyper
            )
            state, seen, ended = fresh_rollout(k, state, agent, CHAIN, one.env_params, settings)
            total, count = update_running_return(total, count, ended, settings.num_envs)
            means.append(total / count)
        np.testing.assert_allclose(after.both.agent.rows[index], agent.rows, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(after.both.trajectory.action[index], seen.action)
        areas.append(np.mean(means))
    np.testing.assert_allclose(info.loss, -np.mean(areas), rtol=1e-4, atol=1e-6)
    for g, e in zip(leaves(gradient), leaves(noise), strict=True):
        np.testing.assert_allclose(g, -(areas[0] - areas[1]) / (2 * 0.3) * e, rtol=1e-3, atol=1e-5)
    assert areas[0] != areas[1]


def test_a_pair_with_a_number_that_is_not_finite_says_nothing():
    pair = fresh_pair()
    broken = eqx.tree_at(lambda p: p.both.agent.rows, pair, pair.both.agent.rows.at[1].set(jnp.nan))
    gradient, _, info = GRADIENT(rule_of(), broken, jax.random.key(0), SETTINGS, CHAIN)
    assert not info.is_finite and all(np.all(leaf == 0) for leaf in leaves(gradient))


@pytest.fixture(scope="module")
def one():
    return Trainer(ES, 0)


@pytest.mark.thorough
def test_a_meta_update_moves_eta_and_counts_both_agents(one):
    state = one.init()
    before = leaves(state.rule)
    found = one.meta_update(state)
    # 5 pairs · 2 agents · K = 2 updates · 4 environments · 4 steps = 320.
    assert state.counters.environment_steps == 320
    assert found.step.gradient_norm > 0 and all(
        np.any(new != old) for new, old in zip(leaves(state.rule), before, strict=True)
    )


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(one, tmp_path, monkeypatch):
    monkeypatch.setattr("lpg.meta_training.run.Trainer", lambda config, seed: one)
    whole = run_silently(ES, tmp_path / "whole").state
    run_silently(ES, tmp_path / "parts", minutes=1e-9)
    monkeypatch.setattr(one, "meta_update", _interrupted(one, 3))
    with pytest.raises(KeyboardInterrupt):
        run_silently(ES, tmp_path / "parts", resume=True)
    monkeypatch.undo()
    monkeypatch.setattr("lpg.meta_training.run.Trainer", lambda config, seed: one)
    resumed = run_silently(ES, tmp_path / "parts", resume=True).state
    (arrays, counters), (expected, expected_counters) = to_arrays(resumed), to_arrays(whole)
    for name, value in expected.items():
        np.testing.assert_array_equal(arrays[name], value, err_msg=name)
    assert counters | {"seconds": 0} == expected_counters | {"seconds": 0} and counters["meta_update"] == 4


def _interrupted(one, number):
    """`meta_update`, which stops the run before the meta-update of this number; the last checkpoint is one older."""
    real, calls = one.meta_update, []

    def meta_update(state):
        calls.append(state)
        if len(calls) == number:
            raise KeyboardInterrupt
        return real(state)

    return meta_update


TA = dataclasses.replace(
    ES,
    suite="chain/short",
    num_lifetimes=3,
    rule="ta-lpg",
    trained_weights="time",
    min_lifetime_updates=2,
    num_envs=8,
    num_steps=32,
    es_std=3.0,
)


@pytest.fixture(scope="module")
def timed():
    return Trainer(TA, 0)


@pytest.mark.thorough
def test_with_weights_of_the_time_alone_only_these_move_and_lifetimes_have_several_lengths(timed):
    state = timed.init()
    lengths = set(state.slots[0].length.tolist())
    before = state.rule
    for _ in range(6):
        timed.meta_update(state)
        lengths |= set(state.slots[0].length.tolist())
    moved = jax.tree.map(lambda new, old: np.asarray(new != old), state.rule, before)
    rows = moved.lstm.weight.any(axis=1)
    assert rows.tolist() == [row in (6, 7) for row in range(len(rows))]
    assert [name for name, leaf in flatten(moved).items() if leaf.any()] == ["lstm.weight"]
    assert lengths <= {2, 4, 6, 8} and len(lengths) > 1
    # What is kept of a lifetime has no time; slots have.
    assert state.lifetimes[0].both.hyper.progress is None


@pytest.mark.thorough
def test_a_run_of_a_rule_that_reads_the_time_resumes_bit_for_bit(timed, tmp_path, monkeypatch):
    monkeypatch.setattr("lpg.meta_training.run.Trainer", lambda config, seed: timed)
    whole = run_silently(TA, tmp_path / "whole").state
    run_silently(TA, tmp_path / "parts", minutes=1e-9)
    resumed = run_silently(TA, tmp_path / "parts", resume=True).state
    arrays, expected = to_arrays(resumed)[0], to_arrays(whole)[0]
    for name, value in expected.items():
        np.testing.assert_array_equal(arrays[name], value, err_msg=name)
    assert np.any(whole.rule.lstm.weight[6:8] != timed.init().rule.lstm.weight[6:8])
