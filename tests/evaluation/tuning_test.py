"""Tuning: a study that finds a known answer, keeps its budget, goes on from a file, and makes a table."""

import dataclasses

import numpy as np
import pytest

from lpg.evaluation.default_config import default_for
from lpg.evaluation.sweeps import WORST, general_sweeps, sweeps_of
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.tuning import confirm, tune
from lpg.evaluation.tuning_table import read_table, save_general, save_table
from lpg.update_rules.a2c import A2C
from lpg.update_rules.proximal import PPO

NAME, STEPS = "chain/short", {"chain/short": 30 * 80, "chain/long": 30 * 80}
CONFIG = TrainConfig(num_envs=8, num_steps=10, policy_entropy_weight=0.01)
(SWEEP,) = sweeps_of([NAME], STEPS)


def returns(by_trial, seen=None):
    """Stands for `run_trials`: the return of a trial, the whole curve long."""

    def run(rule, trials, purpose, **options):
        assert purpose == "tuning"
        if seen is not None:
            seen.extend(trials)
        return [(np.array([40]), np.array([by_trial(t)]), np.zeros(1), np.array([64])) for t in trials]

    return run


def near_two(trial):
    """Best at a learning rate of 2 and 16 environments."""
    rate = np.exp(-abs(np.log(trial.config.learning_rate / 2.0)))
    return rate - 0.5 * (trial.config.num_envs != 16)


def search(by_trial, num_trials=40, sweeps=(SWEEP,), **options):
    seen = []
    found = tune(
        A2C(),
        list(sweeps),
        is_learned=False,
        num_trials=num_trials,
        num_seeds=2,
        run=returns(by_trial, seen),
        **options,
    )
    return found, seen


def test_a_sweep_finds_the_best_that_there_is():
    found, seen = search(near_two)
    entry = found[NAME]
    assert 1.5 < entry["setting"]["learning_rate"] < 2.7 and entry["setting"]["num_envs"] == 16
    assert entry["score"] > 0.75 and entry["trials"] == 40 and len(seen) == 80
    score = [row[-1] for row in entry["sweep"]]
    assert score == sorted(score, reverse=True) and len(score) == 40 and entry["score"] == score[0] > score[-1]
    # The twin: where nothing matters the first, the default, is as good as any.
    flat, _ = search(lambda trial: 0.25, num_trials=9)
    assert {row[-1] for row in flat[NAME]["sweep"]} == {0.25}


def test_the_default_is_tried_first_and_every_seed_of_a_trial_has_its_configuration():
    _, seen = search(near_two, num_trials=3)
    assert [trial.seed for trial in seen] == [0, 1] * 3
    assert seen[0].config == seen[1].config == default_for("table", is_learned=False).for_rule({})
    assert len({trial.config for trial in seen}) == 3
    # The budget is one of steps, whatever the geometry.
    assert all(abs(t.num_updates * t.config.steps_per_update - STEPS[NAME]) <= t.config.steps_per_update for t in seen)


def test_rules_that_use_a_rollout_several_times_are_tried_with_their_own_default_and_limits():
    seen = []
    tune(PPO(), [SWEEP], is_learned=False, num_trials=10, num_seeds=1, run=returns(near_two, seen))
    assert seen[0].config == default_for("table", is_learned=False, step_limit="clip").for_rule({})
    for name in ("clip", "num_epochs", "num_minibatches"):
        assert len({getattr(trial.config, name) for trial in seen}) > 1, name
    assert {trial.config.drift_scale for trial in seen} == {1.0}


def test_a_learned_rule_is_first_tried_as_it_is_used_without_a_search():
    def first(**changes):
        config = {"learning_rates": [8, 16, 32], "y_weights": [0.25, 0.5, 1], "num_envs": 8, "table_step": "visits"}
        seen = []
        tune(
            A2C(), [SWEEP], is_learned=True, num_trials=1, num_seeds=1, card={"config": config | changes},
            run=returns(near_two, seen),
        )  # fmt: skip
        return seen[0].config

    one = first()
    assert (one.learning_rate, one.y_weight, one.num_envs, one.num_steps) == (16, 0.5, 8, 20)
    # The twin: rates of the paper's step say nothing about the step by visits.
    other, default = first(table_step="samples"), default_for("table", is_learned=True)
    assert (other.learning_rate, other.num_envs) == (default.learning_rate, default.num_envs) != (16, 8)


def test_a_configuration_that_diverges_is_the_worst_and_ends_nothing():
    found, _ = search(lambda trial: np.nan if trial.config.learning_rate > 1 else 0.5, num_trials=12)
    scores = [row[-1] for row in found[NAME]["sweep"]]
    assert scores[0] == 0.5 and scores[-1] == WORST and found[NAME]["setting"]["learning_rate"] <= 1


