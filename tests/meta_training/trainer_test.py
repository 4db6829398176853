"""One meta-update over many lifetimes: which are counted, dropped and restarted, and what is compiled."""

import dataclasses
import logging

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.meta_training.trainer import DivergenceError, final_returns, initial_rule, nonfinite_terms, random_rule
from lpg.update_rules.rule_file import save_rule
from lpg.update_rules.ta_lpg import TALPG
from tests.tiny_run import TINY, overwrite, report, trainer

REAL, PADDING = range(5), 5


@pytest.fixture
def one():
    return trainer()


@pytest.fixture
def state(one):
    return one.init()


def leaves(tree) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


def rows(state):
    return state.lifetimes[0].agent.rows


def make_deterministic(state, lifetime: int) -> None:
    """A policy that prefers action 0 by e¹⁰⁰, in a chain in which no episode ends, after four returns of 1.5."""
    overwrite(state, lambda g: g.agent.rows, lifetime, jnp.zeros(rows(state).shape[1:]).at[:, 0].set(100.0))
    overwrite(state, lambda g: g.env_params.length, lifetime, 50)
    overwrite(state, lambda g: g.return_sum, lifetime, 6.0)
    overwrite(state, lambda g: g.return_count, lifetime, 4.0)


def make_nan(state, lifetime: int) -> None:
    overwrite(state, lambda g: g.agent.rows, lifetime, jnp.nan)


def test_a_meta_update_moves_eta_and_every_agent(one):
    # No lifetime has ended yet: a restarted agent would have the zeros of initialisation.
    one.config = dataclasses.replace(TINY, stagger=False)
    state = one.init()
    before, agents = leaves(state.rule), np.asarray(rows(state))
    found = one.meta_update(state)
    assert found.step.is_finite and found.step.gradient_norm > 0
    assert all(np.any(new != old) for new, old in zip(leaves(state.rule), before, strict=True))
    assert all(np.any(np.asarray(rows(state))[n] != agents[n]) for n in REAL)


def test_steps_are_counted_for_real_lifetimes_only(one, state):
    # 5 lifetimes · K = 2 updates · 4 environments · 4 steps = 160; the sixth is padding.
    assert state.counters.started == 5
    one.meta_update(state)
    assert state.counters.environment_steps == 160
    one.meta_update(state)
    assert state.counters.environment_steps == 320


def test_a_report_has_the_lifetimes_of_each_environment(one, state):
    found = one.meta_update(state)
    assert {name: len(info.loss) for name, info in found.windows.items()} == {
        "chain/short": 2, "chain/short_noisy": 2, "chain/long": 1,
    }  # fmt: skip


def test_first_lifetimes_are_shortened_at_random_and_later_ones_are_not(one, state):
    slots = state.slots[0]
    assert set(slots.length) <= {2, 4, 6, 8} and len(set(slots.length)) > 1
    assert not slots.is_counted.any()
    for _ in range(4):  # 8 updates: every first lifetime has ended
        one.meta_update(state)
    np.testing.assert_array_equal(slots.length, 8)
    assert slots.is_counted.all()


def test_the_bandit_records_whole_lifetimes_only(one, state):
    for _ in range(4):
        one.meta_update(state)
    # All five first lifetimes have ended, and no second one: it started after update 2 at the earliest.
    assert state.counters.ended >= 5 and state.counters.deterministic == 0
    assert state.bandit.arm == []
    for _ in range(4):
        one.meta_update(state)
    assert len(state.bandit.arm) >= 4  # the twin: whole lifetimes are recorded


def test_without_staggering_all_lifetimes_have_full_length_and_end_together(one):
    one.config = dataclasses.replace(TINY, stagger=False)
    state = one.init()
    ended = [sum(map(len, one.meta_update(state).final_returns.values())) for _ in range(4)]
    assert ended == [0, 0, 0, 5]
    assert state.bandit.environment == [0, 0, 1, 1, 2]


def test_a_deterministic_policy_ends_a_lifetime_and_its_return_counts(one, state):
    make_deterministic(state, 1)
    arm = state.slots[0].arm[1]
    found = one.meta_update(state)
    assert (found.resets, state.counters.deterministic, state.counters.dropped) == (1, 1, 0)
    assert found.final_returns["chain/short"] == [1.5]  # 6 / 4, although a shortened first lifetime
    assert (state.bandit.environment, state.bandit.arm, state.bandit.final_return) == ([0], [arm], [1.5])
    # It was restarted: uniform policy, age 0.
    np.testing.assert_array_equal(rows(state)[1, :, :2], 0)
    assert state.slots[0].age[1] == 0
    # The twin: the others continue, or have reached their length.
    others = [0, 2, 3, 4]
    is_used = np.any(np.asarray(rows(state))[others, :, :2] != 0, axis=(1, 2))
    np.testing.assert_array_equal(is_used, state.slots[0].age[others] > 0)


