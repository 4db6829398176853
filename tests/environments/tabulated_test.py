"""Published transitions: step by step what Gymnasium does, with the probabilities that it says."""

import dataclasses
import sys

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.environments.registry import suite
from lpg.environments.tabulated import (
    Tabulated,
    TabulatedEnv,
    TabulatedParams,
    TabulatedState,
    Transitions,
    exact_returns,
    transitions,
)
from tests.learner.mirror import NAME

ENV = TabulatedEnv(num_states=2, num_actions=1)


def gamble(max_steps=3):
    """State 0: back to it for nothing with ¼, on to state 1 for 2 with ¾. State 1: always the end, for −1."""
    return TabulatedParams(
        threshold=jnp.array([[[0.25, 1.0]], [[1.0, 1.0]]]),
        following=jnp.array([[[0, 1]], [[0, 0]]]),
        reward=jnp.array([[[0.0, 2.0]], [[-1.0, 0.0]]]),
        terminated=jnp.array([[[False, False]], [[True, False]]]),
        start=jnp.array([0.5, 1.0]),
        max_steps=jnp.asarray(max_steps),
    )


@pytest.mark.parametrize(
    ("index", "uniform", "following", "reward", "terminated"),
    [(0, 0.24, 0, 0.0, False), (0, 0.25, 1, 2.0, False), (0, 0.99, 1, 2.0, False), (1, 0.99, 0, -1.0, True)],
)
@pytest.mark.parametrize(("time", "is_late"), [(0, False), (2, True)])
def test_a_step_worked_by_hand(index, uniform, following, reward, terminated, time, is_late):
    state = TabulatedState(index=jnp.asarray(index), time=jnp.asarray(time))
    after, result = ENV.step_from(jnp.array([uniform]), state, jnp.asarray(0), gamble())
    assert (int(after.index), float(result.reward), bool(result.terminated)) == (following, reward, terminated)
    assert bool(result.truncated) is (is_late and not terminated)
    assert int(ENV.observe(after, gamble())) == following


def test_episodes_begin_where_the_coin_falls():
    assert [int(ENV.reset_from(jnp.array([uniform]), gamble()).index) for uniform in (0.0, 0.49, 0.5, 0.99)] == [
        0,
        0,
        1,
        1,
    ]


@pytest.mark.parametrize("name", suite("toy_text"))
def test_every_outcome_is_gymnasiums(name):
    family = Tabulated(name.partition("/")[2])
    env, env_params = family.env, family.sample(jax.random.key(0))
    there = gymnasium.make(family.name).unwrapped.P
    assert (env.num_states, env.num_actions) == (len(there), len(there[0]))
    states, actions = (x.reshape(-1) for x in np.mgrid[: env.num_states, : env.num_actions])
    number = 300  # evenly spread uniform numbers: each frequency is right to one part in it
    uniforms = (np.arange(number) + 0.5) / number

    def outcomes(state, action):
        return jax.vmap(
            lambda u: env.step_from(u[None], TabulatedState(index=state, time=jnp.asarray(0)), action, env_params)
        )(jnp.asarray(uniforms))

    after, result = jax.jit(jax.vmap(outcomes))(states, actions)
    for row, (state, action) in enumerate(zip(states, actions, strict=True)):
        expected = {}
        for probability, following, reward, terminated in there[state][action]:
            key = (int(following), float(reward), bool(terminated))
            expected[key] = expected.get(key, 0.0) + probability
        found = {}
        for key in zip(*(np.asarray(x)[row].tolist() for x in (after.index, result.reward, result.terminated)),
                       strict=True):  # fmt: skip
            found[key] = found.get(key, 0.0) + 1 / number
        assert found == pytest.approx(expected, abs=2 / number)


def test_taxi_starts_where_gymnasium_starts_and_has_its_limit():
    family = Tabulated("Taxi-v4")
    env_params = family.sample(jax.random.key(0))
    reset = jax.jit(jax.vmap(lambda u: family.env.reset_from(u[None], env_params).index))
    found = np.bincount(reset((jnp.arange(9000) + 0.5) / 9000), minlength=500) / 9000
    np.testing.assert_allclose(found, gymnasium.make("Taxi-v4").unwrapped.initial_state_distrib, atol=2 / 9000)
    assert int(env_params.max_steps) == 200
    assert int(Tabulated("CliffWalking-v1").sample(jax.random.key(0)).max_steps) == 2**31 - 1  # it has none


@pytest.mark.parametrize(
    ("name", "words"),
    [(NAME.removeprefix("gymnasium/"), "publishes no transition table"), ("Taxi-v99", "Taxi-v99: ")],
)
def test_what_is_not_published_is_refused(name, words):
    with pytest.raises(ValueError, match=words):
        transitions(name)


def test_other_numbers_of_actions_are_refused():
    with pytest.raises(ValueError, match="7 actions given; Taxi-v4 has 6"):
        Tabulated("Taxi-v4").sample(jax.random.key(0), 7)


def test_without_gymnasium_it_is_said_how_to_install_it(monkeypatch):
    transitions.cache_clear()  # another test may have read it
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(ValueError, match=r"Taxi-v4 needs the package gymnasium.*pip install 'lpg\[gym\]'"):
        _ = Tabulated("Taxi-v4").env


def published(max_steps):
    """One state. Action 0 pays 1 and ends; action 1 pays 2 and goes on with probability ½."""
    return Transitions(
        probability=np.array([[[1.0, 0.0], [0.5, 0.5]]]), following=np.zeros((1, 2, 2), int),
        reward=np.array([[[1.0, 0.0], [2.0, 2.0]]]), terminated=np.array([[[True, False], [True, False]]]),
        start=np.ones(1), max_steps=max_steps,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("max_steps", "random", "best"),
    # One step: (1 + 2)/2 and 2. Two: 1.5 + ¼ · 1.5 and 2 + ½ · 2. For ever: v = 1.5 + v/4 and v = 2 + v/2.
    [(1, 1.5, 2.0), (2, 1.875, 3.0), (None, 2.0, 4.0)],
)
def test_returns_worked_by_hand(max_steps, random, best):
    assert exact_returns(published(max_steps)) == pytest.approx((random, best), abs=1e-8)


@pytest.mark.thorough
def test_the_cliff_is_walked_along_in_thirteen_steps():
    table = transitions("CliffWalking-v1")
    assert table.reward.shape == (48, 4, 1) and table.max_steps is None and table.start[36] == 1
    random, best = exact_returns(table)
    assert best == pytest.approx(-13)
    # v = r + P v under the uniform policy, solved at once, in the states that a walk can be in (the cliff is none).
    onward = np.zeros((48, 48))
    for state, action in np.ndindex(48, 4):
        onward[state, table.following[state, action, 0]] += (1 - table.terminated[state, action, 0]) / 4
    paid = table.reward[..., 0].mean(1)
    inside = np.array([*range(37)])
    solved = np.linalg.solve(np.eye(37) - onward[np.ix_(inside, inside)], paid[inside])
    assert random == pytest.approx(solved[36], rel=1e-6)


def test_terminal_states_end_episodes_and_limits_cut_them():
    table = transitions("FrozenLake8x8-v1")
    assert table.max_steps == 200
    # No path is shorter than 14 steps.
    assert exact_returns(dataclasses.replace(table, max_steps=13))[1] == 0
    assert exact_returns(dataclasses.replace(table, max_steps=14))[1] > 0
