"""The agent of DiscoRL's rule: its two ways to predict by action, what it reads, and where it begins."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.agents.disco import NUM_BINS, DiscoAgent
from lpg.agents.registry import agent_optimizer, init_agent
from lpg.environments.registry import env_spec
from tests.update_rules.disco import oracle
from tests.update_rules.disco.fixtures import small_agent

X = jnp.asarray(np.random.default_rng(0).normal(size=(2, 4, 5)), jnp.float32)


def test_all_outputs_are_those_of_the_transcription():
    agent = small_agent(1)
    features = agent.features(X)
    output, by_action = agent(X), agent.by_action(features)
    expected = oracle.agent_outputs(agent, X[1, 2])
    for ours, name in (
        (output.logits, "pi"), (output.prediction, "y"), (by_action.z, "z"), (by_action.q, "q"),
        (by_action.next_policy, "aux"),
    ):  # fmt: skip
        np.testing.assert_allclose(ours[1, 2], expected[name], rtol=1e-4, atol=1e-5)
    assert np.any(by_action.z[..., 0, :] != by_action.z[..., 1, :])


@pytest.mark.thorough
def test_one_action_alone_is_predicted_as_among_all():
    agent, action = small_agent(1), jnp.array([[0, 1, 2, 1], [2, 0, 1, 0]])
    features = agent.features(X)
    alone, everything = agent.of_action(features, action), agent.by_action(features)
    for one, of_all in zip(*map(jax.tree.leaves, (alone, everything)), strict=True):
        chosen = jnp.take_along_axis(of_all, action[..., None, None], axis=2)[:, :, 0]
        np.testing.assert_allclose(one, chosen, rtol=1e-5, atol=1e-6)
        assert np.any(jnp.abs(one - of_all[:, :, 0]) > 1e-3)  # the twin: another action


@pytest.mark.thorough
def test_it_begins_with_an_almost_uniform_policy_and_finite_predictions():
    env = env_spec("bsuite/catch").distribution.env
    agent = init_agent(jax.random.key(0), "disco-D(16)", env, prediction_size=600)
    output = agent(jnp.ones((7, *env.observation_shape)))
    np.testing.assert_allclose(jax.nn.softmax(output.logits), 1 / 3, atol=0.05)
    assert output.prediction.shape == (7, 600) and np.all(np.abs(output.prediction) < 1)
    by_action = agent.by_action(agent.features(jnp.ones((7, *env.observation_shape))))
    assert by_action.q.shape == (7, 3, NUM_BINS) and by_action.next_policy.shape == (7, 3, 3)
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(by_action))


@pytest.mark.thorough
def test_state_indices_are_read_as_one_hot_vectors_and_images_by_convolutions(key):
    chain = init_agent(key, "disco-D(4)", env_spec("chain/short").distribution.env, prediction_size=3)
    assert isinstance(chain, DiscoAgent) and chain.network.dense[0].weight.shape == (198, 4)
    weight = chain.network.dense[0].weight
    np.testing.assert_allclose(chain.features(jnp.array([5, 9])), jax.nn.relu(weight[jnp.array([5, 9])]), rtol=1e-6)
    grid = env_spec("random/small").distribution.env
    planes = init_agent(key, "disco-C(2)-D(4)", grid, prediction_size=3)
    assert planes(jnp.ones((2, *grid.observation_shape))).logits.shape == (2, 18)


@pytest.mark.parametrize(
    ("agent", "words"),
    [("disco-D(4)/D(4)", "has 2 networks"), ("disco-tabular", "is needed"), ("disco-C(2)-D(4)", "state indices")],
)
def test_what_is_no_such_agent_is_refused(agent, words, key):
    with pytest.raises(ValueError, match=words):
        init_agent(key, agent, env_spec("chain/short").distribution.env, prediction_size=3)


@pytest.mark.thorough
def test_its_optimiser_is_that_of_networks(key):
    agent = init_agent(key, "disco-D(4)", env_spec("chain/short").distribution.env, prediction_size=3)
    optimizer = agent_optimizer("disco-D(4)")
    step, _ = optimizer.update(jax.tree.map(jnp.ones_like, agent), optimizer.init(agent), agent)
    np.testing.assert_allclose(step.action, -1, rtol=1e-5)  # Adam's first step
