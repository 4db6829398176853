"""The delayed chains: one decision, shown in the first state, paid in the last step."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.environments.delayed_chain import ChainEnv, ChainParams, DelayedChain

ENV = ChainEnv()
STEP = jax.jit(ENV.step_from)
RESET = jax.jit(ENV.reset_from)
OBSERVE = jax.jit(ENV.observe)
HEADS, TAILS = 0.2, 0.8
"""Uniform numbers on either side of the coin's half."""


def chain(length: int, is_noisy: bool = False) -> ChainParams:
    return ChainParams(length=jnp.asarray(length), is_noisy=jnp.asarray(is_noisy))


def play(env_params, coin, actions, uniforms=None):
    """Plays an episode; returns observations (one more than actions), rewards and ends."""
    state = RESET(jnp.array([coin]), env_params)
    seen, rewards, ends = [int(OBSERVE(state, env_params))], [], []
    for step, action in enumerate(actions):
        uniform = jnp.array([HEADS if uniforms is None else uniforms[step]])
        state, result = STEP(uniform, state, jnp.asarray(action), env_params)
        seen.append(int(OBSERVE(state, env_params)))
        rewards.append(float(result.reward))
        ends.append(bool(result.terminated))
        assert not result.truncated
    return seen, rewards, ends


@pytest.mark.parametrize("coin", [HEADS, TAILS])
@pytest.mark.parametrize("is_noisy", [False, True])
def test_the_first_action_decides_the_last_reward_whatever_happens_between(coin, is_noisy):
    right = int(coin >= 0.5)
    for first, rest in itertools.product((0, 1), itertools.product((0, 1), repeat=3)):
        _, rewards, ends = play(chain(4, is_noisy), coin, (first, *rest), uniforms=(0.1, 0.9, 0.1, 0.9))
        assert rewards[-1] == (1.0 if first == right else -1.0)
        assert ends == [False, False, False, True]


def test_the_first_state_reveals_the_coin():
    assert play(chain(3), HEADS, ())[0] == [0]
    assert play(chain(3), TAILS, ())[0] == [1]
    np.testing.assert_array_equal(ENV.initial_states(chain(3))[:4], [0.5, 0.5, 0.0, 0.0])


def test_every_place_of_every_branch_has_its_own_number():
    seen = [play(chain(50), coin, [first] + [0] * 48)[0] for coin in (HEADS, TAILS) for first in (0, 1)]
    # 2 first states, each seen twice, and 4 branches of 49 further ones: 2 + 196 = 198 states.
    assert sorted(set(itertools.chain(*seen))) == list(range(198)) and ENV.num_states == 198
    # By hand: tails, right action 1 chosen → branch 2 · 1 + 1 = 3; at position 2: 2 + 4 · 1 + 3 = 9.
    assert play(chain(50), TAILS, (1, 0))[0] == [1, 5, 9]


def test_noise_is_paid_in_the_middle_only_and_whatever_the_action():
    for actions in itertools.product((0, 1), repeat=4):
        _, rewards, _ = play(chain(4, True), HEADS, actions, uniforms=(0.9, 0.9, 0.1, 0.1))
        assert rewards[:3] == [0.0, 1.0, -1.0]
    # Twin: a chain that is not noisy pays nothing there.
    assert play(chain(4, False), HEADS, (0, 0, 0, 0), uniforms=(0.9, 0.9, 0.1, 0.1))[1] == [0.0, 0.0, 0.0, 1.0]


def test_the_state_after_the_longest_chain_is_shown_as_the_last_of_its_branch():
    seen, _, ends = play(chain(50), HEADS, [0] * 50)
    assert ends[-1] and seen[-1] == seen[-2] == 2 + 4 * 48 + 1


def test_lengths_are_drawn_from_the_whole_range_once_per_lifetime():
    family = DelayedChain(min_length=5, max_length=8, is_noisy=True)
    env_params_batch = jax.vmap(family.sample)(jax.random.split(jax.random.key(0), 400))
    lengths, counts = np.unique(env_params_batch.length, return_counts=True)
    assert lengths.tolist() == [5, 6, 7, 8]
    # Expected 100 each, standard deviation √(400 · ¼ · ¾) = 8.7; five of them.
    assert np.abs(counts - 100).max() < 44
    assert bool(env_params_batch.is_noisy.all())
    assert int(ENV.time_limit(chain(7))) == 7


def test_chains_of_the_paper_share_an_environment_and_longer_ones_have_a_larger_one():
    assert DelayedChain(min_length=5, max_length=30, is_noisy=False).env == ENV
    assert DelayedChain(min_length=5, max_length=80, is_noisy=False).env.num_states == 2 + 4 * 79


@pytest.mark.parametrize(("low", "high"), [(1, 5), (6, 5)])
def test_a_chain_without_two_different_steps_is_refused(low, high):
    with pytest.raises(ValueError, match="2 ≤ min ≤ max"):
        DelayedChain(min_length=low, max_length=high, is_noisy=False)


def test_a_chain_has_two_actions():
    family = DelayedChain(min_length=5, max_length=8, is_noisy=False)
    assert ENV.action_mask(family.sample(jax.random.key(0), 2)).tolist() == [True, True]
    with pytest.raises(ValueError, match="18 actions given"):
        family.sample(jax.random.key(0), 18)
