import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from lpg.agents.registry import init_agent
from lpg.agents.rollout import init_rollout, rollout
from lpg.agents.tabular import Table
from lpg.environments.grid_families import objects_of, open_map
from lpg.environments.random_grid_families import RandomGrid
from lpg.meta_training.critic import init_critic, init_network_critic, update_critic, values
from lpg.types import Trajectory
from tests.helpers import CHAIN, GRID, chain, grid, trajectory

update_critic = jax.jit(
    update_critic, static_argnames=("lambda_", "rate", "learning_rate", "scale_advantages", "scale_rate")
)
GAMMA = jnp.array(0.9)
PLAIN = {"lambda_": 0.8, "rate": 0.5, "scale_advantages": False}


def with_values(*values: float):
    return eqx.tree_at(lambda c: c.value, init_critic(len(values)), jnp.array(values))


def test_advantages_values_and_report_worked_by_hand():
    # γ = .9, λ = .8, V = (1, 2, 3), rate ½. Steps 0 → 1 → 0 (terminated) → 2 (and the data end in state 1).
    #   δ_2 = 5 + .9 · 2 − 3 = 3.8            A_2 = 3.8
    #   δ_1 = 0 − 2 = −2, terminated          A_1 = −2
    #   δ_0 = 1 + .9 · 2 − 1 = 1.8            A_0 = 1.8 + .72 · −2 = 0.36
    # V ← V + ½ A, each state visited once: (1.18, 1, 4.9).
    # Error: (0.36² + 2² + 3.8²) / 3 = (0.1296 + 4 + 14.44) / 3 = 6.1899. λ-returns V + A: (1.36, 0, 6.8), mean 2.72,
    # variance ((−1.36)² + (−2.72)² + 4.08²) / 3 = (1.8496 + 7.3984 + 16.6464) / 3 = 8.6315.
    seen = trajectory(reward=[1.0, 0.0, 5.0], observation=[0, 1, 2], next_observation=[1, 0, 1], terminated=[0, 1, 0])
    critic, advantage, info = update_critic(with_values(1.0, 2.0, 3.0), seen, GAMMA, **PLAIN)
    np.testing.assert_allclose(advantage[:, 0], [0.36, -2, 3.8], rtol=1e-5)
    np.testing.assert_allclose(critic.value, [1.18, 1, 4.9], rtol=1e-6)
    np.testing.assert_allclose(info.error, 6.1899, rtol=1e-4)
    np.testing.assert_allclose(info.variance, 8.6315, rtol=1e-4)


def test_the_step_is_a_mean_per_state_and_not_per_sample():
    # Three episodes of one step. State 0 is visited twice and pays 1 and 3: mean error 2, so V = ½ · 2 = 1;
    # state 1 is visited once and pays 8: V = ½ · 8 = 4; state 2 never: V stays. A sum over samples would give state 0
    # ½ · 4 = 2, a mean over all three samples ½ · 4 / 3.
    seen = trajectory(reward=[1.0, 8.0, 3.0], observation=[0, 1, 0], terminated=[1, 1, 1])
    critic, _, _ = update_critic(with_values(0.0, 0.0, 7.0), seen, GAMMA, **PLAIN)
    np.testing.assert_allclose(critic.value, [1, 4, 7], rtol=1e-6)


@functools.partial(jax.jit, static_argnames=("environment", "rate", "num_rollouts"))
def learn(agent, env_params, environment, rate, num_rollouts):
    """Errors over repeated rollouts of one fixed policy."""
    key_reset, key_rollouts = jax.random.split(jax.random.key(1))

    def step(carry, key):
        state, critic = carry
        state, seen, _ = rollout(
            key, state, agent, environment, env_params, num_steps=10, time_limit_is_termination=True
        )
        critic, _, info = update_critic(critic, seen, GAMMA, lambda_=0.8, rate=rate, scale_advantages=False)
        return (state, critic), info.error

    first = (init_rollout(key_reset, environment, env_params, 16), init_critic(environment.num_states))
    (_, critic), error = jax.lax.scan(step, first, jax.random.split(key_rollouts, num_rollouts))
    return critic, error


def test_it_learns_the_exact_values_of_a_chain():
    # Always action 0. Where 0 is right (state 0, then branch 1) the chain of 3 steps pays +1 at its end, else (state 1,
    # then branch 2) −1. With γ = .9 the values of the three steps are ±(.81, .9, 1).
    # State numbers: 2 + 4 (position − 1) + branch: 3 and 7 on branch 1; 4 and 8 on branch 2.
    always_0 = Table(rows=jnp.tile(jnp.array([50.0, -50.0]), (18, 1)), num_actions=2)
    critic, error = learn(always_0, chain(3), CHAIN, 0.3, 60)
    np.testing.assert_allclose(critic.value[jnp.array([0, 3, 7])], [0.81, 0.9, 1], atol=1e-4)
    np.testing.assert_allclose(critic.value[jnp.array([1, 4, 8])], [-0.81, -0.9, -1], atol=1e-4)
    assert error[-1] < 1e-8
    np.testing.assert_array_equal(critic.value[9:], 0)  # states of longer chains


