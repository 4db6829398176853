"""Trainings that are stopped and go on are those that were never stopped, bit for bit."""

import dataclasses

import jax
import numpy as np
import pytest

import lpg
from lpg.evaluation import trainer
from lpg.evaluation.chosen_config import ChosenConfig
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.trainer import evaluate_plans, steps_done, train_plan
from lpg.evaluation.training_folder import checkpoint_path, trained_seeds
from lpg.evaluation.training_plan import make_plan
from lpg.learner.saving import read_card
from lpg.sinks import Sinks
from lpg.update_rules.registry import find_rule
from tests.helpers import Diary
from tests.learner.mirror import NAME

CONFIG = TrainConfig(learning_rate=5.0, num_envs=4, num_steps=5, table_step="samples")


def plan_of(environment="chain/short", num_updates=250, config=CONFIG):
    return make_plan(find_rule("a2c"), environment, num_steps=num_updates * 20, chosen=ChosenConfig(config, "given"))


PLAN = plan_of()
"""100 points, of two or three updates each; an update is 20 steps."""


class Stop(KeyboardInterrupt):
    pass


def stop_after(num_calls: int):
    calls = []

    def progress(steps):
        calls.append(steps)
        if len(calls) == num_calls:
            raise Stop

    return progress


def same(a, b) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


@pytest.mark.thorough
def test_sinks_get_each_point_once_even_if_the_training_was_interrupted(tmp_path):
    for environment in ("chain/short", NAME):
        plan, diary, folder = plan_of(environment), Diary(), tmp_path / environment
        with Sinks([diary], pytest.fail) as sinks:
            with pytest.raises(Stop):
                # Stopped before the sinks hear of the 40th report, which a checkpoint holds.
                train_plan(plan, [0], out=folder, progress=stop_after(40), sinks=sinks)
            early = len(diary.lines)
            rows, _ = train_plan(plan, [0], out=folder, resume=True, sinks=sinks)
        steps = [step for kind, step, *_ in diary.lines[:-1]]
        assert 10 < early < 40 and steps == sorted(set(steps)) and steps[-1] == rows[-1].steps
        assert len(steps) >= len(rows) - 1
        returns = {row.steps: row.return_mean for row in rows if not np.isnan(row.return_mean)}
        found = {step: values["return_mean"] for _, step, values, _ in diary.lines[:-1] if "return_mean" in values}
        assert found.items() <= returns.items() and len(found) >= len(returns) - 1


def test_an_interrupted_training_goes_on_as_if_nothing_had_been(tmp_path):
    # Two devices and three seeds: one batch of four rows, the last seed twice.
    straight, agents = train_plan(PLAN, range(3))
    with pytest.raises(Stop):
        train_plan(PLAN, range(3), out=tmp_path, progress=stop_after(40))
    assert trained_seeds(tmp_path) == []
    # 40 of 100 points, 100 of 250 updates, three seeds.
    assert steps_done(PLAN, range(3), tmp_path) == 3 * 100 * 20
    steps = []
    rows, found = train_plan(PLAN, range(3), out=tmp_path, resume=True, progress=steps.append)
    assert sum(steps) == 3 * 150 * 20 and trained_seeds(tmp_path) == [0, 1, 2]
    assert str(rows) == str(straight) and same(found, agents)
    # What is done is not done again.
    rows, found = train_plan(PLAN, range(3), out=tmp_path, resume=True, progress=stop_after(1))
    assert str(rows) == str(straight) and same(found, agents)
    # The twin: without resume it begins anew.
    with pytest.raises(Stop):
        train_plan(PLAN, range(3), out=tmp_path, progress=stop_after(1))
    assert steps_done(PLAN, range(3), tmp_path) == 3 * 2 * 20


