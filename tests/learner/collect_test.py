"""From Gymnasium vector environments to trajectories: ends of episodes under both kinds of autoreset."""

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from lpg.agents.rollout import init_rollout, rollout
from lpg.agents.tabular import init_table
from lpg.learner.collect import Collector
from lpg.learner.learner import Learner
from tests.helpers import CHAIN, chain, with_random_predictions
from tests.learner.diary import Diary, diaries
from tests.learner.fixtures import RULES, table


def ones(observation, t):
    return np.ones(len(observation), int)


def rows(values) -> list:
    """The only environment of a [T, 1, …] array."""
    return np.asarray(values)[:, 0].tolist()


def test_same_step_autoreset_by_hand():
    # Two steps an episode; the first one terminates, the second one is cut. No row shows two episodes.
    collector = Collector(diaries("SAME_STEP", Diary((2,), (False, True))))
    found = collector.collect(ones, 5)
    seen = found.trajectory
    assert rows(seen.observation) == [[0, 0], [0, 1], [1, 0], [1, 1], [2, 0]]
    assert rows(seen.next_observation) == [[0, 1], [0, 2], [1, 1], [1, 2], [2, 1]]
    assert rows(seen.reward) == [1, 1, 11, 11, 21]
    assert rows(seen.is_last) == [False, True, False, True, False]
    assert rows(seen.terminated) == [False, True, False, False, False]
    assert found.is_real is None and found.returns.tolist() == [2, 22] and found.num_steps == 5


def test_next_step_autoreset_by_hand():
    # The environment needs a step of its own to begin anew: rows 2 and 5, which stay in the final state.
    environments = diaries("NEXT_STEP", Diary((2,), (False, True)))
    collector = Collector(environments)
    found = collector.collect(ones, 7)
    seen = found.trajectory
    assert rows(seen.observation) == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2], [2, 0]]
    assert rows(seen.next_observation) == [[0, 1], [0, 2], [0, 2], [1, 1], [1, 2], [1, 2], [2, 1]]
    assert rows(seen.reward) == [1, 1, 0, 11, 11, 0, 21]
    assert rows(found.is_real) == [True, True, False, True, True, False, True]
    assert rows(seen.is_last) == [False, True, True, False, True, True, False]
    assert rows(seen.terminated) == [False, True, True, False, False, True, False]
    assert found.returns.tolist() == [2, 22] and found.num_steps == 5


def test_a_trajectory_may_begin_with_the_reset_of_the_one_before():
    collector = Collector(diaries("NEXT_STEP", Diary()))
    assert rows(collector.collect(ones, 2).is_real) == [True, True]
    following = collector.collect(ones, 2)
    assert rows(following.is_real) == [False, True]
    assert rows(following.trajectory.observation) == [[0, 2], [1, 0]]
    assert following.returns.tolist() == []  # the return of 2 was counted where the episode ended
    assert collector.collect(ones, 1).returns.tolist() == [22]


def test_streams_end_when_they_end_and_returns_go_on_between_trajectories():
    collector = Collector(diaries("SAME_STEP", Diary((2,)), Diary((3,))))
    assert collector.collect(ones, 2).returns.tolist() == [2]
    # Stream 0 ends again in the second step, environment 1 in the first, with 1 + 1 + 1 from both trajectories.
    assert collector.collect(ones, 2).returns.tolist() == [3, 22]


def test_raw_observations_would_have_leaked():
    # The twin of the two tests by hand: what the environment itself returns at an end is the next episode's first.
    environments = diaries("SAME_STEP", Diary())
    environments.reset()
    environments.step(np.array([0]))
    raw = environments.step(np.array([0]))[0]
    assert raw.tolist() == [[1, 0]]


@pytest.mark.parametrize("name", RULES)
def test_both_kinds_of_autoreset_teach_the_same(name, key):
    # Four steps in two episodes each way; under next-step autoreset there are six rows.
    rule = RULES[name]()

    def learned(mode: str, num_rows: int, skip: bool = True):
        init, apply = table(4, 2, rule.prediction_size), lambda params, seen: params(seen[0].astype(int) * 2)
        learner = Learner((init, lambda p, o: apply(p, o)), rule, optimizer=optax.sgd(1.0))
        found = Collector(diaries(mode, Diary())).collect(ones, num_rows)
        state = learner.init(key)
        return learner.update(state, found.trajectory, found.is_real if skip else None)[0].params.rows

    wanted = learned("SAME_STEP", 4)
    np.testing.assert_allclose(learned("NEXT_STEP", 6), wanted, atol=1e-6)
    # The twin: the extra rows taken for steps.
    assert np.abs(learned("NEXT_STEP", 6, skip=False) - wanted).max() > 1e-4