def test_its_error_falls_on_a_fixed_policy_unless_it_does_not_learn():
    uniform = Table(rows=jnp.zeros((8, 18)), num_actions=18)
    _, learning = learn(uniform, grid(max_steps=10), GRID, 0.3, 60)
    _, idle = learn(uniform, grid(max_steps=10), GRID, 0.0, 60)
    assert learning[0] == idle[0]
    assert learning[-20:].mean() < 0.6 * learning[0]
    assert abs(idle[-20:].mean() / idle[0] - 1) < 0.3  # the twin


def test_scaled_advantages_have_a_running_root_mean_square_of_one():
    # Forgetting .05. First trajectory: A = (3, 4), mean square 12.5; running .05 · 12.5 = 0.625 of weight .05: again
    # 12.5. Second: V has moved by ½ A to (1.5, 2), so A = (1.5, 2), mean square 3.125:
    #   running .95 · .625 + .05 · 3.125 = 0.75, weight .95 · .05 + .05 = .0975, ratio 7.692308
    seen = trajectory(reward=[3.0, 4.0], observation=[0, 1], terminated=[1, 1])
    scaled = PLAIN | {"scale_advantages": True}
    critic, first, _ = update_critic(init_critic(2), seen, GAMMA, **scaled)
    np.testing.assert_allclose(first[:, 0], np.array([3, 4]) / np.sqrt(12.5), rtol=1e-5)
    _, second, _ = update_critic(critic, seen, GAMMA, **scaled)
    np.testing.assert_allclose(second[:, 0], np.array([1.5, 2]) / np.sqrt(7.692308), rtol=1e-5)


def test_scaling_does_not_centre_and_does_not_amplify_zero_advantages():
    scaled = PLAIN | {"scale_advantages": True}
    same = trajectory(reward=[2.0, 2.0], observation=[0, 1], terminated=[1, 1])
    np.testing.assert_allclose(update_critic(init_critic(2), same, GAMMA, **scaled)[1], 1, rtol=1e-5)
    nothing = trajectory(reward=[0.0, 0.0], observation=[0, 1], terminated=[1, 1])
    np.testing.assert_array_equal(update_critic(init_critic(2), nothing, GAMMA, **scaled)[1], 0)
    # A root mean square of 1e-5 is below the floor: 1e-5 / 1e-3 = 0.01.
    little = trajectory(reward=[1e-5, 1e-5], observation=[0, 1], terminated=[1, 1])
    np.testing.assert_allclose(update_critic(init_critic(2), little, GAMMA, **scaled)[1], 0.01, rtol=1e-4)


def seen_once(observation, reward) -> Trajectory:
    """One environment of episodes of one step, so that the λ-return is the reward whatever V says."""
    steps = len(reward)
    return Trajectory(
        observation=jnp.asarray(observation, float)[:, None],
        next_observation=jnp.ones_like(jnp.asarray(observation, float))[:, None],
        action=jnp.zeros((steps, 1), int),
        reward=jnp.asarray(reward, float)[:, None],
        terminated=jnp.ones((steps, 1), bool),
        is_last=jnp.ones((steps, 1), bool),
    )


@pytest.mark.parametrize("architecture, shape", [("D(4)", (22,)), ("D(4)", (2, 3, 3)), ("C(2)-D(3)", (2, 3, 3))])
def test_the_values_of_a_network_are_zero_at_initialisation(architecture, shape, key):
    critic = init_network_critic(key, architecture, shape)
    observation = jax.random.normal(key, (3, 2, *shape))
    np.testing.assert_array_equal(values(critic.value, observation), np.zeros((3, 2)))
    otherwise = eqx.tree_at(lambda c: c.value.prediction.weight, critic, replace_fn=jnp.ones_like)
    assert np.any(values(otherwise.value, observation) != 0)  # the twin


