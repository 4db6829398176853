"""One update of an agent against the transcription in NumPy, and what its parts leave alone."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.update_rules.disco.network import LifetimeState, network_of
from lpg.update_rules.disco.update import (
    DiscoState,
    disco_inputs,
    disco_loss,
    disco_update,
    divergence,
    init_state,
    optimizer,
)
from lpg.update_rules.disco.values import Moments
from tests.update_rules.disco import oracle
from tests.update_rules.disco.fixtures import GAMMA, LAMBDA, small_agent, trajectory

WEIGHTS = oracle.random_weights()
ROWS = trajectory()
HYPER = {"learning_rate": 0.01, "gamma": GAMMA, "lambda_": LAMBDA}
update = jax.jit(disco_update)


def state_in_mid_life():
    """An agent whose target lags behind, with a lifetime and advantages that it remembers."""
    rng = np.random.default_rng(3)
    hidden, cell = (jnp.asarray(rng.normal(size=128) * 0.5, jnp.float32) for _ in range(2))
    agent = small_agent(1)
    moments = Moments(jnp.asarray(0.3), jnp.asarray(2.0), jnp.asarray(0.6))
    return DiscoState(agent, small_agent(2), optimizer().init(agent), LifetimeState(hidden, cell), moments)


def parts(agent):
    """π and y in all states, the predictions of the actions that were taken, and of all actions."""
    features = agent.features(ROWS.observation)
    return agent.network.heads(features), agent.of_action(features[:-1], ROWS.action), agent.by_action(features)


@jax.jit
def inputs_of(state):
    output, _, by_action = parts(state.agent)
    return disco_inputs(ROWS, output, by_action, state.target, state.advantages, GAMMA, LAMBDA)


@pytest.fixture(scope="module")
def expected():
    state = state_in_mid_life()
    moments = tuple(map(float, jax.tree.leaves(state.advantages)))
    steps, goals, moments = oracle.make_steps(state.agent, state.target, ROWS, GAMMA, LAMBDA, moments)
    lifetime = (np.asarray(state.lifetime.hidden, float), np.asarray(state.lifetime.cell, float))
    targets, lifetime = oracle.run_network(WEIGHTS, steps, *lifetime)
    return {"steps": steps, "goals": goals, "moments": moments, "targets": targets, "lifetime": lifetime}


def test_targets_of_values_and_moments_of_advantages_are_the_transcriptions(expected):
    inputs, goals, moments = inputs_of(state_in_mid_life())
    np.testing.assert_allclose(goals, expected["goals"], rtol=2e-4, atol=1e-4)
    np.testing.assert_allclose(jax.tree.leaves(moments), expected["moments"], rtol=1e-4)
    for ours, theirs in (("v", "v"), ("standard_advantage", "standard_advantage"), ("q", "q")):
        values = np.array([[step[theirs] for step in row] for row in expected["steps"]])
        np.testing.assert_allclose(getattr(inputs, ours)[: len(values)], values, rtol=1e-3, atol=1e-3)


def test_the_network_is_the_transcriptions(expected):
    state = state_in_mid_life()
    targets, lifetime = jax.jit(network_of(WEIGHTS).__call__)(inputs_of(state)[0], state.lifetime)
    for name in ("pi", "y", "z"):
        wanted = np.array([[goal[name] for goal in row] for row in expected["targets"]])
        np.testing.assert_allclose(getattr(targets, name), wanted, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(lifetime.hidden, expected["lifetime"][0], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(lifetime.cell, expected["lifetime"][1], rtol=1e-3, atol=1e-4)


@pytest.mark.thorough
def test_the_loss_is_the_transcriptions(expected):
    state = state_in_mid_life()
    inputs, goals, _ = inputs_of(state)
    targets, _ = jax.jit(network_of(WEIGHTS).__call__)(inputs, state.lifetime)
    output, chosen, _ = parts(state.agent)
    wanted = oracle.loss(expected["steps"], expected["targets"], expected["goals"], np.asarray(ROWS.at_end))
    assert float(disco_loss(output, chosen, targets, goals, ROWS.at_end)) == pytest.approx(wanted, rel=1e-3)


@pytest.mark.thorough
def test_an_update_is_a_step_of_adam_down_the_transcriptions_loss():
    # Central differences of the loss in NumPy, with the targets held fixed; Adam's first step is ± the learning rate.
    state = state_in_mid_life()
    after = update(network_of(WEIGHTS), state, ROWS, **HYPER)
    moments = tuple(map(float, jax.tree.leaves(state.advantages)))
    steps, goals, _ = oracle.make_steps(state.agent, state.target, ROWS, GAMMA, LAMBDA, moments)
    targets, _ = oracle.run_network(WEIGHTS, steps, *(np.asarray(x, float) for x in jax.tree.leaves(state.lifetime)))
    following = [[step["own_next"]["pi"] for step in row] for row in steps]

    def loss(agent):
        moved, _, _ = oracle.make_steps(agent, state.target, ROWS, GAMMA, LAMBDA, moments)
        for row, kept in zip(moved, following, strict=True):
            for step, logits in zip(row, kept, strict=True):
                step["own_next"] = {**step["own_next"], "pi": logits}  # no gradient through the next policy
        return oracle.loss(moved, targets, goals, np.asarray(ROWS.at_end))

    for where in (lambda a: a.root.weight, lambda a: a.action, lambda a: a.network.dense[0].bias):
        rng = np.random.default_rng(5)
        change = np.asarray(where(after.agent) - where(state.agent))
        index = tuple(rng.integers(n) for n in change.shape)
        step = np.zeros(change.shape)
        step[index] = 1e-3
        slope = loss(eqx.tree_at(where, state.agent, np.asarray(where(state.agent), np.float64) + step)) - loss(
            eqx.tree_at(where, state.agent, np.asarray(where(state.agent), np.float64) - step)
        )
        assert abs(slope) > 1e-8 and change[index] == pytest.approx(-0.01 * np.sign(slope), rel=1e-3)


def test_the_target_agent_follows_by_a_tenth():
    state = state_in_mid_life()
    after = update(network_of(WEIGHTS), state, ROWS, **HYPER)
    for old, new, agent in zip(*map(jax.tree.leaves, (state.target, after.target, state.agent)), strict=True):
        np.testing.assert_allclose(new, 0.9 * old + 0.1 * agent, rtol=1e-5, atol=1e-6)


@pytest.mark.thorough
def test_what_begins_an_episode_has_no_loss_and_what_ends_one_no_next_policy():
    state = state_in_mid_life()
    inputs, goals, _ = inputs_of(state)
    targets, _ = jax.jit(network_of(WEIGHTS).__call__)(inputs, state.lifetime)
    output, chosen, _ = parts(state.agent)
    gradient = jax.grad(disco_loss, argnums=(0, 1))(output, chosen, targets, goals, ROWS.at_end)
    # The last state of the first environment's episode is its third row.
    for of_output in (gradient[0].logits, gradient[0].prediction, gradient[1].z, gradient[1].q):
        assert np.all(of_output[2, 0] == 0) and np.any(of_output[2, 1] != 0)
    assert np.all(gradient[1].next_policy[1, 0] == 0) and np.any(gradient[1].next_policy[0, 0] != 0)
    assert np.all(gradient[0].logits[-1] == 0)  # no gradient through the next policy


@pytest.mark.thorough
def test_a_fresh_agent_is_its_own_target_and_remembers_nothing():
    state = init_state(small_agent(1))
    assert all(map(np.array_equal, jax.tree.leaves(state.agent), jax.tree.leaves(state.target)))
    assert not np.any(state.lifetime.hidden) and float(state.advantages.missing) == 1
    after = update(network_of(WEIGHTS), state, ROWS, **HYPER)
    again = update(network_of(WEIGHTS), after, ROWS, **HYPER)
    assert np.any(again.lifetime.hidden != after.lifetime.hidden)
    assert float(again.advantages.missing) == pytest.approx(0.99**2)


def test_a_divergence_is_0_at_the_target_and_worked_by_hand_elsewhere():
    target = jnp.log(jnp.array([0.5, 0.5]))
    assert float(divergence(target, target + 3)) == 0
    # ½ log(.5 / .8) + ½ log(.5 / .2) = ½ log(.25 / .16) = log 1.25
    assert float(divergence(target, jnp.log(jnp.array([0.8, 0.2])))) == pytest.approx(np.log(1.25), rel=1e-5)
