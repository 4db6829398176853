import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.agents.rollout import init_rollout, rollout, sample_action
from lpg.agents.tabular import Table
from lpg.update_rules.losses import log_prob
from tests.helpers import CHAIN, GRID, chain, grid

NUM_STEPS, NUM_ENVS = 8, 5


@functools.partial(jax.jit, static_argnames=("env", "time_limit_is_termination"))
def play(key, state, agent, env_params, env, time_limit_is_termination=False):
    return rollout(
        key, state, agent, env, env_params,
        num_steps=NUM_STEPS, time_limit_is_termination=time_limit_is_termination,
    )  # fmt: skip


def fresh(env, env_params, key=0):
    return init_rollout(jax.random.key(key), env, env_params, NUM_ENVS)


def uniform_agent(env):
    return Table(rows=jnp.zeros((env.num_states, env.num_actions)), num_actions=env.num_actions)


def test_an_action_is_drawn_by_inverting_the_cumulative_distribution():
    # π = (.2, .3, .5) has the cumulative distribution (.2, .5, 1); adding 7 to every logit changes nothing.
    logits = jnp.tile(jnp.log(jnp.array([0.2, 0.3, 0.5])) + 7, (6, 1))
    uniform = jnp.array([0.0, 0.19, 0.21, 0.49, 0.51, 0.999])
    np.testing.assert_array_equal(sample_action(logits, uniform), [0, 0, 1, 1, 2, 2])


def test_actions_come_as_often_as_the_policy_says(key):
    logits = jnp.array([0.3, -1.0, 1.2, 0.0])
    drawn = sample_action(jnp.tile(logits, (20_000, 1)), jax.random.uniform(key, (20_000,)))
    frequency = np.bincount(drawn, minlength=4) / 20_000
    # The standard error of a frequency is at most √(¼ / 20,000) = 0.0035; four of them.
    np.testing.assert_allclose(frequency, jax.nn.softmax(logits), atol=0.0142)


@pytest.mark.parametrize("num_actions, num_valid", [(18, 9), (8, 7), (5, 3), (18, 11)])
def test_a_masked_action_is_never_drawn_not_even_at_the_ends_of_the_unit_interval(key, num_actions, num_valid):
    # A cumulative sum in floating point may still grow in its last digit where nothing is added.
    logits = 3 * jax.random.normal(key, (4000, num_actions))
    largest = jnp.full((4000,), np.nextafter(np.float32(1), np.float32(0)))
    behind = jnp.where(jnp.arange(num_actions) < num_valid, logits, -1e9)
    before = jnp.where(jnp.arange(num_actions) < num_valid, -1e9, logits)
    assert jax.jit(sample_action)(behind, largest).max() < num_valid
    assert jax.jit(sample_action)(before, jnp.zeros(4000)).min() >= num_valid


def test_few_actions_are_drawn_as_many_are(key, monkeypatch):
    logits, uniform = jax.random.normal(key, (4000, 18)), jax.random.uniform(key, (4000,))
    few = jax.jit(lambda *rows: sample_action(*rows))(logits, uniform)
    monkeypatch.setattr("lpg.agents.rollout.FEW_ACTIONS", 17)
    many = jax.jit(lambda *rows: sample_action(*rows))(logits, uniform)
    # The sums are added up in another order, so that a draw within 1e-6 of a boundary may fall on its other side.
    assert np.mean(few != many) < 0.001
    assert len(np.unique(few)) == 18


def test_at_an_episodes_end_the_next_observation_is_the_final_state_and_not_the_next_first_one():
    # Chains of 3 steps: the state after three steps is numbered 2 + 4 · 2 + branch ≥ 10; first states are 0 and 1.
    _, seen, _ = play(jax.random.key(1), fresh(CHAIN, chain(3)), uniform_agent(CHAIN), chain(3), CHAIN)
    is_last = np.asarray(seen.is_last)
    np.testing.assert_array_equal(is_last, np.broadcast_to(np.arange(8)[:, None] % 3 == 2, is_last.shape))
    inside = ~is_last[:-1]
    following, arrived = np.asarray(seen.observation[1:]), np.asarray(seen.next_observation[:-1])
    np.testing.assert_array_equal(arrived[inside], following[inside])
    assert np.all(arrived[~inside] >= 10)
    assert np.all(following[~inside] < 2)  # the twin: observation[t + 1] belongs to the next episode


@pytest.mark.thorough
def test_where_ends_are_terminations_only_what_follows_the_last_step_is_kept():
    # The same rollout shown in both ways: one row, equal to the last of all, but where an episode ends there.
    for env_params, env in ((grid(), GRID), (chain(5), CHAIN)):
        start = fresh(env, env_params)
        _, every, _ = play(jax.random.key(5), start, uniform_agent(env), env_params, env)
        _, alone, _ = play(jax.random.key(5), start, uniform_agent(env), env_params, env, True)
        np.testing.assert_array_equal(alone.action, every.action)
        assert every.next_observation.shape[0] == NUM_STEPS and alone.next_observation.shape[0] == 1
        continues = ~np.asarray(every.is_last[-1])
        assert continues.any()
        np.testing.assert_array_equal(alone.next_observation[0][continues], every.next_observation[-1][continues])
        assert np.any(alone.next_observation[0] != every.observation[-1])  # the twin: not the row before


