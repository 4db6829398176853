"""Tuning: a search on a lattice whose answer is known, its budget, and its table."""

import dataclasses
import json

import numpy as np
import pytest

from lpg.evaluation import tuning
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.tuning import (
    HAND_WRITTEN,
    LEARNED,
    SearchAxis,
    axes_for,
    candidates,
    config_at,
    confirm,
    neighbours,
    tune,
)  # fmt: skip
from lpg.evaluation.tuning_table import read_table, save_table
from lpg.update_rules.a2c import A2C

LADDERS = (
    SearchAxis("learning_rate", lambda r: 2.0**r, (0, 1)),
    SearchAxis("y_weight", lambda r: float(r), (0, 1), lowest=0),
)


def search(score, axes, num_trials):
    tried = {}
    while len(tried) < num_trials:
        for point in candidates(tried, axes, num_trials - len(tried)):
            tried[point] = float(score(point))
    return tried


def test_the_search_walks_out_of_its_box_to_a_best_that_lies_far_outside():
    tried = search(lambda p: -abs(p[0] - 7) - abs(p[1] - 3), LADDERS, 50)
    assert max(tried, key=tried.get) == (7, 3)
    assert all(p in tried for p in neighbours((7, 3), LADDERS))
    assert len(tried) == 50


def test_a_natural_bound_is_never_crossed():
    tried = search(lambda p: -abs(p[0]) - p[1], LADDERS, 12)
    assert max(tried, key=tried.get) == (0, 0)
    assert min(p[1] for p in tried) == 0 and min(p[0] for p in tried) < 0


def test_neighbours_differ_by_one_rung():
    assert set(neighbours((0, 0), LADDERS)) == {(1, 0), (-1, 0), (0, 1)}


def test_a_budget_smaller_than_the_box_is_kept():
    assert len(candidates({}, LADDERS, 3)) == 3


def test_the_boxes_leave_most_of_a_budget_to_the_search():
    # 4 · 2 corners, and 2 · 2 · 2 · 2.
    assert len(candidates({}, LEARNED, 99)) == 8
    assert len(candidates({}, HAND_WRITTEN, 99)) == 16


def test_the_ladders_hold_the_published_values_and_the_natural_bounds():
    assert {LEARNED[0].value(r) for r in (-1, 0, 1)} == {20.0, 40.0, 80.0}
    entropy, lambda_ = HAND_WRITTEN[2], HAND_WRITTEN[3]
    assert entropy.value(0) == 0.0 and not entropy.has(-1) and entropy.has(50)
    assert lambda_.value(0) == 1.0 and not lambda_.has(-1) and lambda_.value(6) == 0.0 and not lambda_.has(7)
    assert config_at((0, -1), LEARNED, TrainConfig()).y_weight == 0.25


def test_a_network_is_tuned_around_the_rates_of_adam():
    table, network = axes_for("tabular", is_learned=False), axes_for("D(32)", is_learned=False)
    assert table == HAND_WRITTEN and network[1:] == HAND_WRITTEN[1:]
    assert [network[0].value(r) for r in network[0].start] == [0.0005, 0.002]
    assert len(candidates({}, network, 99)) == 16 and len(candidates({}, axes_for("D(32)", is_learned=True), 99)) == 4


def test_the_values_of_a_learned_rule_are_tuned_where_a_table_of_them_is_stable():
    own = axes_for("tabular", is_learned=True)
    valued = axes_for("tabular", is_learned=True, is_valued=True)
    # A row that is met at every step moves by 2 α_lr α_y of its error: at 2560 this is below 1 up to α_y = 2e-4, and
    # most rows are met at less than a tenth of the steps.
    assert max(valued[1].value(index) for index in valued[1].start) < 2e-3
    assert min(own[1].value(index) for index in own[1].start) > 0.05
    assert axes_for("D(32)", is_learned=True, is_valued=True) == axes_for("D(32)", is_learned=True)


CONFIG = TrainConfig(num_envs=8, num_steps=10)


@pytest.fixture(scope="module")
def entries():
    options = {"is_learned": False, "num_trials": 18, "num_seeds": 2, "config": CONFIG}
    return tune(A2C(), ["chain/short"], {"chain/short": 30 * 80}, **options)


