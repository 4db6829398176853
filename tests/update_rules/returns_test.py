import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.types import AgentOutput
from lpg.update_rules.base import RuleInputs
from lpg.update_rules.returns import advantages, generalised_advantages
from tests.helpers import hyperparameters, trajectory

estimates = jax.jit(generalised_advantages)
T, B = 9, 3


def case(key):
    """Environment 0 never ends; 1 terminates at 2 and is cut at 6; 2 is cut at 0 and terminates at 8."""
    reward, value, next_value = jax.random.normal(key, (3, T, B))
    terminated = jnp.zeros((T, B), bool).at[2, 1].set(True).at[8, 2].set(True)
    is_last = terminated.at[6, 1].set(True).at[0, 2].set(True)
    # Inside an episode V(s_{t+1}) is the next row's V(s_t).
    next_value = next_value.at[:-1].set(jnp.where(is_last[:-1], next_value[:-1], value[1:]))
    return reward, value, next_value, terminated, is_last


def lambda_return(reward, next_value, terminated, is_last, t, gamma, lambda_):
    """(1 − λ) Σ_{n<N} λ^{n−1} G^{(n)} + λ^{N−1} G^{(N)}, where the episode or the data end after N more steps."""
    horizon = next((n for n in range(1, len(reward) - t) if is_last[t + n - 1]), len(reward) - t)

    def n_step(n):
        paid = sum(gamma**i * reward[t + i] for i in range(n))
        return paid + gamma**n * (0.0 if terminated[t + n - 1] else next_value[t + n - 1])

    mixed = (1 - lambda_) * sum(lambda_ ** (n - 1) * n_step(n) for n in range(1, horizon))
    return mixed + lambda_ ** (horizon - 1) * n_step(horizon)


@pytest.mark.parametrize("lambda_", [0.0, 0.5, 0.95, 1.0])
def test_advantage_plus_value_is_the_sum_over_all_n_step_returns(key, lambda_):
    reward, value, next_value, terminated, is_last = case(key)
    found = value + estimates(*case(key), jnp.array(0.9), jnp.array(lambda_))
    rows = [np.asarray(x, np.float64) for x in (reward, next_value, terminated, is_last)]
    expected = [[lambda_return(*(x[:, b] for x in rows), t, 0.9, lambda_) for b in range(B)] for t in range(T)]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_two_steps_worked_by_hand():
    # γ = .9, λ = .8, r = (1, 2), V = (3, 4), V(s_2) = 5, no end:
    #   δ_1 = 2 + .9 · 5 − 4 = 2.5              A_1 = 2.5
    #   δ_0 = 1 + .9 · 4 − 3 = 1.6              A_0 = 1.6 + .72 · 2.5 = 3.4
    # Terminated after step 1: δ_1 = 2 − 4 = −2, A_0 = 1.6 − 1.44 = 0.16. Cut off there: as without an end.
    def of(terminated, is_last):
        column = [jnp.array([x])[0][:, None] for x in ([1.0, 2.0], [3.0, 4.0], [4.0, 5.0])]
        flags = [jnp.array([[False], [x]]) for x in (terminated, is_last)]
        return np.asarray(estimates(*column, *flags, jnp.array(0.9), jnp.array(0.8)))[:, 0]

    np.testing.assert_allclose(of(False, False), [3.4, 2.5], rtol=1e-6)
    np.testing.assert_allclose(of(True, True), [0.16, -2.0], rtol=1e-5)
    np.testing.assert_allclose(of(False, True), [3.4, 2.5], rtol=1e-6)


def test_steps_after_the_end_of_an_episode_do_not_influence_steps_before_it(key):
    reward, value, next_value, _, _ = case(key)
    never = jnp.zeros((T, B), bool)
    gamma, lambda_ = jnp.array(0.9), jnp.array(0.8)
    after = (jnp.arange(T) > 4)[:, None]
    for is_cut_only in (True, False):
        is_last = never.at[4].set(True)
        ends = (never if is_cut_only else is_last, is_last)
        one = estimates(reward, value, next_value, *ends, gamma, lambda_)
        other = estimates(reward + after, value + after, next_value + after, *ends, gamma, lambda_)
        np.testing.assert_array_equal(one[:5], other[:5])
        assert np.all(one[5:] != other[5:])
    # The twin: without the end all earlier steps change.
    one = estimates(reward, value, next_value, never, never, gamma, lambda_)
    other = estimates(reward + after, value + after, next_value + after, never, never, gamma, lambda_)
    assert np.all(one[:5] != other[:5])


def test_exact_values_have_advantages_of_zero_with_deterministic_rewards():
    # r = 1 for ever and γ = .9: V = 1 / (1 − .9) = 10 everywhere.
    ten, one, never = jnp.full((T, B), 10.0), jnp.ones((T, B)), jnp.zeros((T, B), bool)
    found = estimates(one, ten, ten, never, never, jnp.array(0.9), jnp.array(0.8))
    np.testing.assert_allclose(found, 0, atol=1e-5)


def test_the_agents_prediction_is_the_value_in_the_advantages():
    seen = trajectory(reward=[1.0, 2.0, 3.0], terminated=[0, 1, 0], is_last=[0, 1, 0])
    value, next_value = jnp.array([[3.0], [4.0], [5.0]]), jnp.array([[4.0], [7.0], [6.0]])
    inputs = RuleInputs(
        trajectory=seen,
        output=AgentOutput(logits=jnp.zeros((3, 1, 2)), prediction=value[..., None]),
        next_prediction=next_value[..., None],
    )
    found = advantages(inputs, hyperparameters(gamma=0.9, lambda_=0.8))
    expected = generalised_advantages(
        seen.reward, value, next_value, seen.terminated, seen.is_last, jnp.array(0.9), jnp.array(0.8)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-6)
