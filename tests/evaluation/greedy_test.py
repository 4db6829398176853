"""Greedy returns: those of the most probable actions, whatever the policy's other probabilities are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.evaluation.chosen_config import ChosenConfig
from lpg.evaluation.greedy import greedy_returns
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.training_plan import make_plan
from lpg.update_rules.registry import find_rule
from tests.learner.mirror import NAME


def plan_of(environment, agent=None):
    chosen = ChosenConfig(TrainConfig(num_envs=4, num_steps=5), "given")
    return make_plan(find_rule("a2c"), environment, num_steps=20, agent=agent, chosen=chosen)


def agent_with(plan, *best):
    """A table that prefers an action in each of the first states, by very little."""
    agent = plan.backend.template(plan.agent, 1, normalise_observations=False)
    rows = jax.tree.leaves(agent)[0]
    changed = rows.at[jnp.arange(len(best)), jnp.asarray(best)].set(0.01)
    return jax.tree.unflatten(jax.tree.structure(agent), [changed, *jax.tree.leaves(agent)[1:]])


def test_on_the_chain_the_preferred_first_action_decides_the_return():
    # Action 0 is right in state 0, action 1 in state 1; the return is 1 or −1. Three agents: both right, the first one
    # alone, both wrong.
    plan = plan_of("chain/short")
    found = greedy_returns(
        plan.backend, plan.agent, [agent_with(plan, *best) for best in ((0, 1), (0, 0), (1, 0))], range(3), 16
    )
    assert found.shape == (3, 16)
    np.testing.assert_array_equal(found[[0, 2]], [[1.0] * 16, [-1.0] * 16])
    assert set(found[1]) == {-1.0, 1.0}


def test_agents_may_be_played_together_or_alone():
    plan = plan_of("chain/short_noisy")
    agents = [agent_with(plan, 0, 1), agent_with(plan, 0, 0)]
    together = greedy_returns(plan.backend, plan.agent, agents, [3, 5], 4)
    np.testing.assert_array_equal(together[1:], greedy_returns(plan.backend, plan.agent, agents[1:], [5], 4))


@pytest.mark.thorough
def test_an_episode_is_cut_at_the_step_limit():
    plan = plan_of("classic/CartPole-v1")
    agent = plan.backend.template(plan.agent, 1, normalise_observations=False)
    # A step pays 1, and nobody falls within 5 steps.
    np.testing.assert_array_equal(greedy_returns(plan.backend, plan.agent, [agent], [0], 3, max_steps=5), [[5.0] * 3])
    # The constant action of an untrained agent makes every episode end soon, each after its own steps.
    whole = greedy_returns(plan.backend, plan.agent, [agent], [0], 3)
    assert (whole > 5).all() and (whole < 200).all()


@pytest.mark.parametrize(("best", "mean"), [((0, 1, 2), 4.0), ((1, 2, 0), 0.0)])
def test_gymnasium_environments_are_played_alike(best, mean):
    # Four steps, each of which pays 1 for naming the state that is shown. Later episodes are not counted.
    plan = plan_of(NAME)
    np.testing.assert_array_equal(
        greedy_returns(plan.backend, plan.agent, [agent_with(plan, *best)], [0], 3), [[mean] * 3]
    )