class ChainAsGymnasium(gymnasium.Env):
    """A delayed chain of this package, stepped on the host; coins are given."""

    observation_space = gymnasium.spaces.Discrete(18)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, coins):
        self.coins, self.env_params = iter(coins), chain(3)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.state = CHAIN.reset_from(jnp.asarray([0.25 + 0.5 * next(self.coins, 0)]), self.env_params)
        return np.int64(CHAIN.observe(self.state, self.env_params)), {}

    def step(self, action):
        uniforms = jnp.zeros(CHAIN.num_uniforms)
        self.state, result = CHAIN.step_from(uniforms, self.state, jnp.asarray(action), self.env_params)
        observation = np.int64(CHAIN.observe(self.state, self.env_params))
        return observation, float(result.reward), bool(result.terminated), bool(result.truncated), {}


@pytest.mark.parametrize("name", ["a2c", "lpg"])
def test_gymnasium_and_jax_give_the_same_trajectory_and_update_in_the_same_environment(name, key):
    rule, num_steps, num_envs = RULES[name](), 8, 3
    agent = init_table(num_states=18, num_actions=2, prediction_size=rule.prediction_size)
    agent = with_random_predictions(key, agent)
    begun = init_rollout(key, CHAIN, chain(3), num_envs)
    _, wanted, info = rollout(key, begun, agent, CHAIN, chain(3), num_steps=num_steps, time_limit_is_termination=False)
    starts = [
        [int(wanted.observation[t, b]) for t in range(num_steps) if t == 0 or wanted.is_last[t - 1, b]]
        for b in range(num_envs)
    ]
    environments = gymnasium.vector.SyncVectorEnv(
        [lambda coins=coins: ChainAsGymnasium(coins) for coins in starts],
        autoreset_mode=gymnasium.vector.AutoresetMode.SAME_STEP,
    )
    found = Collector(environments).collect(lambda observation, t: wanted.action[t], num_steps)
    for field in ("observation", "next_observation", "action", "reward", "terminated", "is_last"):
        np.testing.assert_array_equal(getattr(found.trajectory, field), getattr(wanted, field), err_msg=field)
    assert found.returns.sum() == info.return_sum and len(found.returns) == info.num_episodes > 3
    learner = Learner((lambda key: agent, lambda params, o: params(o)), rule, optimizer=optax.sgd(1.0))
    state = learner.init(key)
    one, other = learner.update(state, found.trajectory)[0], learner.update(state, wanted)[0]
    np.testing.assert_array_equal(one.params.rows, other.params.rows)


def test_time_limits_can_be_shown_as_terminations_with_one_row_of_what_follows():
    collector = Collector(diaries("SAME_STEP", Diary((2,), (True,))), time_limit_is_termination=True)
    seen = collector.collect(ones, 3).trajectory
    assert rows(seen.terminated) == rows(seen.is_last) == [False, True, False]
    assert seen.next_observation.tolist() == [[[1, 1]]]


def test_learning_sees_clipped_rewards_and_the_report_what_was_paid():
    found = Collector(diaries("SAME_STEP", Diary()), largest_reward=1.0).collect(ones, 4)
    assert rows(found.trajectory.reward) == [1, 1, 1, 1] and found.returns.tolist() == [2, 22]


def test_actions_and_states_are_counted_from_zero_whatever_the_environment_does():
    class Shifted(Diary):
        action_space = gymnasium.spaces.Discrete(2, start=5)
        observation_space = gymnasium.spaces.Discrete(4, start=-1)

        def _observation(self):
            return np.int64(self.step_number - 1)

    environment = Shifted((3,))
    found = Collector(diaries("SAME_STEP", environment)).collect(ones, 3)
    assert environment.actions == [6, 6, 6] and rows(found.trajectory.action) == [1, 1, 1]
    assert rows(found.trajectory.observation) == [0, 1, 2] and found.trajectory.observation.dtype == jnp.int32


def test_a_trajectory_stays_as_it_is_while_the_next_one_is_collected():
    collector = Collector(diaries("NEXT_STEP", Diary()))
    first = collector.collect(ones, 4)
    before = jax.tree.map(np.array, first.trajectory)
    collector.collect(ones, 4)
    jax.tree.map(np.testing.assert_array_equal, before, first.trajectory)


def test_environments_that_leave_resets_to_their_user_are_refused():
    environments = diaries("DISABLED", Diary())
    with pytest.raises(ValueError, match="autoreset mode .*DISABLED; .*SAME_STEP or .*NEXT_STEP is needed"):
        Collector(environments)
