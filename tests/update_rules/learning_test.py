"""Learning from one rollout: by default exactly one agent update; each option against a loop written out."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from lpg.agents.network import init_network, parse_architecture
from lpg.agents.normalisation import init_statistics, normalise, update_statistics
from lpg.agents.outputs import next_rows, outputs
from lpg.types import Trajectory
from lpg.update_rules.a2c import A2C
from lpg.update_rules.base import RuleInputs
from lpg.update_rules.learning import LearnOptions, StepSize, check_minibatches, init_agent_state, learn
from lpg.update_rules.update import agent_update
from tests.helpers import hyperparameters

T, B, N = 5, 4, 3
MASK = jnp.ones(2, bool)
CONSTANT = StepSize(max_gradient_norm=jnp.asarray(jnp.inf), final_learning_rate=jnp.asarray(1.0))


def trajectory_of(key) -> Trajectory:
    keys = jax.random.split(key, 5)
    is_last = jax.random.bernoulli(keys[4], 0.2, (T, B))
    return Trajectory(
        observation=4 + 3 * jax.random.normal(keys[0], (T, B, N)),
        next_observation=4 + 3 * jax.random.normal(keys[1], (T, B, N)),
        action=jax.random.randint(keys[2], (T, B), 0, 2),
        reward=jax.random.normal(keys[3], (T, B)),
        terminated=is_last,
        is_last=is_last,
    )


def network(rule, key):
    return init_network(
        key, parse_architecture("D(6)"), observation_shape=(N,), num_actions=2, prediction_size=rule.prediction_size
    )


def inputs_of(rule, key) -> RuleInputs:
    key_agent, key_data = jax.random.split(key)
    agent = jax.tree.map(lambda x: x + 0.1, network(rule, key_agent))
    trajectory = trajectory_of(key_data)
    output = outputs(agent, trajectory.observation, MASK)
    after = outputs(agent, trajectory.next_observation, MASK).prediction
    return RuleInputs(trajectory=trajectory, output=output, next_prediction=next_rows(output.prediction, after))


OPTIMIZER = optax.sgd(1.0)


def learned(key, trajectory, options=None, step_size=CONSTANT, progress=0.0, is_real=None):
    options, rule = options or LearnOptions(), A2C()
    state = init_agent_state(network(rule, key), OPTIMIZER, options, num_envs=B, observation_shape=(N,))
    return learn(
        rule, state, trajectory, MASK, hyperparameters(), OPTIMIZER,
        options=options, step_size=step_size, progress=jnp.asarray(progress), key=jax.random.key(3),
        is_real=is_real,
    )[0]  # fmt: skip


def updated(agent, trajectory, rule=None):
    moved, _, _ = agent_update(
        rule or A2C(), agent, OPTIMIZER, OPTIMIZER.init(agent), trajectory, MASK, hyperparameters()
    )
    return moved


def assert_equal(one, other, rtol=1e-5):
    for x, y in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(x, y, rtol=rtol, atol=1e-6)


def differs(one, other) -> bool:
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return any(np.abs(np.asarray(x) - np.asarray(y)).max() > 1e-4 for x, y in pairs)


def test_by_default_it_is_one_agent_update(key):
    trajectory, before = trajectory_of(key), network(A2C(), key)
    state = learned(key, trajectory)
    assert_equal(state.agent, updated(before, trajectory), rtol=1e-6)
    assert state.observations is None and state.rewards is None and state.acting is state.agent
    assert differs(state.agent, before)


def test_epochs_repeat_the_update_with_new_targets(key):
    trajectory = trajectory_of(key)
    expected = network(A2C(), key)
    for _ in range(3):
        expected = updated(expected, trajectory)
    state = learned(key, trajectory, LearnOptions(num_epochs=3))
    assert_equal(state.agent, expected, rtol=1e-4)
    assert differs(state.agent, learned(key, trajectory).agent)


@pytest.mark.thorough
def test_minibatches_are_a_partition_of_the_environments(key):
    trajectory, options = trajectory_of(key), LearnOptions(num_minibatches=2)
    order = jax.random.permutation(jax.random.split(jax.random.key(3), 1)[0], B).reshape(2, 2)
    assert sorted(np.ravel(order)) == list(range(B))
    expected = network(A2C(), key)
    for members in order:
        expected = updated(expected, jax.tree.map(lambda x, m=members: x[:, m], trajectory))
    assert_equal(learned(key, trajectory, options).agent, expected, rtol=1e-4)
    with pytest.raises(ValueError, match="num_minibatches is 3 and num_envs 4; the second must be a multiple"):
        check_minibatches(LearnOptions(num_minibatches=3), B)
    with pytest.raises(ValueError, match="num_epochs is 0; .*>= 1"):
        LearnOptions(num_epochs=0)


def test_the_agent_acts_and_learns_on_the_same_normalised_observations(key):
    trajectory, options = trajectory_of(key), LearnOptions(normalise_observations=True)
    fresh = init_statistics((N,))
    shown = dataclasses.replace(
        trajectory,
        observation=normalise(fresh, trajectory.observation),
        next_observation=normalise(fresh, trajectory.next_observation),
    )
    state = learned(key, trajectory, options)
    # The first rollout was made before anything was known; it enters the statistics afterwards.
    assert_equal(state.agent, updated(network(A2C(), key), shown))
    assert_equal(state.observations, update_statistics(fresh, trajectory.observation.reshape(-1, N)))
    observation = trajectory.observation[0, 0]
    expected = state.agent(normalise(state.observations, observation))
    assert_equal(state.acting(observation), expected)
    assert differs(expected, state.agent(observation))


def test_rewards_are_scaled_before_the_rule_sees_them(key):
    trajectory = trajectory_of(key)
    state = learned(key, trajectory, LearnOptions(normalise_rewards=True))
    large = dataclasses.replace(trajectory, reward=1000 * trajectory.reward)
    assert_equal(learned(key, large, LearnOptions(normalise_rewards=True)).agent, state.agent, rtol=1e-2)
    assert differs(learned(key, large).agent, learned(key, trajectory).agent)


def test_clipping_and_the_schedule_scale_the_step(key):
    trajectory, before = trajectory_of(key), network(A2C(), key)
    free = learned(key, trajectory).agent
    step = jax.tree.map(lambda a, b: a - b, free, before)
    norm = float(optax.tree.norm(step))
    clipped = learned(key, trajectory, step_size=eqx.tree_at(lambda s: s.max_gradient_norm, CONSTANT, norm / 4))
    assert_equal(jax.tree.map(lambda a, b: 4 * (a - b), clipped.agent, before), step, rtol=1e-3)
    # A limit that is not reached changes nothing.
    loose = learned(key, trajectory, step_size=eqx.tree_at(lambda s: s.max_gradient_norm, CONSTANT, norm * 2))
    assert_equal(loose.agent, free, rtol=1e-6)
    # Down to a fifth at the end; half-way 1 − ½ · ⅘ = 0.6.
    falling = StepSize(max_gradient_norm=jnp.asarray(jnp.inf), final_learning_rate=jnp.asarray(0.2))
    for progress, share in ((0.0, 1.0), (0.5, 0.6), (1.0, 0.2)):
        state = learned(key, trajectory, step_size=falling, progress=progress)
        moved = jax.tree.map(lambda a, b: a - b, state.agent, before)
        assert_equal(moved, jax.tree.map(lambda x, s=share: s * x, step), rtol=1e-3)


def test_advantages_are_standardised_if_asked(key):
    from lpg.update_rules.standardised import Standardised

    trajectory = trajectory_of(key)
    state = learned(key, trajectory, LearnOptions(normalise_advantages=True))
    assert_equal(state.agent, updated(network(A2C(), key), trajectory, Standardised(A2C())))
    assert differs(state.agent, learned(key, trajectory).agent)


EACH = {
    "one update": LearnOptions(),
    "epochs": LearnOptions(num_epochs=2),
    "minibatches": LearnOptions(num_minibatches=2),
    "observations": LearnOptions(normalise_observations=True),
    "rewards": LearnOptions(normalise_rewards=True),
    "advantages": LearnOptions(normalise_advantages=True),
    "clipped": LearnOptions(num_epochs=2, clip_policy=True),
    "all": LearnOptions(
        num_epochs=2,
        num_minibatches=2,
        normalise_observations=True,
        normalise_rewards=True,
        normalise_advantages=True,
    ),
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", EACH)
def test_rows_that_are_no_steps_have_no_influence(name, key):
    """All environments end an episode with row 1; the oracle lacks the row after it."""
    short = trajectory_of(key)
    ends = short.is_last.at[1].set(True)
    short = dataclasses.replace(short, terminated=ends, is_last=ends)

    def longer(reward, is_last):
        def insert(x, row):
            return jnp.concatenate([x[:2], jnp.full_like(x[:1], row), x[2:]])

        return Trajectory(
            observation=insert(short.observation, 50.0), next_observation=insert(short.next_observation, -50.0),
            action=insert(short.action, 1), reward=insert(short.reward, reward),
            terminated=insert(short.terminated, is_last), is_last=insert(short.is_last, is_last),
        )  # fmt: skip

    is_real = jnp.ones((T + 1, B), bool).at[2].set(False)
    options = EACH[name]
    wanted = learned(key, short, options)
    for reward, is_last in ((0.0, True), (7.0, False)):
        found = learned(key, longer(reward, is_last), options, is_real=is_real)
        assert_equal(found, wanted, rtol=1e-4)
    # The twin: taken for steps, they change the agent.
    assert differs(learned(key, longer(7.0, False), options).agent, wanted.agent)
