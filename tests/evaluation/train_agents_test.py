"""Training of fresh agents: independent of how it is cut up, compiled once, and it learns."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lpg
from lpg.agents.rollout import init_rollout, rollout
from lpg.environments.registry import env_spec
from lpg.evaluation import train_agents as module
from lpg.evaluation.evaluate import Trial, runs_of
from lpg.evaluation.gymnasium_backend import _optimizer
from lpg.evaluation.train_agents import fitting_chunk, train_agents
from lpg.evaluation.train_config import TrainConfig
from lpg.learner.baseline import WithBaseline
from lpg.learner.learner import Learner
from lpg.update_rules.a2c import A2C
from tests.learner.fixtures import RULES, fixed_targets

CONFIG = TrainConfig(num_envs=8, num_steps=10, table_step="samples")
ENV = env_spec("chain/short").distribution.env


def runs(seeds, learning_rate=100.0):
    config = dataclasses.replace(CONFIG, learning_rate=learning_rate)
    return runs_of([Trial("chain/short", s, config, 6) for s in seeds], "tuning", None)


def train(seeds=(0, 1, 2), num_updates=6, learning_rate=100.0, **options):
    options = {"config": CONFIG, "num_points": 3, **options}
    return train_agents(A2C(), ENV, runs(seeds, learning_rate), num_updates, **options)


@pytest.mark.thorough
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
    _, advance, _ = module._programs(ENV, CONFIG.static, 1, "tabular")
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


def trained_table(rule, num_updates, baseline=False):
    # Two environments, two steps: chains have at least 5, so each is in state 0 or 1 at its first step alone.
    config = TrainConfig(learning_rate=2.0, num_envs=2, num_steps=2, baseline=baseline, table_step="samples")
    made = runs_of([Trial("chain/short", 0, config, num_updates)], "tuning", None)
    _, (agent,) = train_agents(rule, ENV, made, num_updates, config=config, num_points=1, keep_agents=True)
    return np.asarray(agent.rows)


@pytest.mark.thorough
def test_a_baseline_begins_at_zero_and_its_first_update_is_that_worked_by_hand():
    # π̂ = .4 in each of the four rows, f = 0, and the step size is 2. A state that n of the rows are in moves by
    #   −2 · n/4 · (0 − .4) = .2 n, which makes .4 for the two first states together and .8 for all.
    rule = fixed_targets(0.4, (0.75, 0.25))
    found, without = trained_table(rule, 1, baseline=True), trained_table(rule, 1)
    assert found.shape[1] == without.shape[1] + 1 == 2 + 2 + 1
    assert found[:2, -1].sum() == pytest.approx(0.4, abs=1e-6)
    assert found[:, -1].sum() == pytest.approx(0.8, abs=1e-6) and (found[:, -1] >= 0).all()
    # f = 0 is subtracted from π̂ in the first update, which is nothing; and something when a state is seen again.
    np.testing.assert_allclose(found[:, :2], without[:, :2], atol=1e-6)
    assert np.abs(trained_table(rule, 40, baseline=True)[:, :2] - trained_table(rule, 40)[:, :2]).max() > 1e-2


@pytest.mark.parametrize(
    ("name", "observation"),
    [("chain/distractor", jnp.ones(22)), ("gymnasium/CartPole-v1", jnp.ones(4))],
    ids=["compiled", "on the host"],
)
def test_agents_begin_with_the_value_asked_for_and_a_baseline_with_zero(name, observation):
    config = TrainConfig(learning_rate=1e-9, initial_value=2.0, baseline=True, num_envs=4, num_steps=8)
    made = lpg.train(RULES["lpg"](), name, 32, config=config, agent="D(4)").agent
    np.testing.assert_allclose(made(observation).prediction, [-2, 0, 2, 0], atol=1e-6)


def test_agents_in_one_program_may_begin_with_different_values():
    configs = [TrainConfig(learning_rate=1e-9, initial_value=value, num_envs=4, num_steps=8) for value in (0.0, 3.0)]
    made = runs_of([Trial("chain/short", 0, config, 1) for config in configs], "tuning", None)
    env = env_spec("chain/short").distribution.env
    _, agents = train_agents(A2C(), env, made, 1, config=configs[0], keep_agents=True)
    for agent, value in zip(agents, (0, 3), strict=True):
        np.testing.assert_allclose(agent.rows[:, -1], value, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "agent", "table_step"),
    [
        ("chain/short", "tabular", "samples"),
        ("chain/short", "tabular", "visits"),
        ("chain/distractor", "D(4)", "visits"),
    ],
)
@pytest.mark.parametrize("baseline", [True, False])
def test_an_update_is_that_of_the_learner_on_the_same_trajectory(name, agent, table_step, baseline):
    assert_same_as_learner(name, agent, baseline=baseline, table_step=table_step)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "options",
    [
        {"num_epochs": 2},
        {"num_minibatches": 2},
        {"normalise_observations": True},
        {"normalise_rewards": True},
        {"normalise_advantages": True},
        {"max_gradient_norm": 0.01, "final_learning_rate": 0.1, "num_epochs": 2, "num_minibatches": 4},
    ],
    ids=lambda options: "-".join(options),
)
def test_with_each_option_it_is_that_of_the_learner_too(options):
    found = assert_same_as_learner("classic/CartPole-v1", "D(4)", **options)
    plain = assert_same_as_learner("classic/CartPole-v1", "D(4)")
    assert any(np.abs(a - b).max() > 1e-4 for a, b in zip(found, plain, strict=True)), "the twin: without the option"


def assert_same_as_learner(name, agent, **options):
    """Two updates in the compiled program and by `Learner`; returns the parameters after them."""
    rule, env = RULES["lpg"](), env_spec(name).distribution.env
    config = TrainConfig(learning_rate=0.5, y_weight=0.7, gamma=0.9, num_envs=4, num_steps=8, **options)
    baseline = config.baseline
    made = runs_of([Trial(name, 0, config, 2)], "tuning", None)
    found = [train_agents(rule, env, made, n, config=config, agent=agent, keep_agents=True)[1][0] for n in (1, 2)]
    run = jax.tree.map(lambda x: x[0], made)
    inside = WithBaseline(rule) if baseline else rule
    fresh = module._init(inside, run, env, config, agent).learner.agent
    learner = Learner(
        (lambda key: fresh, lambda params, observation: params(observation)),
        rule,
        optimizer=_optimizer(agent, config, 2),
        y_weight=0.7, gamma=0.9, baseline=baseline, **dataclasses.asdict(config.learn_options),
    )  # fmt: skip
    state = learner.init(jax.random.key(0))
    walk = init_rollout(jax.random.split(jax.random.fold_in(run.key, 0))[1], env, run.env_params, 4)
    for number in range(2):
        walk, trajectory, _ = rollout(
            jax.random.fold_in(run.key, 1 + number), walk, learner.agent(state), env, run.env_params,
            num_steps=8, time_limit_is_termination=False,
        )  # fmt: skip
        key_update = jax.random.fold_in(jax.random.fold_in(run.key, 1 + number), 1)
        state, _ = learner.update(state, trajectory, key=key_update)
        for ours, theirs in zip(jax.tree.leaves(found[number]), jax.tree.leaves(learner.agent(state)), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=3e-5)
    # The twin: on another trajectory, that of the first update, the second is another one.
    other = learner.agent(learner.update(learner.init(jax.random.key(0)), trajectory, key=key_update)[0])
    assert any(
        np.abs(a - b).max() > 1e-4 for a, b in zip(jax.tree.leaves(found[0]), jax.tree.leaves(other), strict=True)
    )
    return jax.tree.leaves(state.params)


def test_chunks_waste_little():
    assert jax.default_backend() == "cpu"
    assert fitting_chunk(3, 2) == 2
    assert fitting_chunk(9, 1) == 3
    assert fitting_chunk(64, 2) == 4
