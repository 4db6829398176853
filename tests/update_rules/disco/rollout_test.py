"""Trajectories with a row for last states, on the small chain whose episodes have five steps."""

import jax
import jax.numpy as jnp
import numpy as np

from lpg.agents.registry import init_agent
from lpg.update_rules.disco.rollout import disco_rollout, init_disco_rollout
from tests.helpers import CHAIN, chain

AGENT = init_agent(jax.random.key(0), "disco-D(4)", CHAIN, prediction_size=3)
PARAMS = chain(5)
roll = jax.jit(lambda key, state: disco_rollout(key, state, AGENT, CHAIN, PARAMS, 14))


def rolled():
    state = init_disco_rollout(jax.random.key(1), CHAIN, PARAMS, 3)
    return state, *roll(jax.random.key(2), state)


def test_an_episode_of_five_steps_has_six_rows_and_the_step_after_it_only_resets():
    _, _, rows, _ = rolled()
    ends = np.asarray(rows.at_end)
    assert ends.shape == (15, 3) and (np.flatnonzero(ends[:, 0]) == [5, 11]).all() and (ends == ends[:, :1]).all()
    assert np.all(np.asarray(rows.reward)[[5, 11]] == 0) and np.any(np.asarray(rows.reward) != 0)
    # The first state of an episode is one of the two in which a chain begins; the last one is none of them.
    starts = np.asarray(rows.observation)[[0, 6, 12]]
    assert np.isin(starts, [0, 1]).all() and not np.isin(np.asarray(rows.observation)[[5, 11]], [0, 1]).any()


def test_all_other_steps_are_the_environments():
    _, _, rows, _ = rolled()
    state = init_disco_rollout(jax.random.key(1), CHAIN, PARAMS, 3).env_state
    take = jax.vmap(lambda s, a: CHAIN.step_from(jnp.full((CHAIN.num_uniforms,), 0.5), s, a, PARAMS))
    for t in range(5):  # a chain without noise is deterministic after its first state
        state, result = take(state, rows.action[t])
        seen = jax.vmap(lambda s: CHAIN.observe(s, PARAMS))(state)
        np.testing.assert_array_equal(seen, rows.observation[t + 1])
        np.testing.assert_allclose(result.reward, rows.reward[t])


def test_the_next_rollout_goes_on_where_this_one_ended():
    _, state, rows, _ = rolled()
    _, after, _ = roll(jax.random.key(3), state)
    np.testing.assert_array_equal(after.observation[0], rows.observation[-1])
    np.testing.assert_array_equal(after.at_end[0], rows.at_end[-1])
    # Two steps into the third episode: its end is three steps away.
    assert np.flatnonzero(after.at_end[:, 0]).tolist() == [3, 9]


def test_returns_are_those_of_whole_episodes():
    _, state, rows, info = rolled()
    reward = np.asarray(rows.reward)
    returns = np.concatenate([reward[:5].sum(0), reward[6:11].sum(0)])
    np.testing.assert_allclose(
        [info.return_sum, info.return_square_sum], [returns.sum(), (returns**2).sum()], rtol=1e-5
    )
    assert int(info.num_episodes) == 6
    np.testing.assert_allclose(state.episode_return, reward[12:].sum(0), rtol=1e-5)


def test_logits_are_those_of_the_agent_that_acted():
    _, _, rows, _ = rolled()
    np.testing.assert_allclose(rows.logits, AGENT(rows.observation[:-1]).logits, rtol=1e-5, atol=1e-6)