def test_a_networks_first_step_worked_by_hand(key):
    # Rewards 1 and 2 after one step: V = 0, so A = (1, 2), error (1 + 4) / 2 = 2.5, variance of (1, 2) 0.25.
    # The head is zero: nothing reaches the torso, which stays. d/db of ½ mean (V − G)² is −1.5, and Adam's first step
    # goes against its sign by the rate: b = +0.1. So do the weights of units of the torso that are on.
    critic = init_network_critic(key, "D(8)", (2,))
    seen = seen_once([[1, 0], [0, 1]], [1, 2])
    following, advantage, info = update_critic(critic, seen, GAMMA, learning_rate=0.1, **PLAIN)
    np.testing.assert_allclose(advantage[:, 0], [1, 2], rtol=1e-6)
    np.testing.assert_allclose([info.error, info.variance], [2.5, 0.25], rtol=1e-6)
    np.testing.assert_allclose(following.value.prediction.bias, [0.1], rtol=1e-5)
    is_on = np.any(np.asarray(critic.value.dense[0].weight) > 0, axis=0)  # the observations are unit vectors
    assert 0 < is_on.sum() < 8
    np.testing.assert_allclose(following.value.prediction.weight[:, 0], 0.1 * is_on, rtol=1e-5)
    for one, other in zip(jax.tree.leaves(following.value.dense), jax.tree.leaves(critic.value.dense), strict=True):
        np.testing.assert_array_equal(one, other)
    assert following.optimizer_state.count == 1


def test_a_networks_steps_are_those_of_adam_on_half_the_mean_squared_error(key):
    critic = init_network_critic(key, "D(8)", (2,))
    value, optimizer = critic.value, optax.adam(0.1)
    state = optimizer.init(value)
    for reward in ([1.0, 2.0, 0.0], [-3.0, 0.5, 1.0], [0.2, 0.1, 4.0]):
        seen = seen_once([[1, 0], [0.5, 1], [-1, 2]], reward)
        critic, _, _ = update_critic(critic, seen, GAMMA, learning_rate=0.1, **PLAIN)

        def loss(value, seen=seen):
            hidden = jax.nn.relu(seen.observation @ value.dense[0].weight + value.dense[0].bias)
            error = (hidden @ value.prediction.weight + value.prediction.bias)[..., 0] - seen.reward
            return jnp.mean(error**2) / 2

        step, state = optimizer.update(jax.grad(loss)(value), state)
        value = optax.apply_updates(value, step)
    for one, other in zip(jax.tree.leaves(critic.value), jax.tree.leaves(value), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)
    assert critic.optimizer_state.count == 3


CORRIDOR = RandomGrid(rows=open_map(1, 3), objects=objects_of((1, 1.0, 1.0, 0.0)), max_steps=4)
"""Three cells in a row and one object, which ends the episode; observed as two planes."""
RIGHT = 5


@functools.partial(jax.jit, static_argnames=("architecture", "learning_rate"))
def learn_corridor(architecture, learning_rate):
    """Errors of a network over 60 rollouts of an agent that always goes right."""
    key_agent, key_critic, key_instance, key_reset, key_rollouts = jax.random.split(jax.random.key(1), 5)
    env, env_params = CORRIDOR.env, CORRIDOR.sample(key_instance, 9)
    agent = init_agent(key_agent, "D(4)", env, prediction_size=1)
    agent = eqx.tree_at(lambda a: a.policy.bias, agent, 50 * jax.nn.one_hot(RIGHT, env.num_actions))

    def step(carry, key):
        state, critic = carry
        state, seen, _ = rollout(key, state, agent, env, env_params, num_steps=10, time_limit_is_termination=True)
        critic, _, info = update_critic(critic, seen, GAMMA, learning_rate=learning_rate, **PLAIN)
        return (state, critic), info.error

    first = (
        init_rollout(key_reset, env, env_params, 16),
        init_network_critic(key_critic, architecture, env.observation_shape),
    )
    (_, critic), error = jax.lax.scan(step, first, jax.random.split(key_rollouts, 60))
    return critic, error


@pytest.mark.thorough
@pytest.mark.parametrize("architecture", ["D(16)", "C(4)-D(16)"])
def test_a_networks_error_falls_on_a_fixed_policy_unless_it_does_not_learn(architecture):
    (critic, learning), (_, idle) = learn_corridor(architecture, 0.02), learn_corridor(architecture, 0.0)
    assert learning[0] == idle[0]
    assert learning[-20:].mean() < 0.1 * learning[0]
    assert abs(idle[-20:].mean() / idle[:20].mean() - 1) < 0.3  # the twin
    # An object next door, to the right, is worth 1; one that is two cells away γ = .9; one behind the agent nothing.
    # Planes: where the object is, where the agent is.
    picture = jnp.array([[[[0, 1, 0]], [[1, 0, 0]]], [[[0, 0, 1]], [[1, 0, 0]]], [[[1, 0, 0]], [[0, 1, 0]]]], float)
    np.testing.assert_allclose(values(critic.value, picture[:, None])[:, 0], [1, 0.9, 0], atol=0.15)
