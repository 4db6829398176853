"""Running statistics: equal to those of all samples at once; rewards scaled by the spread of the discounted return."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.agents.normalisation import (
    LARGEST,
    NormalisedAgent,
    init_reward_statistics,
    init_statistics,
    normalise,
    normalise_rewards,
    update_statistics,
)
from lpg.types import AgentOutput


def test_statistics_of_parts_are_those_of_the_whole(key):
    samples = 3 + 2 * jax.random.normal(key, (300, 4))
    statistics = init_statistics((4,))
    for part in jnp.split(samples, [10, 150]):
        statistics = update_statistics(statistics, part)
    np.testing.assert_allclose(statistics.mean, samples.mean(0), rtol=1e-4)
    np.testing.assert_allclose(statistics.variance, samples.var(0), rtol=1e-4)
    np.testing.assert_allclose(statistics.count, 300, rtol=1e-5)
    # The twin: the last part alone has another mean.
    assert np.abs(samples[150:].mean(0) - samples.mean(0)).max() > 1e-3


def test_normalised_numbers_worked_by_hand():
    # Samples 1, 3: mean 2, standard deviation 1; a number far away is clipped.
    statistics = update_statistics(init_statistics(()), jnp.array([1.0, 3.0]))
    np.testing.assert_allclose(normalise(statistics, jnp.array([2.0, 3.0, 1e6])), [0, 1, LARGEST], atol=1e-2)


def test_an_agent_is_shown_normalised_observations():
    statistics = update_statistics(init_statistics((2,)), jnp.array([[0.0, 10.0], [2.0, 30.0]]))
    agent = NormalisedAgent(lambda x: AgentOutput(logits=x, prediction=2 * x), statistics)
    output = agent(jnp.array([2.0, 20.0]))
    np.testing.assert_allclose(output.logits, [1, 0], atol=1e-3)
    np.testing.assert_allclose(output.prediction, [2, 0], atol=1e-3)


def test_rewards_are_divided_by_the_spread_of_the_discounted_return_worked_by_hand():
    # γ = ½. Environment 0 pays 2, 2, 2: totals 2, 3, 3.5. Environment 1 pays 4, ends, pays 0, 8: totals 4, 0, 8.
    reward = jnp.array([[2.0, 4.0], [2.0, 0.0], [2.0, 8.0]])
    is_last = jnp.array([[False, True], [False, False], [False, False]])
    state, scaled = normalise_rewards(init_reward_statistics(2), reward, is_last, jnp.asarray(0.5))
    spread = np.std([2, 3, 3.5, 4, 0, 8])
    np.testing.assert_allclose(scaled, reward / spread, rtol=1e-3)
    np.testing.assert_allclose(state.discounted_return, [3.5, 8])
    # The twin: without the end of the episode the second environment's totals are 4, 2, 9.
    other, _ = normalise_rewards(init_reward_statistics(2), reward, jnp.zeros_like(is_last), jnp.asarray(0.5))
    np.testing.assert_allclose(other.discounted_return, [3.5, 9])


@pytest.mark.thorough
def test_rows_that_are_no_steps_leave_all_statistics_as_they_are(key):
    samples, is_real = jax.random.normal(key, (6, 2)), jnp.array([True, False, True, True, False, True])
    found = update_statistics(init_statistics((2,)), samples, is_real)
    wanted = update_statistics(init_statistics((2,)), samples[is_real])
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), found, wanted)
    assert np.abs(found.mean - update_statistics(init_statistics((2,)), samples).mean).max() > 1e-2
    none = update_statistics(wanted, samples, jnp.zeros(6, bool))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), none, wanted)
    # A reset row in the middle: no reward, and the running total is kept. It may say that it ends an episode.
    reward, is_last = jnp.array([[1.0], [2.0], [9.0], [3.0]]), jnp.array([[False], [True], [True], [False]])
    real = jnp.array([True, True, False, True])
    found, scaled = normalise_rewards(init_reward_statistics(1), reward, is_last, jnp.asarray(0.5), real[:, None])
    wanted, rewards = normalise_rewards(init_reward_statistics(1), reward[real], is_last[real], jnp.asarray(0.5))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), found, wanted)
    np.testing.assert_allclose(scaled[real], rewards, rtol=1e-5)


def test_state_indices_are_not_normalised():
    with pytest.raises(ValueError, match="observations are state indices; arrays of numbers are needed"):
        normalise(init_statistics(()), jnp.array([0, 1]))
    assert normalise(init_statistics((2,)), jnp.array([0, 1], jnp.uint8)).shape == (2,)  # images of bytes are


def test_totals_go_on_from_rollout_to_rollout():
    once, parts = init_reward_statistics(1), init_reward_statistics(1)
    reward, is_last = jnp.arange(1.0, 7.0)[:, None], jnp.array([[False]] * 3 + [[True]] + [[False]] * 2)
    once, _ = normalise_rewards(once, reward, is_last, jnp.asarray(0.9))
    for part in (slice(0, 2), slice(2, 6)):
        parts, _ = normalise_rewards(parts, reward[part], is_last[part], jnp.asarray(0.9))
    np.testing.assert_allclose(parts.discounted_return, once.discounted_return, rtol=1e-6)
    np.testing.assert_allclose(parts.statistics.variance, once.statistics.variance, rtol=1e-4)
