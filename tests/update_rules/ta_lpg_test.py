"""TA-LPG: two more inputs, otherwise the LPG; and everything that trains agents tells the time."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.environments.registry import env_spec
from lpg.evaluation.evaluate import Trial, runs_of
from lpg.evaluation.train_agents import train_agents
from lpg.evaluation.train_config import TrainConfig
from lpg.layers import Linear
from lpg.types import Targets, at_update
from lpg.update_rules.base import RuleInputs
from lpg.update_rules.lpg import init_lpg
from lpg.update_rules.lstm import LSTM
from lpg.update_rules.ta_lpg import TALPG, init_ta_lpg, time_weights, with_time
from tests.helpers import hyperparameters, random_output, trajectory

OPEN, SHUT = 40.0, -40.0
targets_of = jax.jit(lambda rule, inputs, hyper: rule.targets(inputs, hyper))
HYPER = hyperparameters()


def small(key):
    return init_ta_lpg(key, lstm_size=3, prediction_size=4, embedding_size=2)


def inputs(key) -> RuleInputs:
    output = random_output(key, (3, 1), prediction_size=4)
    following = random_output(jax.random.fold_in(key, 1), (3, 1), prediction_size=4)
    seen = trajectory(reward=[0.5, -1.0, 2.0], action=[0, 2, 1], is_last=[0, 1, 0])
    return RuleInputs(trajectory=seen, output=output, next_prediction=following.prediction)


@pytest.mark.parametrize(
    ("feature", "number", "num_updates", "expected"),
    [(6, 0, 9, 0.0), (6, 2, 9, 0.25), (6, 8, 9, 1.0), (6, 0, 1, 0.0), (7, 3, 10, 1 / 3), (7, 3, 1000, 1.0)],
)
def test_the_inputs_after_those_of_the_lpg_are_the_share_done_and_the_logarithm_of_the_length(
    feature, number, num_updates, expected, key
):
    # A rule of one unit without memory: input and output gates open, forget gate shut; π̂ is relu(tanh(tanh(feature))).
    rule = init_ta_lpg(key, lstm_size=1, prediction_size=4, embedding_size=2)
    lstm = LSTM(weight=jnp.zeros((9, 4)).at[feature, 2].set(1.0), bias=jnp.array([OPEN, SHUT, 0.0, OPEN]))
    rule = dataclasses.replace(rule, lstm=lstm, pi_head=Linear(weight=jnp.ones((1, 1)), bias=jnp.zeros(1)))
    found = targets_of(rule, inputs(key), at_update(HYPER, number, num_updates)).pi_hat
    np.testing.assert_allclose(found, np.full((3, 1), np.tanh(np.tanh(expected))), rtol=1e-5, atol=1e-7)


def test_made_from_an_lpg_it_does_what_that_does_at_all_times(key):
    rule = init_lpg(key, lstm_size=3, prediction_size=4, embedding_size=2)
    plain, seen = targets_of(rule, inputs(key), HYPER), inputs(key)
    for number, num_updates in ((0, 10), (9, 10), (500, 1000)):
        found = targets_of(with_time(rule), seen, at_update(HYPER, number, num_updates))
        jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-6), found, plain)
    # The twins: with weights of the two inputs it depends on either; all other weights are those of the LPG.
    late, short = (targets_of(small(key), seen, at_update(HYPER, *time)) for time in ((9, 10), (0, 5)))
    early = targets_of(small(key), seen, at_update(HYPER, 0, 10))
    assert np.all(late.pi_hat != early.pi_hat) and np.all(short.pi_hat != early.pi_hat)
    whole = small(key)
    np.testing.assert_array_equal(np.delete(whole.lstm.weight, [6, 7], axis=0), rule.lstm.weight)
    np.testing.assert_array_equal(whole.y_head.weight, rule.y_head.weight)


def test_without_the_time_it_is_refused_in_one_line(key):
    with pytest.raises(ValueError, match="ta-lpg, which reads how much of the training is done; progress and num_upd"):
        small(key).targets(inputs(key), HYPER)


def test_the_weights_of_the_time_are_two_rows_and_nothing_else(key):
    kept = time_weights(small(key))
    nonzero = [np.flatnonzero(np.any(np.atleast_2d(leaf) != 0, axis=-1)).tolist() for leaf in jax.tree.leaves(kept)]
    assert [rows for rows in nonzero if rows] == [[6, 7]]
    np.testing.assert_array_equal(kept.lstm.weight[6:8], small(key).lstm.weight[6:8])
    assert isinstance(kept, TALPG) and not isinstance(init_lpg(key, lstm_size=3), TALPG)


class Clock(eqx.Module):
    """A rule whose targets are n/N and N."""

    prediction_size = 2
    discovers_predictions = False

    def targets(self, inputs, hyper):
        time = jnp.stack([hyper.progress, hyper.num_updates])
        reward = inputs.trajectory.reward
        return Targets(pi_hat=jnp.zeros_like(reward), y_hat=jnp.broadcast_to(time, (*reward.shape, 2)))

    def loss(self, output, inputs, targets, hyper):
        return jnp.mean(0.5 * jnp.sum((output.prediction - targets.y_hat) ** 2, -1))


def test_agents_that_are_trained_tell_their_rule_the_time():
    # A table's row moves to the mean target of its visits, so that the first state, which every update visits, ends
    # with what the last one was told.
    config = TrainConfig(num_envs=8, num_steps=40, learning_rate=1.0)
    env = env_spec("chain/short").distribution.env
    for num_updates, num_points in ((4, 1), (7, 3)):
        runs = runs_of([Trial("chain/short", seed, config, num_updates) for seed in (0, 1)], "tuning", None)
        _, agents = train_agents(
            Clock(), env, runs, num_updates, config=config, num_points=num_points, keep_agents=True
        )
        for agent in agents:
            visited = np.asarray(agent.rows)[:, -2:]
            np.testing.assert_allclose(visited.max(axis=0), [1.0, num_updates], rtol=1e-5)
            # States that were visited earlier alone keep an earlier time.
            shares = np.unique(visited[visited[:, 1] > 0][:, 0])
            assert np.all(np.isclose(shares[:, None], np.arange(num_updates) / (num_updates - 1), atol=1e-5).any(1))