def test_a_nonfinite_lifetime_is_dropped_counted_and_restarted(one, state):
    make_nan(state, 2)
    found = one.meta_update(state)
    assert (found.resets, state.counters.dropped, state.counters.deterministic) == (1, 1, 0)
    assert not found.windows["chain/short_noisy"].is_finite[0]
    assert state.counters.started == 5 + state.counters.ended
    assert state.bandit.arm == []
    assert all(np.isfinite(leaf).all() for leaf in leaves(state.rule) + leaves(state.optimizer_state))
    np.testing.assert_array_equal(rows(state)[2, :, :2], 0)
    assert one.meta_update(state).windows["chain/short_noisy"].is_finite.all()  # it was restarted


def test_a_dropped_lifetime_does_not_change_eta(one):
    # Two states that differ only in lifetime 2, which is NaN in both, give the same η.
    found = []
    for value in (jnp.nan, jnp.inf, None):
        state = one.init()
        if value is not None:
            overwrite(state, lambda g: g.agent.rows, 2, value)
        one.meta_update(state)
        found.append(leaves(state.rule))
    for nan, infinite in zip(found[0], found[1], strict=True):
        np.testing.assert_array_equal(nan, infinite)
    # The twin: a finite lifetime changes η.
    assert any(np.any(nan != healthy) for nan, healthy in zip(found[0], found[2], strict=True))


def test_padding_that_diverges_is_not_counted(one, state):
    make_nan(state, PADDING)
    found = one.meta_update(state)
    assert (found.resets, state.counters.dropped) == (0, 0)
    assert np.isfinite(rows(state)[PADDING]).all()  # and it is restarted


def test_too_many_diverged_lifetimes_stop_the_run_naming_environment_and_term(one, state):
    # 3 dropped and started again: 3 of 40 + 3 = 43 or more, at least 5 % = 2.15 if none but these ends.
    state.slots[0].length[:] = 8
    state.counters.started = 40
    for lifetime in (0, 1, 4):
        make_nan(state, lifetime)
    words = r"3 of 43 lifetimes diverged by meta-update 1, more than 5%: chain/short \(policy_gradient.*chain/long \("
    with pytest.raises(DivergenceError, match=words) as error:
        one.meta_update(state)
    assert "short_noisy" not in str(error.value)


def test_a_few_diverged_lifetimes_do_not(one, state):
    # The twins: 2 of 42 are 4.8 %; and 3 of 8 are many, but of too few started ones.
    for started, lifetimes in ((40, (0, 1)), (5, (0, 1, 4))):
        state = one.init()
        state.slots[0].length[:] = 8
        state.counters.started = started
        for lifetime in lifetimes:
            make_nan(state, lifetime)
        one.meta_update(state)
        assert state.counters.dropped == len(lifetimes)


def test_a_nonfinite_eta_stops_the_run_at_once(one, state):
    state.rule = jax.tree.map(lambda x: jax.device_put(jnp.full_like(x, jnp.nan), x.sharding), state.rule)
    with pytest.raises(DivergenceError, match="η is not finite at meta-update 1: chain/short"):
        one.meta_update(state)


def test_nonfinite_environments_are_named_with_their_terms():
    found = nonfinite_terms(
        report(policy_entropy={"a": 1.0, "b": np.nan, "c": 1.0}, is_finite={"a": True, "b": False, "c": True})
    )
    assert found == ": b (policy_entropy)"
    assert nonfinite_terms(report(is_finite={"a": False, "b": True, "c": True})) == ": a (meta-gradient)"
    assert nonfinite_terms(report()) == ""


def test_a_final_return_is_a_mean_and_nan_without_episodes():
    np.testing.assert_array_equal(final_returns(jnp.array([6.0, 0.0]), jnp.array([4.0, 0.0])), [1.5, np.nan])


def test_the_same_seed_gives_the_same_run_and_another_seed_another():
    first, second, other = (trainer(seed=seed) for seed in (0, 0, 1))
    states = [one.init() for one in (first, second, other)]
    for _ in range(2):
        for one, state in zip((first, second, other), states, strict=True):
            one.meta_update(state)
    for x, y in zip(leaves((states[0].rule, rows(states[0]))), leaves((states[1].rule, rows(states[1]))), strict=True):
        np.testing.assert_array_equal(x, y)
    assert np.any(np.asarray(rows(states[0])) != np.asarray(rows(states[2])))


