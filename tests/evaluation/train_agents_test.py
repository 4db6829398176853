"""Training of fresh agents: independent of how it is cut up, compiled once, and it learns."""

import jax
import numpy as np
import pytest

from lpg.environments.registry import environment
from lpg.evaluation import train_agents as module
from lpg.evaluation.evaluate import Trial, runs_of
from lpg.evaluation.settings import Setting
from lpg.evaluation.train_agents import TrainingSizes, fitting_chunk, stretch_ends, train_agents
from lpg.update_rules.a2c import A2C

SIZES = TrainingSizes(num_streams=8, num_steps=10)
SHAPE = environment("chain/short").distribution.shape


def runs(seeds, learning_rate=100.0):
    return runs_of([Trial("chain/short", s, Setting(learning_rate=learning_rate), 6) for s in seeds], "tuning", None)


def train(seeds=(0, 1, 2), num_updates=6, learning_rate=100.0, **options):
    options = {"sizes": SIZES, "num_points": 3, **options}
    return train_agents(A2C(), SHAPE, runs(seeds, learning_rate), num_updates, **options)


def test_curves_do_not_depend_on_company_or_chunks():
    together, _ = train(chunk=1)
    padded, _ = train(chunk=2)
    alone, _ = train(seeds=(2,), chunk=1)
    np.testing.assert_array_equal(together.episodes, padded.episodes)
    np.testing.assert_allclose(together.return_mean, padded.return_mean, rtol=1e-5)
    np.testing.assert_allclose(together.return_mean[2], alone.return_mean[0], rtol=1e-5)
    assert not np.array_equal(together.episodes[0], together.episodes[1]), "the twin: seeds differ"


def test_the_number_of_points_changes_nothing_but_the_points():
    coarse, _ = train(num_points=1, chunk=1)
    fine, _ = train(num_points=6, chunk=1)
    np.testing.assert_array_equal(coarse.episodes[:, 0], fine.episodes.sum(axis=1))
    total = np.nansum(np.nan_to_num(fine.return_mean) * fine.episodes, axis=1)
    np.testing.assert_allclose(coarse.return_mean[:, 0] * coarse.episodes[:, 0], total, rtol=1e-5)


def test_another_number_of_updates_or_other_hyperparameters_compile_nothing_new():
    train(chunk=1)
    _, advance, _ = module._programs(SHAPE, SIZES, 1, "tabular")
    before = advance._cache_size()
    train(chunk=1, num_updates=4, learning_rate=3.0, seeds=(5,))
    assert advance._cache_size() == before == 1


def test_progress_is_told_of_every_step_of_every_run_and_of_no_padding():
    told = []
    train(chunk=2, progress=told.append)
    assert sum(told) == 3 * 6 * 80


def test_kept_agents_are_those_of_the_runs():
    _, agents = train(chunk=1, keep_agents=True)
    _, (last,) = train(chunk=1, seeds=(2,), keep_agents=True)
    assert len(agents) == 3
    np.testing.assert_allclose(agents[2].rows, last.rows, rtol=1e-5, atol=1e-6)
    assert not np.allclose(agents[0].rows, agents[2].rows)


def test_a2c_solves_short_chains_and_does_not_with_a_learning_rate_of_nothing():
    learned, _ = train(seeds=(0, 1), num_updates=200, chunk=1, learning_rate=20.0)
    stuck, _ = train(seeds=(0, 1), num_updates=200, chunk=1, learning_rate=1e-6)
    assert learned.return_mean[:, -1].mean() > 0.8
    assert abs(stuck.return_mean[:, -1].mean()) < 0.4


def test_standard_errors_worked_by_hand():
    # Returns 1 and 3: mean 2, sample variance 2, standard error √(2/2) = 1. One episode has none; none has no mean.
    info = module.RolloutInfo.__new__(module.RolloutInfo)
    for name, value in {"return_sum": [[4.0, 5.0, 0.0]], "return_square_sum": [[10.0, 25.0, 0.0]],
                        "num_episodes": [[2, 1, 0]]}.items():  # fmt: skip
        object.__setattr__(info, name, np.array(value, float))
    curves = module._curves(np.array([1, 2, 3]), info)
    np.testing.assert_allclose(curves.return_mean, [[2.0, 5.0, np.nan]])
    np.testing.assert_allclose(curves.return_stderr, [[1.0, np.nan, np.nan]])


def test_points_are_spread_evenly_and_the_last_is_the_end():
    assert stretch_ends(10, 4).tolist() == [2, 5, 8, 10]
    assert stretch_ends(3, 50).tolist() == [1, 2, 3]


def test_chunks_waste_little():
    assert jax.default_backend() == "cpu"
    assert fitting_chunk(3, 2) == 2
    assert fitting_chunk(9, 1) == 3
    assert fitting_chunk(64, 2) == 4


@pytest.mark.parametrize("sizes", [{"num_streams": 0}, {"num_steps": 1}])
def test_impossible_sizes_are_refused(sizes):
    with pytest.raises(ValueError, match=next(iter(sizes))):
        TrainingSizes(**sizes)
