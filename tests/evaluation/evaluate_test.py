"""Evaluation: rows in order, the same random numbers for every rule, reference returns beside them."""

import dataclasses

import numpy as np
import pytest

from lpg.environments.grid_families import objects_of
from lpg.environments.random_grid_families import RandomGrid
from lpg.evaluation.evaluate import Trial, evaluate_rule, reference_rows, rows_of, run_trials, score_rule
from lpg.evaluation.train_config import TrainConfig
from lpg.update_rules.a2c import A2C
from lpg.update_rules.lpg_v import init_lpg_v
from tests.learner.fixtures import fixed_targets

CONFIG = TrainConfig(num_envs=4, num_steps=10)
STILL = dataclasses.replace(CONFIG, learning_rate=1e-30)
"""So small a step that no agent moves."""
NAMES = ("chain/short", "chain/long")
MINE = f"{__name__}:tiny"


def tiny():
    """A random grid of the user's own, which no file lists."""
    return RandomGrid(rows=("...",), objects=objects_of((1, 1.0, 1.0, 1.0)), max_steps=5)


def evaluate(rule, label, config=CONFIG):
    return evaluate_rule(rule, label, NAMES, 2, 8, "validation", config, num_points=2)


@pytest.mark.thorough
def test_rows_come_environment_by_environment_and_seed_by_seed():
    rows = evaluate(A2C(), "mine")
    assert [(row.environment, row.seed, row.agent_updates, row.steps) for row in rows] == [
        (name, seed, at, at * 40) for name in NAMES for seed in (0, 1) for at in (4, 8)
    ]
    assert {row.rule for row in rows} == {"mine"}


def test_every_rule_gets_the_same_environments_and_random_numbers(key):
    # Agents that do not move all follow the uniform policy: whatever differs is the environment or the random numbers.
    a = evaluate(A2C(), "a", STILL)
    b = evaluate(init_lpg_v(key, lstm_size=2), "b", STILL)
    np.testing.assert_array_equal([(r.return_mean, r.episodes) for r in a], [(r.return_mean, r.episodes) for r in b])
    other = evaluate_rule(A2C(), "a", NAMES, 2, 8, "report", STILL, num_points=2)
    assert [r.episodes for r in other] != [r.episodes for r in a], "the twin: another purpose"


@pytest.mark.thorough
def test_environments_may_have_configs_and_lengths_of_their_own():
    configs = {"chain/short": STILL, "chain/long": dataclasses.replace(CONFIG, learning_rate=100.0)}
    mixed = evaluate_rule(A2C(), "a", NAMES, 1, {"chain/short": 8, "chain/long": 4}, "validation", configs,
                          num_points=1)  # fmt: skip
    still = evaluate_rule(A2C(), "a", NAMES, 1, 8, "validation", STILL, num_points=1)
    assert [row.agent_updates for row in mixed] == [8, 4]
    assert mixed[0] == still[0]


@pytest.mark.thorough
def test_agents_with_and_without_a_baseline_train_in_one_call():
    rule, moving = fixed_targets(0.4, (0.75, 0.25)), dataclasses.replace(CONFIG, learning_rate=20.0)
    configs = {"chain/short": dataclasses.replace(moving, baseline=True), "chain/long": moving}
    mixed, without = (
        evaluate_rule(rule, "a", NAMES, 2, 100, "validation", each, num_points=1) for each in (configs, moving)
    )
    assert mixed[2:] == without[2:] and mixed[:2] != without[:2]


def test_reference_returns_are_rows_too():
    rows = reference_rows(NAMES, 2, "validation")
    assert [(r.rule, r.environment, r.seed) for r in rows[:3]] == [
        ("random", "chain/short", 0), ("optimum", "chain/short", 0), ("random", "chain/short", 1),
    ]  # fmt: skip
    np.testing.assert_allclose([r.return_mean for r in rows], [0.0, 1.0] * 4, atol=1e-6)


def test_a_reference_return_that_is_no_optimum_is_not_called_so():
    small, sparse, unknown = (
        reference_rows([name], 1, "report") for name in ("random/small", "random/small_sparse", MINE)
    )
    assert [row.rule for row in small] == ["random", "best known"]
    assert [row.rule for row in sparse] == ["random", "optimum"]
    assert small[1].return_mean > 40 and small[1].return_stderr > 0 and np.isnan(sparse[1].return_stderr)
    assert unknown == []


def test_a_rule_is_scored_against_its_reference_returns():
    rows, found = score_rule(A2C(), "a", NAMES, 2, 8, "validation", dataclasses.replace(CONFIG, learning_rate=100.0))
    assert len(rows) == 2 * 2 * 8
    assert set(found.area.per_environment) == set(NAMES)
    # On a chain a normalised return is the return.
    assert found.end.per_environment["chain/short"] == pytest.approx(found.raw_end["chain/short"], abs=1e-5)


@pytest.mark.thorough
def test_trials_with_other_geometries_are_those_of_runs_of_their_own():
    # 16 environments of 10 steps and 8 of 20 in one call: steps are each one's own, and company changes nothing.
    configs = [dataclasses.replace(CONFIG, num_envs=n, num_steps=160 // n, learning_rate=20.0) for n in (16, 8)]
    trials = [Trial("chain/short", 0, config, config.num_updates(960)) for config in configs]
    curves = run_trials(A2C(), trials, "validation", num_points=2)
    rows = rows_of("a", trials, curves)
    assert [row.steps for row in rows] == [480, 960] * 2
    for trial, curve in zip(trials, curves, strict=True):
        (alone,) = run_trials(A2C(), [trial], "validation", num_points=2)
        np.testing.assert_array_equal(np.array(alone), np.array(curve))
    assert not np.array_equal(curves[0][1], curves[1][1]), "the twin: other geometries, other returns"