def test_resets_and_windows_use_different_keys(one, state):
    def data(purpose, meta_update):
        state.counters.meta_update = meta_update
        return [tuple(row) for row in np.asarray(jax.random.key_data(one._keys(state, 0, purpose)))]

    every = [key for purpose in ("window", "reset") for number in range(5) for key in data(purpose, number)]
    assert len(set(every)) == len(every) == 2 * 5 * 6


def test_every_program_is_compiled_once(one, state, caplog):
    one.meta_update(state)
    with jax.log_compiles(), caplog.at_level(logging.WARNING, logger="jax"):
        for _ in range(6):
            one.meta_update(state)
        assert state.counters.started >= 10  # every slot was started twice
        assert not [r.message for r in caplog.records if "ompil" in r.getMessage()]
        # The twin: a new program is noticed.
        jax.jit(lambda x: x + 12345)(jnp.zeros(7))
        assert [r.message for r in caplog.records if "ompil" in r.getMessage()]
    assert one.programs.meta_step._cache_size() == 1


def test_an_ablated_rule_is_initialised_with_the_arrays_of_the_full_rule():
    for part in ("softmax", "bootstrap", "recurrence"):
        config = dataclasses.replace(TINY, rule=f"lpg-no-{part}", prediction_entropy_weight=0.0)
        rule = random_rule(config, 0)
        assert rule.without == part
        whole = random_rule(TINY, 0)
        if part == "softmax":  # where there is none, the layers before and after it have another scale
            rule, whole = ((each.scalar, each.lstm, each.pi_head) for each in (rule, whole))
        for x, y in zip(leaves(rule), leaves(whole), strict=True):
            np.testing.assert_array_equal(x, y)


def test_the_rule_is_of_the_configured_kind_and_sizes():
    assert random_rule(TINY, 0).prediction_size == 3
    valued = random_rule(dataclasses.replace(TINY, rule="lpg-v"), 0)
    assert (valued.prediction_size, valued.discovers_predictions) == (1, False)
    for x, y in zip(leaves(random_rule(TINY, 0)), leaves(random_rule(TINY, 0)), strict=True):
        np.testing.assert_array_equal(x, y)


def test_a_run_may_start_with_an_existing_rule(tmp_path, one):
    found = random_rule(TINY, 7)
    save_rule(tmp_path / "found.safetensors", found, {})
    config = dataclasses.replace(TINY, initial_rule=str(tmp_path / "found.safetensors"))
    begun = trainer(config, 0).init()
    for x, y in zip(leaves(begun.rule), leaves(found), strict=True):
        np.testing.assert_array_equal(x, y)
    assert np.any(begun.rule.lstm.weight != one.init().rule.lstm.weight)
    one.meta_update(begun)
    # A resumed run has η in its checkpoint and does not need the file.
    (tmp_path / "found.safetensors").unlink()
    trainer(config, 0).template()


def test_a_ta_lpg_may_start_with_an_lpg(tmp_path):
    save_rule(tmp_path / "found.safetensors", random_rule(TINY, 7), {})
    config = dataclasses.replace(TINY, rule="ta-lpg", initial_rule=str(tmp_path / "found.safetensors"))
    begun, found = initial_rule(config, 0), random_rule(TINY, 7)
    assert isinstance(begun, TALPG) and np.all(begun.lstm.weight[6:8] == 0)
    np.testing.assert_array_equal(np.delete(begun.lstm.weight, [6, 7], axis=0), found.lstm.weight)
    with pytest.raises(ValueError, match="is lpg lstm_size 4 .*; ta-lpg lstm_size 8 .* is needed"):
        initial_rule(dataclasses.replace(config, lstm_size=8), 0)


@pytest.mark.parametrize(
    "name, words",
    [
        ("a2c", "initial_rule 'a2c' is written by hand; lpg lstm_size 4 prediction_size 3 embedding_size 2 is needed"),
        ("lpg", "initial_rule 'lpg' is lpg lstm_size 32 prediction_size 30 embedding_size 16; lpg lstm_size 4 "),
        ("nowhere.safetensors", "nowhere.safetensors: no such file or folder"),
    ],
)
def test_an_initial_rule_must_exist_and_have_the_configured_sizes(name, words):
    with pytest.raises(ValueError) as error:
        initial_rule(dataclasses.replace(TINY, initial_rule=name), 0)
    assert words in str(error.value)
