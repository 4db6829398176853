"""The buffer of trajectories: what is in it after some rollouts, and what is drawn."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from lpg.update_rules.disco import replay
from tests.update_rules.disco.fixtures import trajectory


def marked(number, num_envs=2):
    """A rollout in which the rewards of a trajectory are all its number."""
    rows = trajectory(num_envs=num_envs)
    reward = jnp.broadcast_to(number * num_envs + jnp.arange(num_envs, dtype=float), rows.reward.shape)
    return dataclasses.replace(rows, reward=reward)


def kept(buffer):
    return sorted(np.asarray(buffer.trajectories.reward)[0].astype(int).tolist())


def test_the_oldest_rollout_is_replaced(monkeypatch):
    monkeypatch.setattr(replay, "CAPACITY", 7)  # three rollouts of two
    buffer = replay.init_replay(marked(0))
    assert buffer.trajectories.reward.shape == (4, 6)
    for number in range(5):
        buffer = replay.add(buffer, marked(number))
    assert kept(buffer) == [4, 5, 6, 7, 8, 9] and int(buffer.num_rollouts) == 5


def test_only_what_was_put_in_is_drawn_all_of_it_and_whole():
    buffer = replay.add(replay.add(replay.init_replay(marked(0)), marked(1)), marked(2))
    drawn = [replay.draw(buffer, jax.random.key(seed), 2) for seed in range(20)]
    rewards = np.array([np.asarray(rows.reward) for rows in drawn])
    assert set(rewards.ravel().tolist()) == {2, 3, 4, 5}
    for rows in drawn[:5]:
        for env in range(2):
            source = int(rows.reward[0, env]) % 2
            np.testing.assert_array_equal(rows.observation[:, env], marked(0).observation[:, source])
            assert np.all(rows.reward[:, env] == rows.reward[0, env])


def test_more_environments_than_the_capacity_are_all_kept(monkeypatch):
    monkeypatch.setattr(replay, "CAPACITY", 1)
    buffer = replay.add(replay.init_replay(marked(0)), marked(3))
    assert kept(buffer) == [6, 7]
