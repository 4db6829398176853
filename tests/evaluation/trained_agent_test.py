"""Trained agents act on observations as environments give them, and play episodes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lpg
from lpg.evaluation.trained_agent import TrainedAgent
from lpg.evaluation.training_folder import AgentCard
from tests.learner.mirror import SHIFTED

CONFIG = lpg.TrainConfig(learning_rate=20.0, num_envs=4, num_steps=20, table_step="samples")


def agent_of(environment, best, agent="tabular", **card):
    """A table that prefers an action in each of the first states, by very little."""
    known = AgentCard(environment=environment, agent=agent, rule="a2c", seed=3, prediction_size=1, **card)
    made = known.backend().template(agent, 1, normalise_observations=False)
    rows = jax.tree.leaves(made)[0]
    changed = rows.at[jnp.arange(len(best)), jnp.asarray(best)].set(0.01)
    return TrainedAgent(jax.tree.unflatten(jax.tree.structure(made), [changed, *jax.tree.leaves(made)[1:]]), known)


def test_states_and_actions_are_numbered_as_the_environment_does():
    agent = agent_of(SHIFTED, (1, 2, 0))
    assert [agent.act(np.int64(state), greedy=True) for state in (5, 6, 7)] == [11, 12, 10]
    assert agent.act(np.array([7, 5]), greedy=True).tolist() == [10, 11]
    # The twin: called, the agent counts from 0.
    assert int(jnp.argmax(agent(jnp.asarray(0)).logits)) == 1


def test_without_greed_actions_are_drawn_from_the_policy_by_the_key():
    agent = agent_of(SHIFTED, (0, 0, 0))
    states = np.full(3000, 5)
    drawn = agent.act(states, jax.random.key(1))
    shares = [(drawn == action).mean() for action in (10, 11, 12)]
    np.testing.assert_allclose(shares, [1 / 3] * 3, atol=0.04)
    np.testing.assert_array_equal(drawn, agent.act(states, jax.random.key(1)))
    assert not np.array_equal(drawn, agent.act(states, jax.random.key(2)))
    assert (agent.act(states, greedy=True) == 10).all()
    with pytest.raises(ValueError, match="no key given"):
        agent.act(5)


def test_actions_that_do_not_exist_are_never_taken():
    # Of 18 actions of the grid nine exist here; the table prefers the last one.
    agent = agent_of("tabular/dense", [17] * 50, num_actions=9)
    mask = agent.card.backend().interface(3).action_mask
    assert mask.sum() == 9
    assert mask[agent.act(np.arange(50), greedy=True)].all()
    assert mask[agent.act(np.arange(50), jax.random.key(0))].all()


def test_vectors_alone_and_in_batches_and_other_shapes_in_one_line():
    card = AgentCard(environment="gymnasium/CartPole-v1", agent="D(4)", rule="a2c", seed=0, prediction_size=1)
    agent = TrainedAgent(card.backend().template("D(4)", 1, normalise_observations=False), card)
    one = np.array([0.1, -0.2, 0.3, 0.4])
    assert isinstance(agent.act(one, greedy=True), int)
    alone = [agent.act(x, greedy=True) for x in (one, -one)]
    assert agent.act(np.stack([one, -one]), greedy=True).tolist() == alone
    with pytest.raises(ValueError, match=r"shape \[3\] given; \[4\] is needed, as gymnasium/CartPole-v1 has it"):
        agent.act(one[:3], greedy=True)


def test_an_agent_that_has_learned_plays_well_and_comes_back_from_its_folder(tmp_path):
    result = lpg.train("a2c", "chain/short", 16_000, seed=4, config=CONFIG, out=tmp_path)
    returns = result.agent.evaluate(episodes=7)
    np.testing.assert_array_equal(returns, [1.0] * 7)
    again = lpg.load_agent(tmp_path, 4)
    np.testing.assert_array_equal(again.evaluate(episodes=7), returns)
    assert again.card == result.agent.card and again.card.steps == 16_000
    # The twin: one that prefers the wrong first action.
    np.testing.assert_array_equal(agent_of("chain/short", (1, 0)).evaluate(episodes=3), [-1.0] * 3)
    with pytest.raises(ValueError, match="episodes is 0"):
        again.evaluate(episodes=0)


@pytest.mark.parametrize("best, mean", [((0, 1, 2), 4.0), ((1, 2, 0), 0.0)])
def test_episodes_on_gymnasium_environments(best, mean):
    # Four steps, each of which pays 1 for naming the state that is shown.
    np.testing.assert_array_equal(agent_of(SHIFTED, best).evaluate(episodes=3), [mean] * 3)
