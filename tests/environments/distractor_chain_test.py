"""The delayed chain seen through bits: which two matter, and that the others do not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.environments.delayed_chain import DelayedChain
from lpg.environments.distractor_chain import DistractorChain, DistractorChainEnv
from tests.helpers import CHAIN, chain

ENV = DistractorChainEnv(num_distractors=3)
STEP, RESET, OBSERVE = jax.jit(ENV.step_from), jax.jit(ENV.reset_from), jax.jit(ENV.observe)
HEADS, TAILS = 0.2, 0.8


def play(env_params, coin, actions, uniforms):
    """Plays an episode with the same coins at every state but the first; returns bits, rewards and ends."""
    state = RESET(jnp.array([coin, 0.0, 0.0, 0.0]), env_params)
    seen, rewards, ends = [OBSERVE(state, env_params).astype(int).tolist()], [], []
    for action in actions:
        state, result = STEP(jnp.array([0.1, *uniforms]), state, jnp.asarray(action), env_params)
        seen.append(OBSERVE(state, env_params).astype(int).tolist())
        rewards.append(float(result.reward))
        ends.append(bool(result.terminated))
        assert not result.truncated
    return seen, rewards, ends


@pytest.mark.parametrize(("coin", "is_zero_right"), [(HEADS, 1), (TAILS, 0)])
@pytest.mark.parametrize("first", [0, 1])
def test_bits_say_which_action_is_right_and_whether_it_has_been_chosen(coin, is_zero_right, first):
    was_chosen = int((first == 0) == bool(is_zero_right))
    seen, rewards, ends = play(chain(3), coin, (first, 1, 0), uniforms=(0.49, 0.5, 0.99))
    # The first bit shows the coin all along; the second waits for the first action; then the coins .49, .5 and .99.
    assert seen == [[is_zero_right, 0, 0, 0, 0]] + [[is_zero_right, was_chosen, 0, 1, 1]] * 3
    assert rewards == [0.0, 0.0, 1.0 if was_chosen else -1.0]
    assert ends == [False, False, True]


def test_rewards_and_ends_are_those_of_the_plain_chain():
    env_params, key = chain(4, is_noisy=True), jax.random.key(0)
    uniforms = jax.random.uniform(key, (4, ENV.num_uniforms))
    plain, bits = CHAIN.reset_from(uniforms[0, :1], env_params), RESET(uniforms[0], env_params)
    for time, action in enumerate((1, 0, 1, 1)):
        plain, expected = CHAIN.step_from(uniforms[time, :1], plain, jnp.asarray(action), env_params)
        bits, found = STEP(uniforms[time], bits, jnp.asarray(action), env_params)
        jax.tree.map(np.testing.assert_array_equal, (bits.chain, found), (plain, expected))


def test_distractors_are_fair_independent_and_new_at_every_state():
    family = DistractorChain(chain=DelayedChain(min_length=5, max_length=30, is_noisy=False))
    env, env_params = family.env, chain(5)
    assert env.observation_shape == (22,) and env.num_uniforms == env.num_reset_uniforms == 21
    keys = jax.random.split(jax.random.key(1), 4000)

    def two(key):
        uniforms = jax.random.uniform(key, (2, 21))
        state = env.reset_from(uniforms[0], env_params)
        after, _ = env.step_from(uniforms[1], state, jnp.asarray(0), env_params)
        return env.observe(state, env_params), env.observe(after, env_params)

    bits = np.concatenate(jax.jit(jax.vmap(two))(keys), axis=1)
    assert bits.shape == (4000, 44) and set(np.unique(bits)) == {0.0, 1.0}
    # Means within .5 ± 4 · .5/√4000, correlations within ± 4.5/√4000 (820 pairs): the coin and 2 · 20 distractors.
    coins = bits[:, [0, *range(2, 22), *range(24, 44)]]
    assert np.abs(coins.mean(0) - 0.5).max() < 4 * 0.5 / np.sqrt(4000)
    correlation = np.corrcoef(coins.T) - np.eye(41)
    assert np.abs(correlation).max() < 4.5 / np.sqrt(4000)
    # Twin: the coin is seen twice and is the same both times.
    np.testing.assert_array_equal(bits[:, 0], bits[:, 22])


def test_parameters_are_those_of_the_chain_inside():
    inside = DelayedChain(min_length=5, max_length=8, is_noisy=False)
    family = DistractorChain(chain=inside, num_distractors=3)
    assert family.env == ENV
    for seed in range(5):
        key = jax.random.key(seed)
        assert int(family.sample(key).length) == int(inside.sample(key, 2).length)
    assert ENV.action_mask(family.sample(jax.random.key(0))).tolist() == [True, True]
    with pytest.raises(ValueError, match="18 actions given"):
        family.sample(jax.random.key(0), 18)