def test_a_sweep_records_every_trial_best_first(entries):
    entry = entries["chain/short"]
    score = [row[-1] for row in entry["sweep"]]
    assert len(score) == entry["trials"] == 18 and entry["updates"] == 30
    assert score == sorted(score, reverse=True) and score[0] == entry["score"] > score[-1]
    best = dict(zip(entry["sweep_columns"], entry["sweep"][0], strict=True))
    assert all(entry["setting"][name] == value for name, value in best.items() if name != "score")
    assert (entry["setting"]["num_envs"], entry["setting"]["num_steps"]) == (8, 10)


def test_a_sweep_says_how_it_was_scored_and_names_an_agent_that_is_not_the_environments_own(entries):
    assert entries["chain/short"]["is_normalised"] and "agent" not in entries["chain/short"]
    config, name = TrainConfig(num_envs=4, num_steps=5), "random/small_sparse"
    options = {"is_learned": False, "num_trials": 2, "num_seeds": 1, "config": config}
    other = tune(A2C(), [name], {name: 20 * 20}, agent="D(2)", **options)[name]
    own = tune(A2C(), [name], {name: 20 * 20}, agent="D(32)", **options)[name]
    assert other["agent"] == "D(2)" and "agent" not in own
    assert other["is_normalised"] and other["setting"]["learning_rate"] < 0.01


def test_without_rulers_the_plain_return_is_what_counts(monkeypatch):
    nothing = np.full(2, np.nan)
    monkeypatch.setattr(tuning, "references", lambda *_: (nothing, nothing))
    options = {"is_learned": False, "num_trials": 2, "num_seeds": 2, "config": CONFIG}
    entry = tune(A2C(), ["chain/short"], {"chain/short": 30 * 80}, **options)["chain/short"]
    assert not entry["is_normalised"] and entry["score"] is not None
    # On a chain a normalised return is the return.
    monkeypatch.undo()
    again = tune(A2C(), ["chain/short"], {"chain/short": 30 * 80}, **options)["chain/short"]
    assert again["is_normalised"] and again["score"] == pytest.approx(entry["score"], abs=1e-3)


def test_the_best_settings_of_a_sweep_are_tried_again_at_another_length(entries):
    seen = []

    def run(rule, trials, purpose, **options):
        # The second best setting is made the better one: returns of 0.25 and 0.75, the whole curve long.
        seen.extend(trials)
        return [
            (np.array([40]), np.array([0.75 if t.config == second else 0.25]), np.zeros(1), np.array([64]))
            for t in trials
        ]

    entry = entries["chain/short"]
    columns = entry["sweep_columns"][:-1]
    first, second = (dataclasses.replace(CONFIG, **dict(zip(columns, row, strict=False))) for row in entry["sweep"][:2])
    options = {"num_best": 2, "num_seeds": 3, "run": run}
    found = confirm(A2C(), "chain/short", entry, 40 * 80, **options)
    assert [(t.config, t.seed, t.num_updates) for t in seen] == [(s, i, 40) for s in (first, second) for i in range(3)]
    assert found["setting"] == second.record() and found["score"] == pytest.approx(0.75, abs=1e-4)
    assert [row[-1] for row in found["sweep"]] == pytest.approx([0.75, 0.25], abs=1e-4)
    assert (found["updates"], found["confirms"], found["trials"], found["seeds"]) == (40, 30, 2, 3)
    # What the sweep did not vary is as it was there.
    with_baseline = {**entry, "setting": {**entry["setting"], "baseline": True}}
    seen.clear()
    assert confirm(A2C(), "chain/short", with_baseline, 40 * 80, **options)["setting"]["baseline"]
    assert all(trial.config.baseline for trial in seen)


def test_a_table_grows_by_environment_agent_and_number_of_updates(entries, tmp_path):
    path = tmp_path / "tuned" / "a2c.json"
    save_table(path, "a2c", entries)
    save_table(path, "a2c", {"chain/short": {**entries["chain/short"], "updates": 10}})
    save_table(path, "a2c", {"chain/short": {**entries["chain/short"], "score": 0.5}})
    found = read_table(path)["environments"]["chain/short"]
    assert [e["updates"] for e in found] == [10, 30] and found[1]["score"] == 0.5
    save_table(path, "a2c", {"chain/short": {**entries["chain/short"], "agent": "another"}})
    found = read_table(path)["environments"]["chain/short"]
    assert [(e["updates"], e.get("agent")) for e in found] == [(10, None), (30, None), (30, "another")]
    assert json.loads(path.read_text())["rule"] == "a2c"
    assert max(map(len, path.read_text().splitlines())) < 120
