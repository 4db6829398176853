"""The host loop."""

import jax
import numpy as np
import optax
import pytest
from gymnasium import spaces as gym

from lpg.learner import loop
from lpg.learner.collect import Collector
from lpg.learner.learner import Learner
from lpg.learner.spaces import make_agent, spaces_of
from tests.learner.diary import Diary, diaries
from tests.learner.fixtures import RULES


class Watched(Learner):
    """Remembers with which parameters each trajectory was acted."""

    def choose(self, state, observation, uniform, action_mask=None):
        self.acted = [*getattr(self, "acted", []), state]
        return super().choose(state, observation, uniform, action_mask)


def learner(rule="lpg", rate=0.1, kind=Learner, **options):
    made = RULES[rule]()
    agent = make_agent("D(4)", made, spaces_of(gym.Box(-1, 1, (2,)), gym.Discrete(2), "x"))
    return kind(agent, made, optimizer=optax.sgd(rate), **options)


def collector(mode="SAME_STEP"):
    return Collector(diaries(mode, Diary((2,)), Diary((3,))))


def test_a_curve_counts_each_episode_at_the_point_in_which_it_ended(key):
    one = learner()
    states = list(loop.run(one, collector(), loop.init(one, key, 2), key, np.array([2, 3]), num_steps=2))
    assert [state.num_updates for state in states] == [1, 2, 3]
    # Two environments, two steps an update. Number 0 ends in steps 2, 4, 6 with 2 · 1, 2 · 11, 2 · 21; number 1
    # in steps 3 and 6 with 3 · 1, 3 · 11. Steps 1 to 4 are the first point, steps 5 and 6 the second.
    assert states[-1].totals.tolist() == [[2 + 22 + 3, 4 + 484 + 9, 3], [42 + 33, 1764 + 1089, 2]]
    assert states[1].totals[1].tolist() == [0, 0, 0]


@pytest.mark.parametrize("mode", ["SAME_STEP", "NEXT_STEP"])
def test_a_loop_that_is_left_and_entered_again_is_the_loop_that_was_not(mode, key):
    one, ends = learner(), np.array([4])
    *_, straight = loop.run(one, collector(mode), loop.init(one, key, 1), key, ends, num_steps=3)
    same = collector(mode)
    first = loop.run(one, same, loop.init(one, key, 1), key, ends, num_steps=3)
    next(first)
    middle = next(first)
    *_, resumed = loop.run(one, same, middle, key, ends, num_steps=3)
    jax.tree.map(np.testing.assert_array_equal, resumed.learner, straight.learner)
    assert np.array_equal(resumed.totals, straight.totals)
    # The twin: the actions depend on the key.
    *_, other = loop.run(one, same, middle, jax.random.key(1), ends, num_steps=3)
    assert not np.array_equal(other.learner.params.policy.weight, straight.learner.params.policy.weight)


class Timed(Learner):
    """Remembers which share of the training each update was told."""

    def update(self, state, trajectory, is_real=None, *, key=None, progress=None):
        self.told = [*getattr(self, "told", []), progress]
        return super().update(state, trajectory, is_real, key=key, progress=progress)


@pytest.mark.parametrize(("num_updates", "told"), [(None, [None] * 3), (3, [0.0, 0.5, 1.0])])
def test_updates_are_told_which_share_of_the_training_is_done(num_updates, told, key):
    one = learner(kind=Timed, num_updates=num_updates)
    list(loop.run(one, collector(), loop.init(one, key, 1), key, np.array([3]), num_steps=2))
    assert one.told == told


@pytest.mark.parametrize(("overlap", "behind"), [(False, 0), (True, 1)])
def test_overlapping_acts_with_parameters_that_are_one_update_old(overlap, behind, key):
    one = learner(kind=Watched)
    begun = loop.init(one, key, 1)
    states = [begun, *loop.run(one, collector(), begun, key, np.array([3]), num_steps=2, overlap=overlap)]
    acted = [one.acted[2 * number] for number in range(3)]
    for number, used in enumerate(acted):
        wanted = states[max(number - behind, 0)].learner
        assert used is wanted


def test_an_agent_that_diverges_is_told_off(key):
    one = learner("a2c", rate=1e30)
    with pytest.raises(RuntimeError, match="not finite after . updates; a smaller learning rate may help"):
        list(loop.run(one, collector(), loop.init(one, key, 1), key, np.array([9]), num_steps=2))
