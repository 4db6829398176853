"""Masks of single states: from the environment into acting, the trajectory and the loss."""

import dataclasses

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import lpg
from lpg.evaluation.backend import GymnasiumOptions
from lpg.evaluation.train_config import TrainConfig
from lpg.learner import loop
from lpg.learner.action_masks import read_masks
from lpg.learner.actions import actions_of
from lpg.learner.collect import Collector
from lpg.learner.learner import Learner
from tests.learner.diary import diaries
from tests.learner.fixtures import RULES, seen, table

ALLOWED = np.array([[1, 1, 0, 0], [0, 0, 1, 0], [0, 1, 0, 1]], np.int8)


class Gates(gymnasium.Env):
    """Three states after each other, then the end; each has its own actions, and another one is an error."""

    observation_space = gymnasium.spaces.Discrete(3)
    action_space = gymnasium.spaces.Discrete(4)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.state = 0
        return np.int64(0), {"action_mask": ALLOWED[0]}

    def step(self, action):
        assert ALLOWED[self.state, action], f"{action} in state {self.state}"
        self.state += 1
        is_over = self.state == 3
        mask = np.zeros(4, np.int8) if is_over else ALLOWED[self.state]
        return np.int64(min(self.state, 2)), float(action == 3), is_over, False, {"action_mask": mask}


NAME = "gymnasium/lpg_test/Gates-v0"
if "lpg_test/Gates-v0" not in gymnasium.registry:
    gymnasium.register("lpg_test/Gates-v0", entry_point=Gates)


def test_masks_of_a_batch_and_of_copies_that_say_nothing_or_wait_for_a_reset():
    actions = actions_of(gymnasium.spaces.Discrete(3, start=1), "x")
    info = {"action_mask": np.array([[1, 0, 1], [0, 0, 0], [0, 0, 0], [0, 1, 0]]),
            "_action_mask": np.array([True, False, True, True])}  # fmt: skip
    found = read_masks(info, actions, np.array([False, False, True, False]), "x")
    assert found.tolist() == [[True, False, True], [True] * 3, [True] * 3, [False, True, False]]
    assert read_masks({}, actions, np.zeros(4, bool), "x") is None
    # The twin: the same row of a copy that goes on.
    with pytest.raises(ValueError, match="allows no action"):
        read_masks(info, actions, np.zeros(4, bool), "x")


def learner(rule="a2c", **options):
    made = RULES[rule]()
    return Learner(table(3, 4, made.prediction_size), made, optimizer=optax.sgd(1.0), **options)


@pytest.mark.parametrize("mode", ["SAME_STEP", "NEXT_STEP"])
def test_only_what_a_state_allows_is_done_and_the_trajectory_says_so(mode, key):
    one = learner()
    collector = Collector(diaries(mode, Gates(), Gates()))
    state = one.init(key)

    def act(observation, t):
        return np.asarray(one.act(state, observation, jax.random.fold_in(key, t), action_mask=collector.action_mask))

    found = collector.collect(act, 12)
    is_real = np.ones((12, 2), bool) if found.is_real is None else found.is_real
    masks = np.asarray(found.trajectory.action_mask)
    np.testing.assert_array_equal(masks[is_real], ALLOWED[np.asarray(found.trajectory.observation)][is_real] == 1)
    assert masks[~is_real].all() and (mode == "SAME_STEP") == is_real.all()
    # The twin: without masks the environment complains.
    blind = Collector(diaries(mode, Gates(), Gates()), use_action_masks=False)
    assert blind.action_mask is None
    with pytest.raises(Exception, match="in state"):
        blind.collect(act, 12)


@pytest.mark.parametrize("name", RULES)
def test_the_loss_is_that_of_a_policy_over_the_allowed_actions(name, key):
    # Only actions 1 and 3 are allowed anywhere. An agent that has only these two learns the same.
    rule = RULES[name]()
    bonus = 0.0 if name.startswith("lpg") else 0.1
    four = learner(name, policy_entropy_weight=bonus)
    two = Learner(table(4, 2, rule.prediction_size), rule, optimizer=optax.sgd(1.0), policy_entropy_weight=bonus)
    begun = four.init(key)
    begun = dataclasses.replace(
        begun, params=dataclasses.replace(begun.params, rows=jax.random.normal(key, (4, 4 + rule.prediction_size)))
    )
    small = two.init(key)
    columns = np.r_[1, 3, 4 : 4 + rule.prediction_size]
    small = dataclasses.replace(small, params=dataclasses.replace(small.params, rows=begun.params.rows[:, columns]))
    narrow = seen()
    mask = jnp.broadcast_to(jnp.array([False, True, False, True]), (*narrow.reward.shape, 4))
    wide = dataclasses.replace(narrow, action=2 * narrow.action + 1, action_mask=mask)
    rows = four.update(begun, wide)[0].params.rows
    np.testing.assert_allclose(rows[:, columns], two.update(small, narrow)[0].params.rows, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(rows[:, [0, 2]], begun.params.rows[:, [0, 2]])
    # The twin: without the mask in the loss forbidden actions move.
    unmasked = four.update(begun, dataclasses.replace(wide, action_mask=None))[0].params.rows
    assert np.abs(unmasked[:, [0, 2]] - begun.params.rows[:, [0, 2]]).max() > 1e-5


def test_masks_go_with_their_environments_into_minibatches(key):
    one = learner("a2c", num_epochs=2, num_minibatches=2)
    collector = Collector(diaries("SAME_STEP", *(Gates() for _ in range(4))))
    states = loop.run(one, collector, loop.init(one, key, 1), key, np.array([3]), num_steps=5)
    *_, last = states
    assert np.isfinite(last.learner.params.rows).all()


def test_a_trained_agent_plays_and_acts_by_masks(tmp_path):
    config = TrainConfig(num_envs=2, num_steps=3, learning_rate=2.0)
    agent = lpg.train("a2c", NAME, 120, config=config, out=tmp_path).agent
    assert agent.evaluate(3).tolist() == [1, 1, 1] or agent.evaluate(3).tolist() == [0, 0, 0]
    assert agent.act(1, greedy=True, action_mask=ALLOWED[1]) == 2
    assert agent.act(np.array([0, 1]), jax.random.key(0), action_mask=ALLOWED[:2])[1] == 2
    loaded = lpg.load_agent(tmp_path)
    assert loaded.evaluate(3).tolist() == agent.evaluate(3).tolist()
    with pytest.raises((RuntimeError, AssertionError), match="in state"):
        lpg.train("a2c", NAME, 120, config=config, options=GymnasiumOptions(action_masks=False))


def test_masks_must_be_given_from_the_beginning():
    class Late(Gates):
        def reset(self, *, seed=None, options=None):
            return super().reset(seed=seed)[0], {}

    collector = Collector(diaries("SAME_STEP", Late()))
    with pytest.raises(ValueError, match="after a step and none after a reset"):
        collector.collect(lambda observation, t: np.zeros(1, int), 1)