def test_a_rollout_is_a_plain_loop_over_steps():
    env_params, key = grid(), jax.random.key(3)
    start = fresh(GRID, env_params)
    agent = uniform_agent(GRID)
    last, seen, info = play(key, start, agent, env_params, GRID)
    num_uniforms = 1 + GRID.num_uniforms + GRID.num_reset_uniforms
    uniforms = np.asarray(jax.random.uniform(key, (NUM_STEPS, NUM_ENVS, num_uniforms)))
    step, reset, observe = jax.jit(GRID.step_from), jax.jit(GRID.reset_from), jax.jit(GRID.observe)
    returns = []
    for b in range(NUM_ENVS):
        state, total = jax.tree.map(lambda x, b=b: x[b], start.env_state), 0.0
        for t in range(NUM_STEPS):
            # Nine equally likely moves: action i is drawn for uniform numbers in [i/9, (i + 1)/9).
            action = jnp.asarray(int(uniforms[t, b, 0] * 9))
            assert seen.action[t, b] == action
            assert seen.observation[t, b] == observe(state, env_params)
            state, result = step(uniforms[t, b, 1:3], state, action, env_params)
            assert seen.next_observation[t, b] == observe(state, env_params)
            assert seen.reward[t, b] == result.reward
            assert seen.terminated[t, b] == result.terminated
            assert seen.is_last[t, b] == (result.terminated or result.truncated)
            total += float(result.reward)
            if result.terminated or result.truncated:
                returns.append(total)
                state, total = reset(uniforms[t, b, 3:], env_params), 0.0
        assert last.episode_return[b] == total
    assert np.asarray(seen.terminated).any() and np.asarray(seen.is_last & ~seen.terminated).any()
    assert info.num_episodes == len(returns)
    assert info.return_sum == sum(returns)
    assert info.return_square_sum == sum(x**2 for x in returns)


def test_an_episode_cut_in_two_by_rollouts_keeps_its_return():
    # Chains of 5 steps with ±1 in the middle; two rollouts of 8 steps hold 3 whole episodes per environment.
    env_params = chain(5, is_noisy=True)
    key_1, key_2 = jax.random.split(jax.random.key(14))
    half, first, info_1 = play(key_1, fresh(CHAIN, env_params), uniform_agent(CHAIN), env_params, CHAIN)
    _, second, info_2 = play(key_2, half, uniform_agent(CHAIN), env_params, CHAIN)
    reward = np.concatenate([first.reward, second.reward])
    np.testing.assert_array_equal(half.episode_return, reward[5:8].sum(axis=0))
    assert info_1.num_episodes + info_2.num_episodes == 3 * NUM_ENVS
    assert info_1.return_sum == reward[:5].sum()
    assert info_2.return_sum == reward[5:15].sum()
    assert info_2.return_sum != second.reward[:7].sum()  # the twin: what the second rollout alone shows


def test_a_time_limit_is_shown_as_termination_only_if_asked():
    env_params = grid(p_term=0.0)
    arguments = (jax.random.key(5), fresh(GRID, env_params), uniform_agent(GRID), env_params, GRID)
    _, truncated, _ = play(*arguments, time_limit_is_termination=False)
    _, terminated, _ = play(*arguments, time_limit_is_termination=True)
    # Three steps per episode, whatever happens: rows 2 and 5 of eight end one.
    np.testing.assert_array_equal(np.flatnonzero(truncated.is_last[:, 0]), [2, 5])
    np.testing.assert_array_equal(truncated.is_last, terminated.is_last)
    np.testing.assert_array_equal(terminated.terminated, terminated.is_last)
    assert not np.asarray(truncated.terminated).any()


def test_a_real_termination_is_one_either_way():
    arguments = (jax.random.key(6), fresh(CHAIN, chain(3)), uniform_agent(CHAIN), chain(3), CHAIN)
    for flag in (False, True):
        _, seen, _ = play(*arguments, time_limit_is_termination=flag)
        np.testing.assert_array_equal(seen.terminated, seen.is_last)


def test_a_masked_action_is_not_taken():
    fond_of_collecting = Table(rows=jnp.tile(jnp.where(jnp.arange(18) < 9, 0.0, 9.0), (8, 1)), num_actions=18)
    for has_collect_actions in (False, True):
        env_params = grid(has_collect_actions=has_collect_actions)
        _, seen, _ = play(jax.random.key(7), fresh(GRID, env_params), fond_of_collecting, env_params, GRID)
        assert (np.asarray(seen.action) >= 9).any() == has_collect_actions


@pytest.mark.thorough
def test_no_gradient_reaches_the_agent_through_a_rollout():
    agent, env_params = uniform_agent(CHAIN), chain(3)

    def score(theta, is_outside):
        _, seen, _ = play(jax.random.key(8), fresh(CHAIN, env_params), theta, env_params, CHAIN)
        logits = jax.vmap(jax.vmap(theta))(seen.observation).logits
        return jnp.sum(seen.reward) + is_outside * jnp.sum(log_prob(logits, seen.action))

    assert np.all(jax.grad(score)(agent, 0.0).rows == 0)
    assert np.any(jax.grad(score)(agent, 1.0).rows != 0)  # the twin: the same actions scored outside


def test_a_rollout_is_a_function_of_its_key():
    arguments = (fresh(GRID, grid()), uniform_agent(GRID), grid(), GRID)
    _, one, _ = play(jax.random.key(1), *arguments)
    _, again, _ = play(jax.random.key(1), *arguments)
    _, other, _ = play(jax.random.key(2), *arguments)
    np.testing.assert_array_equal(one.action, again.action)
    assert np.any(one.action != other.action)


def test_squares_of_returns_are_added_up_too():
    # Chains of 5 steps pay ±1 once: every one of the 5 episodes in 8 steps has a squared return of 1.
    _, seen, info = play(jax.random.key(9), fresh(CHAIN, chain(5)), uniform_agent(CHAIN), chain(5), CHAIN)
    assert info.return_square_sum == 5
    assert abs(float(info.return_sum)) < 5  # the twin: their sum is another number