def test_a_checkpoint_is_written_now_and_then(tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    path, seen = checkpoint_path(tmp_path, 0), []
    train_plan(
        plan_of(num_updates=3),
        [0],
        out=tmp_path,
        progress=lambda _: seen.append(path.exists() and len(read_card(path)["totals"])),
    )
    assert seen == [False, 1, 2] and len(read_card(path)["totals"]) == 3


@pytest.mark.parametrize(
    ("changes", "seeds", "words"),
    [
        ({"config": dataclasses.replace(CONFIG, learning_rate=6.0)}, [0], "config differs"),
        ({"environment": "chain/short_noisy"}, [0], "environment differs"),
        ({}, [0, 1], r"seeds differs: \[0\] then, \[0, 1\] now"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(changes, seeds, words, tmp_path):
    train_plan(plan_of(num_updates=10), [0], out=tmp_path)
    with pytest.raises(ValueError, match=f"of another training, its {words}"):
        train_plan(plan_of(**{"num_updates": 10, **changes}), seeds, out=tmp_path, resume=True)


@pytest.mark.parametrize("environment", ["chain/short", NAME])
def test_a_training_goes_on_with_more_steps(environment, tmp_path):
    # 10 updates, interrupted on the way to 14, then to 14 and to 20.
    first, _ = train_plan(plan_of(environment, 10), [0], out=tmp_path)
    with pytest.raises(Stop):
        train_plan(plan_of(environment, 14), [0], out=tmp_path, resume=True, progress=stop_after(2))
    assert steps_done(plan_of(environment, 14), [0], tmp_path) == 12 * 20
    second, _ = train_plan(plan_of(environment, 14), [0], out=tmp_path, resume=True)
    rows, (agent,) = train_plan(plan_of(environment, 20), [0], out=tmp_path, resume=True)
    assert [row.agent_updates for row in rows] == list(range(1, 21))
    assert str(rows[:10]) == str(first) and str(rows[:14]) == str(second)
    if environment != NAME:
        # In JAX and at a constant learning rate it is the training that was longer from the beginning, bit for bit.
        straight, (other,) = train_plan(plan_of(environment, 20), [0])
        assert same(agent, other) and str(rows) == str(straight)
    # Once more for nothing, and never fewer.
    assert str(train_plan(plan_of(environment, 20), [0], out=tmp_path, resume=True)[0]) == str(rows)
    with pytest.raises(ValueError, match="280 steps asked for; the training in .* has 400, and it can go on with more"):
        train_plan(plan_of(environment, 14), [0], out=tmp_path, resume=True)


def test_the_learning_rate_of_a_training_that_goes_on_falls_anew(tmp_path):
    falling = dataclasses.replace(CONFIG, final_learning_rate=0.0)
    _, (done,) = train_plan(plan_of(num_updates=10, config=falling), [0], out=tmp_path)
    _, (same_length,) = train_plan(plan_of(num_updates=10, config=falling), [0], out=tmp_path, resume=True)
    _, (longer,) = train_plan(plan_of(num_updates=30, config=falling), [0], out=tmp_path, resume=True)
    # At the end of the first ten updates the rate was zero; after ten of thirty it is two thirds of the first one.
    assert same(done, same_length) and not same(done, longer)


def test_the_short_way_goes_on_with_the_configuration_that_it_had(tmp_path):
    # What is recorded for A2C depends on the number of steps; a training that goes on keeps what it began with.
    first = lpg.train("a2c", "chain/short", 600, out=tmp_path, changes={"learning_rate": 3.0})
    per_update = first.config.steps_per_update
    longer = lpg.train("a2c", "chain/short", 10 * per_update, out=tmp_path, resume=True)
    assert longer.config == first.config and longer.curve[-1].steps == 10 * per_update
    assert str(longer.curve[: len(first.curve)]) == str(first.curve)
    # Without steps it goes to the end that it has.
    assert lpg.train("a2c", "chain/short", out=tmp_path, resume=True).curve[-1].steps == 10 * per_update
    with pytest.raises(ValueError, match="of another training, its config differs"):
        lpg.train("a2c", "chain/short", out=tmp_path, resume=True, changes={"learning_rate": 4.0})


def test_the_short_way_saves_and_resumes_too(tmp_path):
    arguments = {"num_steps": 200, "seed": 3, "config": CONFIG, "out": tmp_path}
    first = lpg.train("a2c", "chain/short", **arguments)
    with pytest.raises(ValueError, match="exists; go on with that training by --resume"):
        lpg.train("a2c", "chain/short", **arguments)
    again = lpg.train("a2c", "chain/short", **arguments, resume=True)
    assert str(again.curve) == str(first.curve) and same(again.agent, first.agent)
    with pytest.raises(ValueError, match="resume given without out"):
        lpg.train("a2c", "chain/short", 200, resume=True)


@pytest.mark.thorough
def test_evaluating_several_plans_gives_the_curves_of_each_in_order():
    # Two lengths of chains in one program, a network and a Gymnasium environment, as they are asked for.
    names = ("chain/long", NAME, "chain/distractor", "chain/short")
    plans = [plan_of(name, num_updates=4) for name in names]
    told = []
    rows = evaluate_plans(plans, [0, 1], progress=told.append)
    assert [(row.environment, row.seed, row.steps) for row in rows] == [
        (name, seed, steps) for name in names for seed in (0, 1) for steps in (20, 40, 60, 80)
    ]
    assert sum(told) == 4 * 2 * 80
    alone = evaluate_plans(plans[3:], [0, 1])
    assert [row.episodes for row in alone] == [row.episodes for row in rows[-8:]]