def test_a_study_in_a_file_goes_on_where_it_was_stopped(tmp_path):
    path, seen = tmp_path / "studies" / "study.log", []

    def stops(rule, trials, purpose, **options):
        if len(seen) >= 16:
            raise KeyboardInterrupt
        return returns(near_two, seen)(rule, trials, purpose)

    options = {"is_learned": False, "num_trials": 24, "num_seeds": 1, "storage": path}
    with pytest.raises(KeyboardInterrupt):
        tune(A2C(), [SWEEP], run=stops, **options)
    assert len(seen) == 16
    more = []
    entry = tune(A2C(), [SWEEP], run=returns(near_two, more), **options)[NAME]
    assert len(more) == 8 and entry["trials"] == 24
    assert not {t.config for t in more} & {t.config for t in seen}
    # Nothing is left to do; another rule has a study of its own.
    again = []
    assert tune(A2C(), [SWEEP], run=returns(near_two, again), **options)[NAME] == entry and not again
    tune(A2C(), [SWEEP], run=returns(near_two, again), label="other", **options)
    assert len(again) == 24


def test_processes_that_share_a_study_try_different_configurations(tmp_path):
    options = {"is_learned": False, "num_trials": 8, "num_seeds": 1, "storage": tmp_path / "study.log"}
    first, second = [], []

    def meanwhile(rule, trials, purpose, **_):
        """Another process opens the study while the first trials of this one are running."""
        if not second:
            tune(A2C(), [SWEEP], run=returns(near_two, second), **options)
        return returns(near_two, first)(rule, trials, purpose)

    tune(A2C(), [SWEEP], run=meanwhile, **options)
    assert len(first) == len(second) == 8
    assert not {trial.config for trial in first} & {trial.config for trial in second}


def test_one_configuration_for_several_environments_scores_by_their_mean():
    names = [NAME, "chain/long"]
    (sweep,) = general_sweeps(names, STEPS)
    assert sweep.name == "table" and sweep.environments == tuple(names)
    found, seen = search(lambda t: 1.0 if t.environment == NAME else 0.0, num_trials=2, sweeps=[sweep])
    assert found["table"]["score"] == pytest.approx(0.5, abs=0.01) and found["table"]["environments"] == names
    assert [(t.environment, t.seed) for t in seen[:4]] == [(n, s) for n in names for s in (0, 1)]
    assert len({trial.config for trial in seen[:4]}) == 1


def test_what_is_fixed_is_not_searched():
    found, seen = search(near_two, num_trials=9, config=CONFIG, fixed=("geometry", "lambda_"))
    assert {(t.config.num_envs, t.config.num_steps, t.config.lambda_) for t in seen} == {(8, 10, 0.95)}
    assert found[NAME]["sweep_columns"] == [
        "learning_rate", "y_weight", "policy_entropy_weight", "normalise_rewards", "score",
    ]  # fmt: skip


@pytest.mark.thorough
def test_agents_are_really_trained():
    options = {"is_learned": False, "num_trials": 4, "num_seeds": 2, "config": CONFIG, "fixed": ("geometry",)}
    entry = tune(A2C(), [SWEEP], **options)[NAME]
    assert entry["updates"] == 30 and entry["is_normalised"] and "agent" not in entry
    scores = [row[-1] for row in entry["sweep"]]
    assert scores[0] > scores[-1] and entry["setting"]["num_envs"] == 8
    name = "random/small_sparse"
    (other,) = sweeps_of([name], {name: 400}, agent="D(2)")
    assert tune(A2C(), [other], **{**options, "num_trials": 1})[name]["agent"] == "D(2)"


def test_the_best_settings_of_a_sweep_are_tried_again_at_another_length():
    found, _ = search(near_two, num_trials=6)
    entry, seen = found[NAME], []
    second = dict(zip(entry["sweep_columns"], entry["sweep"][1], strict=True))

    def better_second(trial):
        return 0.75 if trial.config.learning_rate == pytest.approx(second["learning_rate"]) else 0.25

    longer = dataclasses.replace(SWEEP, num_steps={NAME: 100 * 80})
    again = confirm(A2C(), longer, entry, num_best=3, num_seeds=2, run=returns(better_second, seen))
    assert len(seen) == 6 and again["trials"] == 3 and again["confirms"] == entry["updates"]
    assert again["score"] == pytest.approx(0.75, abs=0.01) and again["sweep"][0][:-1] == entry["sweep"][1][:-1]
    assert again["setting"]["learning_rate"] == pytest.approx(second["learning_rate"])


def test_a_table_keeps_entries_by_length_and_general_ones_by_kind(tmp_path):
    path = tmp_path / "t.json"
    found, _ = search(near_two, num_trials=2)
    save_table(path, "a2c", found)
    save_table(path, "a2c", {NAME: {**found[NAME], "updates": 7}})
    save_table(path, "a2c", {NAME: {**found[NAME], "updates": 7, "score": 0.5}})
    save_general(path, "a2c", "table", found[NAME])
    table = read_table(path)
    assert [entry["updates"] for entry in table["environments"][NAME]] == [7, found[NAME]["updates"]]
    assert table["environments"][NAME][0]["score"] == 0.5
    assert table["general"]["table"]["setting"] == found[NAME]["setting"]
    with pytest.raises(ValueError, match="general setting for 'tables'; one of table, dense, convolution"):
        save_general(path, "a2c", "tables", found[NAME])
        read_table(path)
